// Machines that carry our tags and belong to no node, and taking in one that carries none.

import { at, change } from "./api.js";
import { confirm, pendingLines } from "./dialog.js";
import { h } from "./dom.js";
import { may } from "./session.js";
import { select } from "./filters.js";
import { send } from "./resourceactions.js";

/** Return the list of orphans. */
export function orphanList(rows) {
  if (!rows.length) return h("p", { class: "quiet" }, "Every machine with our tags belongs to a worker node.");
  return h("ul", { class: "plain acts" }, rows.map((row) => h("li", {}, h("b", {}, row.name || row.id), ` ${row.id} in ${row.resource}, ${row.state_name}${row.ip ? `, ${row.ip}` : ""}`)));
}

/** Return the form that takes a machine in. */
export function adoptForm(resources) {
  if (!may("adopt") || !resources.length) return null;
  const choose = select("Resource to adopt into", resources.map((item) => [item.name, item.name]), resources[0].name, () => {});
  choose.dataset.key = "adopt-resource";
  const id = h("input", { placeholder: "id of a machine without tags", "aria-label": "Id of the machine", required: true, maxLength: 255, data: { key: "adopt-id" } });
  const submit = async (event) => {
    event.preventDefault();
    const name = choose.value;
    const path = at("resource", name, "adopt");
    const told = change("PUT", path, { instance: id.value, test: true }).then((answer) => [[answer.message, false]]);
    if (await confirm({ title: `Adopt ${id.value} into ${name}?`, body: pendingLines(told), yes: "Adopt" })) await send("PUT", path, { instance: id.value });
  };
  return h("form", { class: "inline", on: { submit } }, choose, id, h("button", {}, "Adopt"));
}
