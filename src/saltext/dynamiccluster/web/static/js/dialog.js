// Asks before something is done.

import { fill, h } from "./dom.js";

/** Show a dialog and return what its button says: true, false, or what `read()` returns. `body`: nodes; `danger`: jobs may end. */
export function confirm({ title, body, yes, danger = false, read = () => true }) {
  return new Promise((resolve) => {
    const cancel = h("button", { type: "button", on: { click: () => dialog.close("") } }, "Cancel");
    const accept = h("button", { class: danger ? "danger" : "primary", value: "yes" }, yes);
    const form = h("form", { method: "dialog" }, h("h2", { id: "dialog-title" }, title), h("div", { class: "dialog-body" }, body), h("menu", {}, cancel, accept));
    const dialog = h("dialog", { class: "dialog", "aria-labelledby": "dialog-title" }, form);
    dialog.addEventListener("close", () => {
      const answer = dialog.returnValue === "yes" ? read() : false;
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
    // What cannot be undone is not what Enter does by itself.
    (danger ? cancel : accept).focus();
  });
}

/** Return a box that `promise` fills with lines, for what a dry run tells. */
export function pendingLines(promise) {
  const box = h("div", { class: "said", "aria-live": "polite" }, h("p", { class: "quiet" }, "Asking the engine what it would do …"));
  promise.then(
    (lines) => fill(box, h("ul", {}, lines.map(([text, bad]) => h("li", { class: bad ? "bad" : "" }, text)))),
    (error) => fill(box, h("p", { class: "bad" }, error.message)),
  );
  return box;
}
