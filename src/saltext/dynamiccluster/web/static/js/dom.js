// Builds elements. Text goes in as text nodes only: there is no way here to put markup in, whatever a job is called.

import { whenCalm } from "./calm.js";

const SVG = "http://www.w3.org/2000/svg";

/** Return an element. `props`: `class`, `data` (an object), `on` (listeners by event), properties and attributes; `children`: nodes, texts, lists, null. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) put(element, name, value);
  append(element, children);
  return element;
}

function put(element, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name === "class") element.className = value;
  else if (name === "data") Object.assign(element.dataset, value);
  else if (name === "on") for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
  else if (name === "width%") element.style.width = `${value}%`;
  else if (name in element && !name.startsWith("aria") && name !== "role" && name !== "list") element[name] = value;
  else element.setAttribute(name, value === true ? "" : value);
}

/** Append nodes and texts, flattening lists and leaving out what is null or false. */
export function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Replace all children. */
export function fill(element, ...children) {
  const part = document.createDocumentFragment();
  append(part, children);
  element.replaceChildren(part);
}

/** Return an SVG element. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Fill an element by `render` once nobody holds on to it, keeping focus, what was typed and what is unfolded where the same `data-key` comes back. */
export function refill(element, render) {
  whenCalm(element, () => {
    const before = remember(element);
    fill(element, render());
    restore(element, before);
  });
}

function remember(element) {
  const fields = [...element.querySelectorAll("input[data-key], select[data-key]")].map((item) => [item.dataset.key, item.value]);
  const unfolded = [...element.querySelectorAll("details[data-key]")].map((item) => [item.dataset.key, item.open]);
  const focused = element.contains(document.activeElement) ? document.activeElement.closest("[data-key]")?.dataset.key : null;
  return { fields: new Map(fields), unfolded: new Map(unfolded), focused, top: element.scrollTop };
}

function restore(element, { fields, unfolded, focused, top }) {
  for (const item of element.querySelectorAll("[data-key]")) {
    const key = item.dataset.key;
    if (fields.has(key)) item.value = fields.get(key);
    if (unfolded.has(key)) item.open = unfolded.get(key);
    if (key === focused) item.focus({ preventScroll: true });
  }
  element.scrollTop = top;
}
