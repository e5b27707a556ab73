// What can be done with worker nodes: one or many, each asked for by name, with what it would do told first where jobs may end.

import { at, change } from "./api.js";
import { confirm, pendingLines } from "./dialog.js";
import { h } from "./dom.js";
import { count } from "./format.js";
import { refresh } from "./live.js";
import { may } from "./session.js";
import { toast } from "./toast.js";

const AT_ONCE = 6;
const MOST_TOLD = 20;

const call = (method, verb, parameters = {}) => (node, more = {}) =>
  change(method, verb ? at("workernode", node.hostname, verb) : at("workernode", node.hostname), { ...parameters, ...more });

/** fits(node): whether it makes sense now; the engine has the last word. */
export const NODE_ACTIONS = [
  { name: "hold", title: "Hold", hint: "No new jobs; running ones go on", right: "hold", fits: (node) => !["holding", "held", "deleting"].includes(stateOf(node)), run: call("PUT", "hold") },
  { name: "unhold", title: "Unhold", hint: "Takes jobs again", right: "unhold", fits: (node) => ["holding", "held", "starting", "deleting"].includes(stateOf(node)), run: call("PUT", "unhold") },
  { name: "vacate", title: "Vacate", hint: "Held, and all its jobs end", right: "vacate", danger: true, fits: (node) => node.jobs.length > 0, run: call("PUT", "vacate") },
  { name: "remove", title: "Remove", hint: "Held first when it is in use, then removed", right: "remove", danger: true, fits: (node) => stateOf(node) !== "deleting", run: call("DELETE", "", { hold: true }) },
];

function stateOf(node) {
  return node.state_name.toLowerCase();
}

/** Return buttons for these nodes. `nodes()` is asked at the click. */
export function nodeButtons(nodes, done = () => {}) {
  const own = nodes().filter((node) => node.type !== "physical");
  return NODE_ACTIONS.map((action) => {
    const allowed = may(action.right);
    const fitting = own.filter(action.fits);
    const title = !allowed ? `Needs the right dynamiccluster.${action.right}` : action.hint;
    const press = () => perform(action, nodes().filter((node) => node.type !== "physical" && action.fits(node)), done);
    return h("button", { class: action.danger ? "careful" : "", title, disabled: !allowed || !fitting.length, data: { key: `act-${action.name}`, act: action.name }, on: { click: press } }, action.title);
  });
}

async function perform(action, nodes, done) {
  if (!nodes.length) return;
  const force = action.danger ? await ask(action, nodes) : {};
  if (force === false) return;
  const results = await each(nodes, (node) => action.run(node, force === true ? {} : force));
  report(action, results);
  refresh();
  done();
}

/** Ask; return false, or the further parameters. */
function ask(action, nodes) {
  const jobs = nodes.reduce((sum, node) => sum + node.jobs.length, 0);
  const who = nodes.length === 1 ? nodes[0].hostname : count(nodes.length, "worker node");
  const force = h("input", { type: "checkbox", id: "force" });
  const body = [
    h("p", {}, action.name === "vacate" ? h("b", {}, `${count(jobs, "job")} will end.`) : removalText(jobs)),
    action.name === "remove" && jobs > 0 && h("label", { class: "check" }, force, h("span", {}, h("b", {}, `End the jobs`), " and remove those that run some, too")),
    pendingLines(rehearse(action, nodes)),
  ];
  return confirm({ title: `${action.title} ${who}?`, body, yes: action.title, danger: true, read: () => (force.checked ? { force: true } : {}) });
}

function removalText(jobs) {
  if (!jobs) return "No jobs run there as far as is known.";
  return `${count(jobs, "job")} ${jobs === 1 ? "runs" : "run"} there. Nodes with jobs are not removed unless you say so.`;
}

async function rehearse(action, nodes) {
  const told = await each(nodes.slice(0, MOST_TOLD), (node) => action.run(node, { test: true }));
  const lines = told.map(({ node, answer, error }) => [named(node, answer?.message || error?.message || "done"), Boolean(error)]);
  return nodes.length > MOST_TOLD ? [...lines, [`and ${nodes.length - MOST_TOLD} more`, false]] : lines;
}

function named(node, text) {
  return text.includes(node.hostname) ? text : `${node.hostname}: ${text}`;
}

/** Do something for each node, a few at a time; return [{node, answer or error}]. */
async function each(nodes, work) {
  const results = [];
  const left = [...nodes];
  async function worker() {
    for (let node = left.shift(); node; node = left.shift()) {
      try {
        results.push({ node, answer: await work(node) });
      } catch (error) {
        results.push({ node, error });
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

function report(action, results) {
  const failed = results.filter((result) => result.error);
  const fine = results.filter((result) => result.answer);
  if (fine.length === 1) toast(fine[0].answer.message || `${action.title}: done`);
  if (fine.length > 1) toast(`${action.title}: ${count(fine.length, "worker node")}`);
  const reasons = new Map(failed.map(({ node, error }) => [error.message, node.hostname]));
  for (const reason of [...reasons.keys()].slice(0, 3)) toast(reason, "failed");
  if (reasons.size > 3) toast(`${count(failed.length, "worker node")} refused it`, "failed");
}
