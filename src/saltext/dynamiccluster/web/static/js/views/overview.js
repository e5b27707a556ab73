// The cluster in one look.

import { age, serverNow } from "../clock.js";
import { get } from "../api.js";
import { bridge } from "../range.js";
import { badge, legend, lowered, stateBar } from "../badge.js";
import { entryRow } from "../entries.js";
import { feed } from "../feed.js";
import { fill, h, refill } from "../dom.js";
import { count, duration, trim } from "../format.js";
import { icon } from "../icons.js";
import { link } from "../router.js";
import { spark } from "../spark.js";

const RECENT = 8;
const MOST_ACTIONS = 12;
const TREND = 60000;

export default function overview(box) {
  const top = h("div");
  const rest = h("div");
  const recent = h("section", { class: "card recent" });
  const trend = { pending: null, running: null, total: null };
  let status = null;
  fill(box, top, rest, recent);
  const draw = () => status && refill(top, () => page(status, trend));
  const feeds = [
    feed(() => get("/status"), (value) => { const first = status === null; status = value; draw(); if (first) look(); }, (error) => status || fill(top, h("p", { class: "lost" }, error.message))),
    feed(() => get("/history", { limit: RECENT }), (entries) => refill(recent, () => recentPart(entries)), (error) => fill(recent, h("h2", {}, "Lately"), h("p", { class: "quiet" }, error.message))),
  ];
  const look = () => readTrend().then((value) => { Object.assign(trend, value); draw(); }, () => {});
  const timer = setInterval(look, TREND);
  return () => {
    clearInterval(timer);
    feeds.forEach((item) => item.end());
  };
}

async function readTrend() {
  const now = serverNow();
  const series = await get("/series", { from: Math.floor(now - 3600), to: Math.ceil(now), points: 120 });
  const line = (values) => bridge(series.time, values);
  return { pending: line(series.jobs.pending), running: line(series.jobs.running), total: line(series.nodes.total) };
}

function page(status, trend) {
  return [
    h("div", { class: "heading" }, h("h1", {}, headline(status)), h("p", { class: "quiet" }, `Cluster ${status.cluster}, ${batchName(status.batch)} · seen `, age(status.batch.read_at || status.at), " ago")),
    problems(status),
    h("div", { class: "tiles" }, jobsTile(status, trend), runningTile(status, trend), nodesTile(status, trend)),
    h("div", { class: "columns" }, resources(status), decision(status)),
  ];
}

function batchName(batch) {
  return { sge: "Grid Engine", torque: "Torque", slurm: "Slurm" }[batch.type] ?? batch.type;
}

function headline({ totals, engine }) {
  const { pending = 0, running = 0 } = totals.jobs;
  const nodes = totals.nodes.total ?? 0;
  const jobs = pending || running ? `${pending ? `${count(pending, "job")} ${pending === 1 ? "waits" : "wait"}` : "No job waits"}, ${trim(running)} ${running === 1 ? "runs" : "run"}` : "No jobs";
  const still = engine.stopped ? " The engine was stopped." : engine.auto_mode ? "" : " Automatic mode is off.";
  return `${jobs} on ${count(nodes, "node")}.${still}`;
}

function problems({ problems: found }) {
  if (!found.length) return h("p", { class: "calm" }, icon("check"), "Nothing is wrong.");
  return h("section", { class: "card trouble", "aria-label": "What is wrong" }, h("h2", {}, icon("alert"), found.length === 1 ? "One thing needs a look" : `${found.length} things need a look`), h("ul", {}, found.map((text) => h("li", {}, text))));
}

function tile(title, number, detail, graph, href) {
  return h("a", { class: "card tile", href, data: { key: title } }, h("span", { class: "tile-title" }, title), h("span", { class: "tile-number" }, number), h("span", { class: "quiet" }, detail), graph);
}

