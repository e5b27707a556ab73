// All that is known of one job, first of all why it waits.

import { at, get } from "./api.js";
import { age } from "./clock.js";
import { badge } from "./badge.js";
import { facts, part, promised, showPanel } from "./panel.js";
import { feed } from "./feed.js";
import { h, refill } from "./dom.js";
import { count, duration, memory, moment, trim } from "./format.js";
import { link } from "./router.js";
import { OUTCOMES } from "./states.js";

/** Open the panel of a job. */
export function openJob(id) {
  showPanel({
    title: `Job ${id}`,
    build(body) {
      const main = h("div");
      const why = promised(get(at("explain", "job", id)).then((answer) => answer.explanation));
      body.append(part("Why", why), main);
      return feed(() => get(at("job", id)), (job) => refill(main, () => about(job)), (error) => error.status === 404 && refill(main, () => h("p", { class: "bad" }, "The batch system does not show this job any more."))).end;
    },
  });
}

function about(job) {
  const nodes = (names) => h("span", { class: "ids" }, names.map((name) => h("a", { href: link("nodes", { node: name }) }, name)));
  return [
    h("div", { class: "lead" }, badge(`f-${job.state}`, job.state), h("span", {}, "for ", age(job.start_time || job.creation_time)), h("span", { class: "quiet" }, OUTCOMES[job.fate.outcome] ?? job.fate.outcome)),
    facts([
      ["Gets", job.fate.nodes.length ? nodes(job.fate.nodes) : ""],
      ["Name", job.name], ["Owner", job.owner], ["Queue", job.queue], ["Account", job.account], ["Property", job.property],
      ["Cores", `${count(job.requested_cores, "core")}${job.cores_per_node && job.cores_per_node !== job.requested_cores ? `, ${job.cores_per_node} on each node` : ""}`],
      ["Tasks", job.tasks > 1 ? trim(job.tasks) : ""], ["Memory", job.requested_mem ? memory(job.requested_mem) : ""],
      ["Wall time", job.requested_walltime ? duration(job.requested_walltime) : ""], ["Priority", trim(job.priority, 4)],
      ["Submitted", moment(job.creation_time)], ["Started", job.start_time ? moment(job.start_time) : ""], ["Runs on", job.hosts.length ? nodes(job.hosts) : ""],
      ...Object.entries(job.extra_attributes).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
    ]),
  ];
}
