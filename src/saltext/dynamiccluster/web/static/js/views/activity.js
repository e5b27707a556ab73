// What was decided, what happened, what was asked, with the reasons; and the bus as it goes by.

import { age } from "../clock.js";
import { chips, heading, search, select } from "../filters.js";
import { feed } from "../feed.js";
import { fill, h } from "../dom.js";
import { get } from "../api.js";
import { facts, showPanel } from "../panel.js";
import { keep } from "../router.js";
import { kindBadge, subject } from "../entries.js";
import { moment, trim } from "../format.js";
import { on } from "../live.js";
import { Table } from "../table.js";

const MOST = 1000;
const KINDS = [["", "All"], ["action", "Decisions"], ["event", "Events"], ["command", "Commands"]];

export default function activity(box, parameters) {
  const wanted = { kind: parameters.get("kind") ?? "", resource: parameters.get("resource") ?? "", text: parameters.get("text") ?? "" };
  let all = [];
  const total = h("span", { class: "quiet" });
  const resourceBox = h("span");
  const kinds = chips("Kind", (kind) => set({ kind }));
  const table = new Table({ label: "Activity", columns: COLUMNS, id: keyOf, open: openEntry, empty: "Nothing like this is remembered." });
  fill(box, heading("Activity", total), h("div", { class: "tools" }, search("Search node, reason, user", wanted.text, (text) => set({ text })), resourceBox, kinds.element), table.element);

  function set(change) {
    Object.assign(wanted, change);
    keep("activity", wanted);
    draw();
  }
  function draw() {
    const matching = all.filter((entry) => (!wanted.resource || entry.resource === wanted.resource) && matches(entry, wanted.text));
    const shown = matching.filter((entry) => !wanted.kind || entry.kind === wanted.kind);
    kinds.show(KINDS.map(([kind, title]) => [kind, title, trim(matching.filter((entry) => !kind || entry.kind === kind).length)]), wanted.kind);
    const names = [...new Set(all.map((entry) => entry.resource).filter(Boolean))].sort();
    if (resourceBox.dataset.names !== names.join("\n")) {
      resourceBox.dataset.names = names.join("\n");
      fill(resourceBox, select("Resource", [["", "All resources"], ...names.map((name) => [name, name])], wanted.resource, (resource) => set({ resource })));
    }
    fill(total, all.length === MOST ? `the last ${trim(MOST)}` : `${trim(shown.length)} shown`);
    table.show(shown);
  }
  const rows = feed(() => get("/history", { limit: MOST }), (entries) => {
    all = number(entries);
    draw();
  }, (error) => all.length || fill(total, error.message));
  const leave = on("event", () => rows.again());
  return () => {
    leave();
    rows.end();
    table.end();
  };
}

/** Entries have no id: those alike are told apart by how many older ones are the same. */
function number(entries) {
  const seen = new Map();
  return entries.toReversed().map((entry) => {
    const same = `${entry.at} ${entry.kind} ${entry.node} ${entry.text}`;
    seen.set(same, (seen.get(same) ?? 0) + 1);
    return { ...entry, key: `${same} ${seen.get(same)}` };
  }).reverse();
}

function keyOf(entry) {
  return entry.key;
}

const COLUMNS = [
  { key: "at", title: "When", width: "0 0 11.5rem", cell: (entry) => h("span", { title: new Date(entry.at * 1000).toString() }, moment(entry.at)), hide: "narrow" },
  { key: "kind", title: "Kind", width: "0 0 6.4rem", cell: (entry) => kindBadge(entry.kind) },
  { key: "subject", title: "About", width: "1 1 7rem", cell: (entry) => h("b", {}, subject(entry) || "–"), hide: "narrow" },
  { key: "text", title: "What and why", width: "4 1 12rem", cell: text },
];

function text(entry) {
  return h("span", { class: "two" }, h("span", { title: entry.text }, entry.text), h("small", { class: "only-narrow" }, subject(entry), " ", age(entry.at), " ago"));
}

function openEntry(entry) {
  const data = Object.entries(entry.data).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]);
  showPanel({
    title: entry.text,
    build: (body) => fill(body, h("div", { class: "lead" }, kindBadge(entry.kind), h("span", {}, moment(entry.at))), facts([["Resource", entry.resource], ["Worker node", entry.node], ...data])),
  });
}

function matches(entry, text) {
  return !text || [entry.text, entry.node, entry.resource, JSON.stringify(entry.data)].some((part) => part && part.toLowerCase().includes(text));
}
