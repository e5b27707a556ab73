// All that is known of one worker node.

import { at, get } from "./api.js";
import { age } from "./clock.js";
import { badge } from "./badge.js";
import { closePanel, facts, part, promised, showPanel } from "./panel.js";
import { entryRow } from "./entries.js";
import { feed } from "./feed.js";
import { h, refill } from "./dom.js";
import { count, memory, moment, trim } from "./format.js";
import { link } from "./router.js";
import { nodeButtons } from "./nodeactions.js";

const HISTORY = 30;

/** Open the panel of a node. */
export function openNode(hostname) {
  showPanel({
    title: hostname,
    build(body) {
      const past = h("div");
      const why = promised(get(at("explain", "node", hostname)).then((answer) => answer.explanation));
      const main = h("div");
      body.append(main, part("Why it is here", why), part("Its history", past));
      const rows = feed(() => get(at("workernode", hostname)), (node) => refill(main, () => about(node)), (error) => error.status === 404 && refill(main, () => h("p", { class: "bad" }, "This node is gone.")));
      const told = feed(() => get("/history", { node: hostname, limit: HISTORY }), (entries) => refill(past, () => (entries.length ? h("ul", { class: "plain entries" }, entries.map(entryRow)) : h("p", { class: "quiet" }, "Nothing is remembered."))));
      return () => (rows.end(), told.end());
    },
  });
}

function about(node) {
  const extra = node.extra_attributes ?? {};
  return [
    h("div", { class: "lead" }, badge(node.state_name.toLowerCase()), h("span", {}, "for ", age(node.state_start_time)), node.phase && h("span", { class: "quiet" }, node.phase)),
    node.failed && h("p", { class: "bad" }, node.failed),
    node.type === "physical" ? h("p", { class: "quiet" }, "A physical node: shown, never touched.") : h("div", { class: "buttons" }, nodeButtons(() => [node])),
    facts([["Reason", node.reason], ["Launched for", node.cause], ["May go", node.stays], ["Held by", node.held_by === "nobody" ? "" : node.held_by]]),
    part("In the batch system", facts([
      ["Jobs", node.jobs.length ? h("span", { class: "ids" }, node.jobs.map((id) => h("a", { href: link("jobs", { job: id }) }, id))) : "none"],
      ["Cores", node.num_proc || ""], ["Load", extra.load === null || extra.load === undefined ? "" : trim(extra.load, 2)],
      ["Memory", extra.memory_mb ? `${extra.free_memory_mb === null ? "" : `${memory(extra.free_memory_mb)} free of `}${memory(extra.memory_mb)}` : ""],
      ...Object.entries(extra.queues ?? {}).map(([queue, item]) => [queue, `${item.used} of ${count(item.slots, "slot")} used${item.state ? `, state ${item.state}` : ""}`]),
      ["Groups", (extra.groups ?? []).join(", ")], ["Properties", (extra.properties ?? []).join(", ")], ["Error", extra.error],
    ])),
    node.instance && part("In the cloud", machine(node)),
  ];
}

function machine(node) {
  const { instance } = node;
  return facts([
    ["Instance", instance.instance_name], ["Id", instance.uuid], ["State", `${instance.state_name}${instance.detail ? `: ${instance.detail}` : ""}`],
    ["Resource", h("a", { href: link("resources", { name: node.resource }), on: { click: closePanel } }, node.resource)], ["Address", [instance.ip, instance.public_ip].filter(Boolean).join(", ")], ["DNS name", instance.dns_name],
    ["Flavor", instance.flavor], ["Image", instance.image_uuid], ["Zone", instance.availability_zone], ["Subnet", instance.subnet_id], ["Key", instance.key_name],
    ["Security groups", instance.security_groups.join(", ")], ["Created", moment(instance.creation_time)], ["Last seen", moment(instance.last_update_time)],
    ["Spot", instance.spot ? (instance.spot_price === null ? "yes" : `yes, ${instance.spot_price}`) : ""],
  ]);
}
