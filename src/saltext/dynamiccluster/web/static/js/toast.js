// Short messages at the edge: what was done, what was refused and why.

import { h } from "./dom.js";
import { icon } from "./icons.js";

const STAYS = 6000;

/** Show a message; a failure stays until it is closed. */
export function toast(text, kind = "done") {
  const close = h("button", { class: "ghost small", "aria-label": "Close message", on: { click: () => item.remove() } }, icon("close"));
  const item = h("div", { class: `toast ${kind}` }, icon(kind === "done" ? "check" : "alert"), h("span", {}, text), close);
  const box = document.getElementById("toasts");
  box.append(item);
  while (box.children.length > 5) box.firstElementChild.remove();
  if (kind === "done") setTimeout(() => item.remove(), STAYS);
}
