/**
 * A set that nearly always has one member: it has a table only once it has had more. Connections that
 * claim a session, runs that a connection has started: there are many thousands of such sets.
 */
export class FewSet<T> implements Iterable<T> {
  #one: T | undefined;
  /** All members, once there have been several at a time; it stays until the set is empty, as it may be walked. */
  #all: Set<T> | undefined;

  get size(): number {
    if (this.#all) return this.#all.size;
    return this.#one === undefined ? 0 : 1;
  }

  /** The only member, if there is just one. */
  get only(): T | undefined {
    if (!this.#all) return this.#one;
    return this.#all.size === 1 ? this.#all.values().next().value : undefined;
  }

  has(member: T): boolean {
    return this.#all ? this.#all.has(member) : this.#one === member && member !== undefined;
  }

  add(member: T): void {
    if (this.#all) this.#all.add(member);
    else if (this.#one === undefined) this.#one = member;
    else if (this.#one !== member) {
      this.#all = new Set([this.#one, member]);
      this.#one = undefined;
    }
  }

  delete(member: T): void {
    if (!this.#all) {
      if (this.#one === member) this.#one = undefined;
      return;
    }
    this.#all.delete(member);
    if (this.#all.size === 0) this.#all = undefined;
  }

  /** The members as a set: live if there have been several, and a copy else. */
  asSet(): ReadonlySet<T> {
    return this.#all ?? new Set(this);
  }

  /** In the order of adding; live, as a Set is. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.#all ? this.#all[Symbol.iterator]() : new OneIterator(this.#one);
  }
}

/** Over one member or none. Its own result too, as it is made for nearly every event. */
class OneIterator<T> implements IterableIterator<T> {
  value: T | undefined;
  done = false;
  #next: T | undefined;

  constructor(member: T | undefined) {
    this.#next = member;
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<T> {
    this.value = this.#next;
    this.done = this.#next === undefined;
    this.#next = undefined;
    return this as unknown as IteratorResult<T>;
  }
}
