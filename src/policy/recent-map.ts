/** A map by string that is mostly asked for the same key many times in a row: the words of a run come in series. */
export class RecentMap<V> {
  readonly #all = new Map<string, V>();
  /** The key that was asked for last, and what it has; a comparison is cheaper than a look-up. */
  #key: string | undefined;
  #value: V | undefined;

  get size(): number {
    return this.#all.size;
  }

  get(key: string): V | undefined {
    if (key !== this.#key) {
      this.#value = this.#all.get(key);
      this.#key = key;
    }
    return this.#value;
  }

  set(key: string, value: V): void {
    this.#all.set(key, value);
    if (key === this.#key) this.#value = value;
  }

  delete(key: string): void {
    this.#all.delete(key);
    if (key === this.#key) this.#value = undefined;
  }

  keys(): Iterable<string> {
    return this.#all.keys();
  }

  values(): Iterable<V> {
    return this.#all.values();
  }

  /** In the order of adding. */
  entries(): Iterable<[string, V]> {
    return this.#all.entries();
  }
}
