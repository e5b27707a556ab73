// What can be done with a resource.

import { at, change } from "./api.js";
import { confirm, pendingLines } from "./dialog.js";
import { h } from "./dom.js";
import { refresh } from "./live.js";
import { may } from "./session.js";
import { toast } from "./toast.js";

const ACTIONS = [
  { name: "freeze", title: "Freeze", hint: "Neither grows nor shrinks", fits: (resource) => resource.flag_name !== "Frozen" },
  { name: "drain", title: "Drain", hint: "Holds all nodes, waits for their jobs, removes all nodes", danger: true, fits: (resource) => !["Draining", "Drained"].includes(resource.flag_name) },
  { name: "restore", title: "Restore", hint: "Back to its minimum and maximum", fits: (resource) => resource.flag_name !== "Normal" },
];

/** Return the buttons of a resource. */
export function resourceButtons(resource) {
  return ACTIONS.map((action) => {
    const allowed = may(action.name);
    const title = allowed ? action.hint : `Needs the right dynamiccluster.${action.name}`;
    const press = () => perform(resource.name, action);
    return h("button", { class: action.danger ? "careful" : "", title, disabled: !allowed || !action.fits(resource), data: { key: `${resource.name}-${action.name}`, act: action.name }, on: { click: press } }, action.title);
  });
}

/** Return the form that launches nodes. */
export function addForm(resource) {
  const allowed = may("add") && resource.flag_name === "Normal";
  const number = h("input", { type: "number", min: 1, max: Math.max(resource.max_num - resource.current_num, 1), value: 1, required: true, "aria-label": `How many nodes to add to ${resource.name}`, disabled: !allowed, data: { key: `${resource.name}-num` } });
  const button = h("button", { class: "primary", disabled: !allowed, title: may("add") ? "Launch so many nodes" : "Needs the right dynamiccluster.add", data: { key: `${resource.name}-add`, act: "add" } }, "Add");
  const submit = (event) => {
    event.preventDefault();
    send("PUT", at("resource", resource.name), { num: number.value });
  };
  return h("form", { class: "inline", noValidate: true, on: { submit } }, number, button);
}

async function perform(name, action) {
  const path = at("resource", name, action.name);
  if (action.danger && !(await sure(name, action, path))) return;
  await send("PUT", path);
}

function sure(name, action, path) {
  const told = change("PUT", path, { test: true }).then((answer) => [[answer.message, false]]);
  const body = [h("p", {}, "All its worker nodes are held. Jobs that run end by themselves, then every node is removed."), pendingLines(told)];
  return confirm({ title: `${action.title} ${name}?`, body, yes: action.title, danger: true });
}

/** Send a change and say what came of it; return whether it was done. */
export async function send(method, path, parameters = {}) {
  try {
    const answer = await change(method, path, parameters);
    toast(answer.message || "Done");
    refresh();
    return true;
  } catch (error) {
    toast(error.message, "failed");
    return false;
  }
}
