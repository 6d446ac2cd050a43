/** A map that cannot grow past its limit: to make room, the oldest entry goes. */

/** Oldest by the time it was added; setting a key that is there changes its value and not its age. */
export class BoundedMap<K, V> extends Map<K, V> {
  readonly #limit: number;

  /** @param limit entries that are kept at most; at least 1 */
  constructor(limit: number) {
    super();
    this.#limit = limit;
  }

  override set(key: K, value: V): this {
    if (this.size >= this.#limit && !this.has(key)) {
      const [oldest] = this.keys();
      this.delete(oldest!);
    }
    return super.set(key, value);
  }

  /** Sets a value and makes its key the youngest. */
  renew(key: K, value: V): this {
    this.delete(key);
    return this.set(key, value);
  }
}
