// One resource's box: closed, its use in a line; open, everything, with its nodes.

import { addForm, resourceButtons } from "./resourceactions.js";
import { age } from "./clock.js";
import { badge, lowered, stateBar } from "./badge.js";
import { facts } from "./panel.js";
import { h, refill } from "./dom.js";
import { memory, moment, trim } from "./format.js";
import { nodeButtons } from "./nodeactions.js";
import { nodeColumns } from "./nodecolumns.js";
import { openNode } from "./nodepanel.js";
import { Table } from "./table.js";
import { tree } from "./tree.js";

export class ResourceBox {
  constructor(resource, open) {
    this.summary = h("summary", { data: { key: `sum-${resource.name}` } });
    this.about = h("div");
    this.config = h("details", { class: "more-config" }, h("summary", {}, "Its configuration"), h("div"));
    this.chosen = h("div", { class: "chosen", hidden: true });
    this.table = new Table({
      label: `Worker nodes of ${resource.name}`, columns: nodeColumns(true), id: (row) => row.hostname, choose: true, sort: { key: "hostname", down: false },
      empty: "It has no worker nodes now.", open: (row) => openNode(row.hostname), chosen: (picked) => this.#choose(picked),
    });
    const buttons = h("div", { class: "box-nodes" }, this.chosen, this.table.element);
    this.element = h("details", { class: "card box", open, data: { resource: resource.name } }, this.summary, h("div", { class: "box-body" }, this.about, buttons, this.config));
  }

  show(resource) {
    refill(this.summary, () => head(resource));
    refill(this.about, () => body(resource));
    refill(this.config.lastElementChild, () => tree(resource.config));
  }

  showNodes(rows) {
    // A few nodes need no window of their own height.
    this.table.element.classList.toggle("long", rows.length > 6);
    this.table.element.style.setProperty("--rows", Math.min(Math.max(rows.length, 1), 9));
    this.table.show(rows);
  }

  end() {
    this.table.end();
    this.element.remove();
  }

  #choose(picked) {
    this.chosen.hidden = picked.length === 0;
    if (picked.length) refill(this.chosen, () => [h("b", {}, `${trim(picked.length)} chosen`), nodeButtons(() => this.table.picked), h("button", { class: "ghost", data: { key: "none" }, on: { click: () => this.table.clear() } }, "None")]);
  }
}

function head(resource) {
  return [
    h("span", { class: "box-name" }, resource.name), badge(resource.flag_name.toLowerCase()), h("span", { class: "quiet" }, resource.type),
    h("span", { class: "end" }, h("b", {}, resource.current_num), ` of ${resource.max_num}`),
    stateBar(lowered(resource.states), resource.max_num, `${resource.current_num} of ${resource.max_num} nodes`),
  ];
}

function body(resource) {
  const reserved = [["queue", resource.reservation_queue], ["account", resource.reservation_account], ["property", resource.reservation_property]].filter(([, value]) => value).map(([kind, value]) => `${kind} ${value}`);
  const shape = [resource.cores_per_node && `${resource.cores_per_node} cores`, resource.memory_mb_per_node && memory(resource.memory_mb_per_node), resource.gpus_per_node && `${resource.gpus_per_node} GPUs`].filter(Boolean);
  return [
    resource.error && h("p", { class: "bad" }, resource.error),
    resource.backoff && h("p", { class: "bad" }, `Nothing is launched until ${moment(resource.backoff.until)} (${resource.backoff.kind}): ${resource.backoff.reason}`),
    resource.blocked && h("p", { class: "said" }, `Not growing now: ${resource.blocked}`),
    h("div", { class: "buttons" }, addForm(resource), resourceButtons(resource)),
    facts([
      ["Least, now, most", `${resource.min_num}, ${resource.current_num}, ${resource.max_num}`], ["Priority", resource.priority], ["Reserved for", reserved.join(", ") || "everybody"],
      ["A node has", shape.join(", ")], ["Price of a node", resource.price === null ? "" : `${trim(resource.price, 4)} an hour`], ["Asked for by an administrator", resource.wanted || ""],
      ["Ordered by the last decision", resource.proposed_allocation || ""], ["Cloud seen", resource.read_at ? h("span", {}, age(resource.read_at), " ago") : "never"],
      ["Fails for", resource.failing_since ? age(resource.failing_since) : ""],
    ]),
  ];
}
