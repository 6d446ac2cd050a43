/** A map that cannot grow past its limit: it removes the oldest entry to make room. */

/** Age counts from when a key was added; setting an existing key changes its value, not its age. */
export class BoundedMap<K, V> extends Map<K, V> {
  readonly #limit: number;

  /** @param limit the highest number of entries; at least 1 */
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
