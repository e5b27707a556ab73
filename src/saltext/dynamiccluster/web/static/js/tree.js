// A configuration as a tree of names and values.

import { h } from "./dom.js";

const MASK = "********";

/** Return the tree of a value; empty values are left out of the way, secrets stay masked. */
export function tree(value, path = "") {
  const entries = Object.entries(value ?? {}).filter(([, item]) => !isEmpty(item));
  if (!entries.length) return h("p", { class: "quiet" }, "Nothing but defaults.");
  return h("dl", { class: "tree" }, entries.map(([name, item]) => branch(name, item, `${path}:${name}`)));
}

function branch(name, item, path) {
  if (isMapping(item)) {
    return h("div", { class: "branch" }, h("dt", {}, name), h("dd", {}, tree(item, path)));
  }
  return h("div", {}, h("dt", { title: path.slice(1) }, name), h("dd", {}, leaf(item)));
}

function leaf(item) {
  if (item === MASK) return h("span", { class: "quiet", title: "masked" }, MASK);
  if (!Array.isArray(item)) return h("code", {}, String(item));
  if (item.some(isMapping)) return item.map((part) => tree(part));
  return h("code", {}, item.join(", "));
}

function isMapping(item) {
  return typeof item === "object" && item !== null && !Array.isArray(item);
}

function isEmpty(item) {
  return item === null || item === "" || (typeof item === "object" && Object.keys(item).length === 0);
}
