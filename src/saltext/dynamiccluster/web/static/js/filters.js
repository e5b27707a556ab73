// The parts of the line above a table: search, choices, chips with counts.

import { fill, h } from "./dom.js";

/** Return a search field. `changed(text)` a moment after the last key. */
export function search(label, value, changed) {
  let timer = 0;
  const wait = (event) => {
    clearTimeout(timer);
    timer = setTimeout(() => changed(event.target.value.trim().toLowerCase()), 120);
  };
  return h("input", { type: "search", placeholder: label, "aria-label": label, value, on: { input: wait } });
}

/** Return a choice of [value, title]. */
export function select(label, options, value, changed) {
  const element = h("select", { "aria-label": label, on: { change: () => changed(element.value) } }, options.map(([key, title]) => h("option", { value: key }, title)));
  element.value = value;
  return element;
}

/** Return {element, show(items, value)}: buttons [value, title, count], one of them pressed. */
export function chips(label, changed) {
  const element = h("div", { class: "chips", role: "group", "aria-label": label });
  const show = (items, value) => {
    const focused = element.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    fill(element, items.map(([key, title, number]) =>
      h("button", { class: "chip", "aria-pressed": String(key === value), data: { key }, on: { click: () => changed(key) } }, title, number !== undefined && h("b", {}, number))));
    if (focused !== null) [...element.children].find((item) => item.dataset.key === focused)?.focus();
  };
  return { element, show };
}

/** Return a heading of a view with what stands beside it. */
export function heading(title, ...beside) {
  return h("div", { class: "heading" }, h("h1", {}, title), beside);
}
