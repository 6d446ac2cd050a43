/** Counts what may change who gets an event: what was decided holds as long as nothing was counted. */
export class Changes {
  n = 0;

  happened(): void {
    this.n += 1;
  }
}
