// The detail beside a table: one thing at a time, closed by Escape, focus back to where it came from.

import { fill, h } from "./dom.js";
import { icon } from "./icons.js";

let open = null;

/** Show a panel with this title; `build(body)` fills it and may return a function that ends its feeds. `closed` is called when it goes. */
export function showPanel({ title, build, closed = () => {} }) {
  closePanel();
  const from = document.activeElement;
  const body = h("div", { class: "panel-body" });
  const close = h("button", { class: "ghost", "aria-label": "Close details", on: { click: () => closePanel() } }, icon("close"));
  const element = h("aside", { class: "panel", role: "dialog", "aria-label": title, tabIndex: -1 }, h("header", {}, h("h2", {}, title), close), body);
  document.getElementById("app").append(element);
  const end = build(body) ?? (() => {});
  open = { element, end, from, closed };
  element.focus({ preventScroll: true });
}

export function closePanel() {
  if (!open) return;
  const { element, end, from, closed } = open;
  open = null;
  const inside = element.contains(document.activeElement);
  end();
  element.remove();
  closed();
  if (inside) from?.focus?.({ preventScroll: true });
}

export function isPanelOpen() {
  return open !== null;
}

/** Return a definition list of [name, value] pairs, leaving out what has no value. */
export function facts(pairs) {
  const rows = pairs.filter(([, value]) => value !== "" && value !== null && value !== undefined && value !== false);
  return h("dl", { class: "facts" }, rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

/** Return a titled part of a panel. */
export function part(title, ...children) {
  return h("section", { class: "part" }, h("h3", {}, title), children);
}

/** Return a paragraph that `promise` fills with its text. */
export function promised(promise, className = "said") {
  const box = h("p", { class: className, "aria-live": "polite" }, "…");
  promise.then((text) => fill(box, text), (error) => fill(box, h("span", { class: "bad" }, error.message)));
  return box;
}
