// The worker nodes: found, chosen, acted on; each with all that is known of it.

import { getPage } from "../api.js";
import { chips, heading, search, select } from "../filters.js";
import { feed } from "../feed.js";
import { fill, h, refill } from "../dom.js";
import { keep } from "../router.js";
import { nodeButtons } from "../nodeactions.js";
import { nodeColumns } from "../nodecolumns.js";
import { openNode } from "../nodepanel.js";
import { NODE_STATES } from "../states.js";
import { sentence, trim } from "../format.js";
import { Table } from "../table.js";

const MOST = 100000;

export default function nodes(box, parameters) {
  const wanted = { state: parameters.get("state") ?? "", resource: parameters.get("resource") ?? "", text: parameters.get("text") ?? "" };
  let all = [];
  let named = parameters.get("node");
  const total = h("span", { class: "quiet" });
  const chosenBox = h("div", { class: "chosen", hidden: true });
  const resourceBox = h("span");
  const states = chips("State", (state) => set({ state: wanted.state === state ? "" : state }));
  const table = new Table({
    label: "Worker nodes", columns: nodeColumns(), id: (row) => row.hostname, choose: true, sort: { key: "hostname", down: false },
    empty: "No worker node is like this.", open: (row) => openNode(row.hostname), chosen: showChosen,
  });
  fill(box, heading("Worker nodes", total), h("div", { class: "tools" }, search("Search name, address, job, reason", wanted.text, (text) => set({ text })), resourceBox, states.element), chosenBox, table.element);

  function set(change) {
    Object.assign(wanted, change);
    keep("nodes", wanted);
    draw();
  }
  function draw() {
    const matching = all.filter((node) => (!wanted.resource || node.resource === wanted.resource) && matches(node, wanted.text));
    const counts = countStates(matching);
    const shown = matching.filter((node) => !wanted.state || node.state_name.toLowerCase() === wanted.state);
    states.show([["", "All", trim(matching.length)], ...NODE_STATES.filter((state) => counts[state] || wanted.state === state).map((state) => [state, sentence(state), counts[state] ?? 0])], wanted.state);
    refill(total, () => shown.length === all.length ? `${trim(all.length)} in all` : `${trim(shown.length)} of ${trim(all.length)}`);
    showResources();
    table.show(shown);
  }
  function showResources() {
    const names = [...new Set(all.map((node) => node.resource))].sort();
    if (resourceBox.dataset.names === names.join("\n")) return;
    resourceBox.dataset.names = names.join("\n");
    fill(resourceBox, select("Resource", [["", "All resources"], ...names.filter(Boolean).map((name) => [name, name])], wanted.resource, (resource) => set({ resource })));
  }
  function showChosen(picked) {
    chosenBox.hidden = picked.length === 0;
    if (picked.length) refill(chosenBox, () => [h("b", {}, `${trim(picked.length)} chosen`), nodeButtons(() => table.picked), h("button", { class: "ghost", data: { key: "none" }, on: { click: () => table.clear() } }, "None")]);
  }
  const rows = feed(() => getPage("/workernode", { limit: MOST }), (page) => {
    all = page.rows;
    draw();
    if (named) openNode(named);
    named = null;
  }, (error) => all.length || fill(total, error.message));
  return () => {
    rows.end();
    table.end();
  };
}

function countStates(nodes) {
  const counts = {};
  for (const node of nodes) {
    const state = node.state_name.toLowerCase();
    counts[state] = (counts[state] ?? 0) + 1;
  }
  return counts;
}

function matches(node, text) {
  if (!text) return true;
  const parts = [node.hostname, node.name, node.resource, node.instance?.uuid, node.instance?.ip, node.reason, node.failed, node.phase, ...node.jobs];
  return parts.some((part) => part && part.toLowerCase().includes(text));
}
