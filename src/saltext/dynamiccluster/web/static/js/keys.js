// The keyboard: 1 to 7 for the views, / to search, ? for help, Escape to close.

import { confirm } from "./dialog.js";
import { h } from "./dom.js";
import { closePanel, isPanelOpen } from "./panel.js";
import { go } from "./router.js";
import { VIEWS } from "./shell.js";

const HELP = [
  ["1 … 7", "Overview … Settings"],
  ["/", "search in the view"],
  ["↑ ↓ Page Home End", "move in a table"],
  ["Enter", "open the row"],
  ["Space", "choose the row; Shift with arrows or click: several"],
  ["Ctrl A", "choose all rows"],
  ["Escape", "close"],
  ["?", "this"],
];

/** Listen for keys. */
export function helpKeys() {
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && isPanelOpen()) return closePanel();
    if (event.target.closest("input, select, textarea")) return;
    press(event);
  });
}

function press(event) {
  const search = document.querySelector("main input[type=search]");
  const view = VIEWS[Number(event.key) - 1];
  if (event.key === "/" && search) search.focus();
  else if (event.key === "?") confirm({ title: "Keys", body: table(), yes: "Close" });
  else if (view && document.querySelector("main")) go(view[0]);
  else return;
  event.preventDefault();
}

function table() {
  return h("dl", { class: "facts keys" }, HELP.map(([key, text]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, text))));
}