function jobsTile({ totals }, trend) {
  const { pending = 0 } = totals.jobs;
  const others = ["held", "dependent", "waiting", "error"].filter((state) => totals.jobs[state]).map((state) => `${totals.jobs[state]} ${state}`);
  const detail = pending ? `${count(totals.pending_cores, "core")} asked for` : "nobody waits";
  return tile("Jobs waiting", trim(pending), [detail, ...others].join(" · "), graph(trend.pending, "waiting", "waiting jobs"), link("jobs"));
}

function runningTile({ totals }, trend) {
  const { running = 0 } = totals.jobs;
  return tile("Jobs running", trim(running), `${trim(totals.cores.busy ?? 0)} of ${count(totals.cores.total ?? 0, "core")} on busy nodes`, graph(trend.running, "busy", "running jobs"), link("jobs", { state: "running" }));
}

function nodesTile({ totals }, trend) {
  const { total = 0, ...states } = totals.nodes;
  return h("div", { class: "card tile nodes-tile" }, h("a", { class: "tile-title", href: link("nodes"), data: { key: "tile-nodes" } }, "Worker nodes"), h("span", { class: "tile-number" }, trim(total)),
    stateBar(states, total, "Worker nodes by state"), legend(states, (state) => link("nodes", { state })), graph(trend.total, "total", "worker nodes"));
}

function graph(values, colour, what) {
  return values?.some((value) => value !== null) ? spark(values, colour, `${what} during the last hour`) : null;
}

function resources(status) {
  return h("section", { class: "card" }, h("h2", {}, "Resources"), status.resources.length ? h("ul", { class: "plain" }, status.resources.map(resourceRow)) : h("p", { class: "quiet" }, "None is configured."));
}

function resourceRow(resource) {
  const trouble = resource.error || resource.backoff?.reason || resource.blocked;
  return h("li", { class: "use" },
    h("div", { class: "use-head" }, h("a", { href: link("resources", { name: resource.name }), data: { key: `r-${resource.name}` } }, resource.name), resource.flag ? badge(resource.flag_name.toLowerCase()) : null, h("span", { class: "end" }, h("b", {}, resource.current_num), ` of ${resource.max_num}`, resource.proposed_allocation ? `, ${resource.proposed_allocation} ordered` : "")),
    stateBar(lowered(resource.states), resource.max_num, `${resource.current_num} of ${resource.max_num} nodes of ${resource.name}`),
    trouble && h("p", { class: resource.error || resource.backoff ? "bad" : "quiet" }, trouble),
  );
}

function decision({ plan, engine }) {
  const shown = plan.actions.slice(0, MOST_ACTIONS);
  const blocked = Object.entries(plan.blocked);
  return h("section", { class: "card" },
    h("h2", {}, "Last decision"),
    h("p", { class: "quiet" }, plan.at ? ["decided ", age(plan.at), " ago"] : "none yet", engine.auto_mode && !engine.stopped ? `, again at the latest after ${duration(engine.auto_provision_interval)}` : ""),
    shown.length ? h("ul", { class: "plain acts" }, shown.map(actionRow)) : h("p", {}, "Nothing had to be done."),
    plan.actions.length > shown.length && h("p", { class: "quiet" }, `and ${plan.actions.length - shown.length} more`),
    blocked.length > 0 && [h("h3", {}, "What is not launched, and why"), h("ul", { class: "plain acts" }, blocked.map(([name, reason]) => h("li", {}, name && !reason.includes(name) && h("b", {}, name, " "), reason)))],
  );
}

function actionRow(action) {
  const on = action.node || action.resource;
  return h("li", {}, badge("act", action.act), " ", h("b", {}, on), " ", h("span", {}, action.reason), action.detail && h("span", { class: "quiet" }, ` (${action.detail})`));
}

function recentPart(entries) {
  return [h("h2", {}, "Lately", h("a", { class: "more", href: link("activity"), data: { key: "more" } }, "all activity")), entries.length ? h("ul", { class: "plain entries" }, entries.map(entryRow)) : h("p", { class: "quiet" }, "Nothing has happened yet.")];
}
