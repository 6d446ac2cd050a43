/**
 * Counts what may change who gets an event: what was decided holds as long as nothing was counted. A change is counted
 * where it is made, and no event is sent between the two.
 */
export class Changes {
  n = 0;

  happened(): void {
    this.n += 1;
  }
}
