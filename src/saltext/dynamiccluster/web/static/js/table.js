// A table of any length: only the rows in sight exist. Sorting by its heads, choosing by check box, arrows, Enter and Space.

import { fill, h } from "./dom.js";
import { natural } from "./format.js";
import { whenCalm } from "./calm.js";
import { Choice } from "./choice.js";
import { icon } from "./icons.js";

const MARGIN = 8; // rows made beyond what is in sight

/**
 * columns: [{key, title, width (CSS flex), cell(row) -> node or text, value(row) to sort by, hide: "narrow" | "medium", end: to the right}];
 * id(row): its key; open(row): on Enter or click; choose: with check boxes, `chosen(rows)` is told of every change; empty: said when there is no row.
 */
export class Table {
  constructor({ label, columns, id, open = null, choose = false, chosen = () => {}, empty = "Nothing here.", sort = null }) {
    Object.assign(this, { label, columns, id, open, chosen, empty, sort });
    this.choice = choose ? new Choice(() => this.#told()) : null;
    this.rows = [];
    this.active = -1;
    this.key = `t${Math.random().toString(36).slice(2, 8)}`;
    this.#build();
  }

  /** Show these rows. */
  show(rows) {
    whenCalm(this.body, () => this.#show(rows));
  }

  #show(rows) {
    const activeId = this.rows[this.active] ? this.id(this.rows[this.active]) : null;
    this.rows = this.#sorted(rows);
    this.active = activeId === null ? -1 : this.rows.findIndex((row) => this.id(row) === activeId);
    this.choice?.keepOnly(this.rows.map(this.id));
    this.#draw();
    this.#told();
  }

  /** Return the rows that are chosen. */
  get picked() {
    return this.choice ? this.rows.filter((row) => this.choice.has(this.id(row))) : [];
  }

  clear() {
    this.choice?.clear();
    this.#draw();
  }

  end() {
    this.resized.disconnect();
  }

  #build() {
    this.head = h("div", { class: "t-row t-head", role: "row" });
    this.space = h("div", { class: "t-space", role: "presentation" });
    this.none = h("p", { class: "t-empty" }, this.empty);
    this.body = h("div", { class: "t-body", role: "rowgroup", on: { scroll: () => this.#draw(), click: (event) => this.#click(event) } }, this.space);
    this.element = h("div", {
      class: `table${this.choice ? " choosing" : ""}`, role: "grid", tabIndex: 0, "aria-label": this.label, "aria-multiselectable": this.choice ? "true" : null,
      data: { key: `grid-${this.label}` }, on: { keydown: (event) => this.#press(event) },
    }, h("div", { role: "rowgroup" }, this.head), this.body, this.none);
    this.resized = new ResizeObserver(() => this.#draw());
    this.resized.observe(this.body);
    this.#drawHead();
  }

  #drawHead() {
    const all = this.choice && h("span", { class: "t-pick" }, h("input", {
      type: "checkbox", "aria-label": "Choose all", checked: this.choice.size > 0 && this.choice.size === this.rows.length,
      indeterminate: this.choice.size > 0 && this.choice.size < this.rows.length,
      on: { change: () => this.#chooseAll() },
    }));
    fill(this.head, all, this.columns.map((column) => this.#headCell(column)));
  }

  #headCell(column) {
    const mine = this.sort?.key === column.key;
    const order = mine ? (this.sort.down ? "descending" : "ascending") : null;
    const inner = column.value
      ? h("button", { class: "t-sort", on: { click: () => this.#sortBy(column) } }, column.title, mine && icon(this.sort.down ? "down" : "up"))
      : column.title;
    return sized(column, h("span", { class: classOf(column), role: "columnheader", "aria-sort": order }, inner));
  }

  #sortBy(column) {
    const down = this.sort?.key === column.key ? !this.sort.down : Boolean(column.downFirst);
    this.sort = { key: column.key, down };
    this.#show(this.rows);
  }

  #sorted(rows) {
    const column = this.sort && this.columns.find((item) => item.key === this.sort.key);
    if (!column) return rows;
    const sign = this.sort.down ? -1 : 1;
    return rows.map((row) => [column.value(row), row]).sort(([a], [b]) => sign * compare(a, b)).map(([, row]) => row);
  }

  #draw() {
    const height = this.#rowHeight();
    this.none.hidden = this.rows.length > 0;
    this.space.style.height = `${this.rows.length * height}px`;
    const first = Math.max(0, Math.floor(this.body.scrollTop / height) - MARGIN);
    const last = Math.min(this.rows.length, Math.ceil((this.body.scrollTop + this.body.clientHeight) / height) + MARGIN);
    const shown = [];
    for (let index = first; index < last; index += 1) shown.push(this.#row(index, height));
    this.space.replaceChildren(...shown);
    this.element.setAttribute("aria-rowcount", this.rows.length);
    if (this.active >= 0) this.element.setAttribute("aria-activedescendant", `${this.key}-${this.active}`);
    else this.element.removeAttribute("aria-activedescendant");
  }

  #rowHeight() {
    return parseFloat(getComputedStyle(this.body).getPropertyValue("--row")) || 40;
  }

  #row(index, height) {
    const row = this.rows[index];
    const picked = this.choice?.has(this.id(row));
    const box = this.choice && h("span", { class: "t-pick" }, h("input", { type: "checkbox", tabIndex: -1, checked: picked, "aria-label": `Choose ${this.id(row)}` }));
    const cells = this.columns.map((column) => sized(column, h("span", { class: classOf(column), role: "gridcell" }, column.cell(row))));
    const element = h("div", {
      class: `t-row${index === this.active ? " active" : ""}${picked ? " picked" : ""}${this.open ? " opens" : ""}`,
      role: "row", id: `${this.key}-${index}`, data: { index, id: this.id(row) }, "aria-rowindex": index + 1, "aria-selected": this.choice ? String(Boolean(picked)) : null,
    }, box, cells);
    element.style.transform = `translateY(${index * height}px)`;
    return element;
  }

  #click(event) {
    const element = event.target.closest(".t-row");
    if (!element || event.target.closest("a, button")) return;
    this.active = Number(element.dataset.index);
    const row = this.rows[this.active];
    if (event.target.closest(".t-pick")) {
      this.choice.toggle(this.id(row), event.shiftKey ? this.rows.map(this.id) : null);
    } else if (this.open && !getSelection().toString()) this.open(row);
    this.#draw();
  }

  #press(event) {
    if (event.target !== this.element) return;
    const page = Math.max(1, Math.floor(this.body.clientHeight / this.#rowHeight()) - 1);
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    const row = this.rows[this.active];
    if (event.key in moves) this.#move(moves[event.key], event.shiftKey);
    else if (event.key === "Enter" && row && this.open) this.open(row);
    else if (event.key === " " && row && this.choice) this.choice.toggle(this.id(row));
    else if (event.key === "a" && (event.ctrlKey || event.metaKey) && this.choice) this.#chooseAll();
    else return;
    event.preventDefault();
    this.#draw();
  }

  #move(by, extend) {
    const from = this.active;
    this.active = Math.max(0, Math.min(this.rows.length - 1, from < 0 ? 0 : from + by));
    if (extend && this.choice && this.rows.length) for (const index of [from, this.active]) if (this.rows[index]) this.choice.add(this.id(this.rows[index]));
    const height = this.#rowHeight();
    const top = this.active * height;
    if (top < this.body.scrollTop) this.body.scrollTop = top;
    else if (top + height > this.body.scrollTop + this.body.clientHeight) this.body.scrollTop = top + height - this.body.clientHeight;
  }

  #chooseAll() {
    if (this.choice.size === this.rows.length) this.choice.clear();
    else this.choice.set(this.rows.map(this.id));
    this.#draw();
  }

  #told() {
    this.#drawHead();
    this.chosen(this.picked);
  }
}

function classOf(column) {
  return `t-cell c-${column.key}${column.hide ? ` hide-${column.hide}` : ""}${column.end ? " end" : ""}`;
}

function sized(column, cell) {
  cell.style.flex = column.width ?? "1 1 0";
  return cell;
}

function compare(a, b) {
  return typeof a === "number" && typeof b === "number" ? a - b : natural(String(a ?? ""), String(b ?? ""));
}
