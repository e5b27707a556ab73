// How worker nodes look in a table.

import { age } from "./clock.js";
import { badge } from "./badge.js";
import { h } from "./dom.js";
import { count, trim } from "./format.js";
import { link } from "./router.js";
import { NODE_STATES } from "./states.js";

const SHOWN_JOBS = 3;

/** Return the columns; `short`: without those that are the same for all nodes of a resource. */
export function nodeColumns(short = false) {
  return [
    { key: "hostname", title: "Name", width: "2 1 9rem", cell: name, value: (node) => node.hostname },
    { key: "state", title: "State", width: "0 0 6.6rem", cell: (node) => badge(node.state_name.toLowerCase()), value: (node) => NODE_STATES.indexOf(node.state_name.toLowerCase()) },
    { key: "since", title: "For", width: "0 0 6.2rem", cell: (node) => age(node.state_start_time), value: (node) => -node.state_start_time, hide: "narrow" },
    ...(short ? [] : [{ key: "resource", title: "Resource", width: "1 1 5rem", cell: (node) => node.resource || h("span", { class: "quiet" }, node.type), value: (node) => node.resource, hide: "medium" }]),
    { key: "cores", title: "Cores", width: "0 0 4.4rem", cell: (node) => node.num_proc || "–", value: (node) => node.num_proc, hide: "narrow", end: true, downFirst: true },
    { key: "load", title: "Load", width: "0 0 4.2rem", cell: (node) => load(node), value: (node) => node.extra_attributes?.load ?? -1, hide: "medium", end: true, downFirst: true },
    { key: "jobs", title: "Jobs", width: "1 1 5rem", cell: jobs, value: (node) => node.jobs.length, hide: "narrow", downFirst: true },
    { key: "why", title: "Why", width: "3 1 10rem", cell: why, value: why, hide: "medium" },
  ];
}

function name(node) {
  const under = [why(node), node.jobs.length ? count(node.jobs.length, "job") : ""].filter(Boolean).join(" · ");
  return h("span", { class: "two" }, h("b", { title: node.hostname }, node.hostname), h("small", { class: "only-narrow" }, under));
}

function load(node) {
  const value = node.extra_attributes?.load;
  return value === null || value === undefined ? "–" : trim(value, 2);
}

function jobs(node) {
  if (!node.jobs.length) return h("span", { class: "quiet" }, "–");
  const more = node.jobs.length - SHOWN_JOBS;
  const links = node.jobs.slice(0, SHOWN_JOBS).map((id) => h("a", { href: link("jobs", { job: id }), tabIndex: -1 }, id));
  return h("span", { class: "ids" }, links, more > 0 && h("span", { class: "quiet" }, `+${more}`));
}

function why(node) {
  return node.failed || node.reason || (node.phase && node.phase !== "serving" ? node.phase : node.stays || node.extra_attributes?.error || "");
}
