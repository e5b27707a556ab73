// Entries of the history.

import { age } from "./clock.js";
import { badge } from "./badge.js";
import { h } from "./dom.js";

const KINDS = { action: "decision", event: "event", command: "command" };

/** Return an entry's mark. */
export function kindBadge(kind) {
  return badge(`k-${kind}`, KINDS[kind] ?? kind);
}

/** Return whom an entry is about. */
export function subject(entry) {
  return entry.node || entry.resource;
}

/** Return an entry as an item of a short list. */
export function entryRow(entry) {
  return h("li", {}, h("span", { class: "when" }, age(entry.at)), kindBadge(entry.kind), h("span", {}, subject(entry) && !entry.text.includes(subject(entry)) && h("b", {}, subject(entry), " "), entry.text));
}
