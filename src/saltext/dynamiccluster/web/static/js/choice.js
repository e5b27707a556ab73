// Which rows of a table are chosen, by id.

export class Choice {
  #ids = new Set();
  #last = null;

  constructor(changed) {
    this.changed = changed;
  }

  get size() {
    return this.#ids.size;
  }

  has(id) {
    return this.#ids.has(id);
  }

  add(id) {
    this.#ids.add(id);
    this.changed();
  }

  /** Choose or drop one; with the ids in their order, everything from the last one on. */
  toggle(id, order = null) {
    const from = order ? order.indexOf(this.#last) : -1;
    if (from >= 0) {
      const to = order.indexOf(id);
      for (const item of order.slice(Math.min(from, to), Math.max(from, to) + 1)) this.#ids.add(item);
    } else if (!this.#ids.delete(id)) this.#ids.add(id);
    this.#last = id;
    this.changed();
  }

  set(ids) {
    this.#ids = new Set(ids);
    this.changed();
  }

  clear() {
    this.set([]);
  }

  /** Forget those that are gone, without telling. */
  keepOnly(ids) {
    const there = new Set(ids);
    this.#ids = new Set([...this.#ids].filter((id) => there.has(id)));
  }
}
