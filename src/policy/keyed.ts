/** Several values under each key. A key without values takes no memory. */
const NONE: ReadonlySet<never> = new Set<never>();

export class Keyed<V> {
  readonly #sets = new Map<string, Set<V>>();

  /** Keys that have values. */
  get size(): number {
    return this.#sets.size;
  }

  /** The values under a key, in the order they were added. Live while there are some. */
  of(key: string): ReadonlySet<V> {
    return this.#sets.get(key) ?? NONE;
  }

  values(): Iterable<ReadonlySet<V>> {
    return this.#sets.values();
  }

  add(keys: readonly string[], value: V): void {
    for (const key of keys) {
      const set = this.#sets.get(key);
      if (set) set.add(value);
      else this.#sets.set(key, new Set([value]));
    }
  }

  /** Takes a value away from keys; where it is not, nothing changes. */
  delete(keys: readonly string[], value: V): void {
    for (const key of keys) {
      const set = this.#sets.get(key);
      if (set?.delete(value) && set.size === 0) this.#sets.delete(key);
    }
  }
}
