// The jobs, and why they wait.

import { getPage } from "../api.js";
import { age } from "../clock.js";
import { badge } from "../badge.js";
import { chips, heading, search } from "../filters.js";
import { feed } from "../feed.js";
import { fill, h } from "../dom.js";
import { duration, memory, sentence, trim } from "../format.js";
import { keep } from "../router.js";
import { openJob } from "../jobpanel.js";
import { JOB_STATES, OUTCOMES } from "../states.js";
import { Table } from "../table.js";

const MOST = 100000;

export default function jobs(box, parameters) {
  const wanted = { state: parameters.get("state") ?? "pending", text: parameters.get("text") ?? "" };
  let all = [];
  let named = parameters.get("job");
  const total = h("span", { class: "quiet" });
  const states = chips("State", (state) => set({ state }));
  const table = new Table({ label: "Jobs", columns: COLUMNS, id: (job) => job.jobid, open: (job) => openJob(job.jobid), empty: "No job is like this." });
  fill(box, heading("Jobs", total), h("div", { class: "tools" }, search("Search id, name, owner, queue, reason", wanted.text, (text) => set({ text })), states.element), table.element);

  function set(change) {
    Object.assign(wanted, change);
    keep("jobs", wanted);
    draw();
  }
  function draw() {
    const matching = all.filter((job) => matches(job, wanted.text));
    const shown = matching.filter((job) => wanted.state === "all" || job.state === wanted.state);
    const counts = new Map();
    for (const job of matching) counts.set(job.state, (counts.get(job.state) ?? 0) + 1);
    const known = JOB_STATES.filter((state) => counts.has(state) || state === "pending" || state === "running" || state === wanted.state);
    states.show([...known.map((state) => [state, sentence(state), trim(counts.get(state) ?? 0)]), ["all", "All", trim(matching.length)]], wanted.state);
    fill(total, `${trim(shown.length)} shown`);
    table.show(shown);
  }
  const rows = feed(() => getPage("/job", { state: "all", limit: MOST }), (page) => {
    all = page.rows;
    draw();
    if (named) openJob(named);
    named = null;
  }, (error) => all.length || fill(total, error.message));
  return () => {
    rows.end();
    table.end();
  };
}

const COLUMNS = [
  { key: "id", title: "Job", width: "0 0 5rem", cell: (job) => h("b", {}, job.jobid), value: (job) => job.jobid },
  { key: "name", title: "Name", width: "3 1 6rem", cell: name, value: (job) => job.name },
  { key: "owner", title: "Owner", width: "1 1 4.5rem", cell: (job) => job.owner, value: (job) => job.owner, hide: "medium" },
  { key: "cores", title: "Cores", width: "0 0 4.4rem", cell: (job) => trim(job.requested_cores * Math.max(job.tasks, 1)), value: (job) => job.requested_cores * Math.max(job.tasks, 1), hide: "narrow", end: true, downFirst: true },
  { key: "memory", title: "Memory", width: "0 0 5.6rem", cell: (job) => memory(job.requested_mem), value: (job) => job.requested_mem, hide: "medium", end: true, downFirst: true },
  { key: "walltime", title: "Wall time", width: "0 0 6rem", cell: (job) => duration(job.requested_walltime), value: (job) => job.requested_walltime ?? -1, hide: "wide", end: true, downFirst: true },
  { key: "queue", title: "Queue", width: "1 1 4.5rem", cell: (job) => job.queue || "–", value: (job) => job.queue, hide: "wide" },
  { key: "since", title: "For", width: "0 0 6rem", cell: (job) => age(job.start_time || job.creation_time), value: (job) => -(job.start_time || job.creation_time), hide: "narrow" },
  { key: "fate", title: "What becomes of it", width: "7 1 13rem", cell: fate, value: (job) => job.fate.outcome },
];

function name(job) {
  return h("span", { class: "two" }, h("span", { title: job.name }, job.name), h("small", { class: "only-narrow" }, job.owner));
}

function fate(job) {
  return h("span", { class: "fate", title: job.fate.reason }, badge(`f-${job.fate.outcome}`, job.fate.outcome, OUTCOMES[job.fate.outcome] ?? ""), h("span", {}, job.fate.reason));
}

function matches(job, text) {
  if (!text) return true;
  return [job.jobid, job.name, job.owner, job.queue, job.account, job.property, job.fate.reason, job.fate.outcome].some((part) => part && part.toLowerCase().includes(text));
}
