// Small coloured marks: states, bars of states. Colour never is the only sign: the word stands beside it.

import { h } from "./dom.js";
import { NODE_MEANING, NODE_STATES } from "./states.js";
import { sentence } from "./format.js";

/** Return a state's mark with its word. */
export function badge(state, text = sentence(state), title = NODE_MEANING[state] ?? "") {
  return h("span", { class: `badge s-${String(state).toLowerCase().replace(/[^a-z]+/g, "-")}`, title }, h("i", {}), text);
}

/** Return a bar of counts by node state, out of `total` (the rest stays empty). */
export function stateBar(counts, total, label) {
  const whole = Math.max(total, Object.values(counts).reduce((sum, value) => sum + value, 0), 1);
  const parts = NODE_STATES.filter((state) => counts[state]).map((state) =>
    h("i", { class: `s-${state}`, "width%": (100 * counts[state]) / whole, title: `${counts[state]} ${state}` }),
  );
  return h("div", { class: "bar", role: "img", "aria-label": label }, parts);
}

/** Return counts with lower-case names. */
export function lowered(counts) {
  return Object.fromEntries(Object.entries(counts).map(([state, value]) => [state.toLowerCase(), value]));
}

/** Return a legend of the states that occur. */
export function legend(counts, href) {
  const shown = NODE_STATES.filter((state) => counts[state]);
  return h("ul", { class: "legend" }, shown.map((state) => h("li", {}, h("a", { href: href(state) }, badge(state), h("b", {}, counts[state])))));
}
