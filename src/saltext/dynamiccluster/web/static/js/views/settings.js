// How the engine is set and how it is: automatic mode, health, faults, configuration.

import { age } from "../clock.js";
import { badge } from "../badge.js";
import { confirm } from "../dialog.js";
import { duration, trim } from "../format.js";
import { facts } from "../panel.js";
import { feed } from "../feed.js";
import { fill, h, refill } from "../dom.js";
import { get } from "../api.js";
import { heading } from "../filters.js";
import { may } from "../session.js";
import { send } from "../resourceactions.js";
import { tree } from "../tree.js";

export default function settings(box) {
  const top = h("div", { class: "columns" });
  const config = h("section", { class: "card" });
  fill(box, heading("Settings"), top, config);
  let seen = false;
  const feeds = [
    feed(() => get("/status"), (status) => (seen = true, refill(top, () => status.engine.config_error ? [faults(status), modes(status), health(status), engine(status)] : [modes(status), health(status), engine(status), faults(status)])), (error) => seen || fill(top, h("p", { class: "bad" }, error.message))),
    feed(() => get("/server/config"), (value) => refill(config, () => [h("h2", {}, "Configuration"), h("p", { class: "quiet" }, "As it is in force, by pillar keys below dynamiccluster; what may be secret is masked."), tree(value)]), (error) => refill(config, () => [h("h2", {}, "Configuration"), h("p", { class: "quiet" }, error.message)])),
  ];
  return () => feeds.forEach((item) => item.end());
}

function modes({ engine }) {
  const on = engine.auto_mode;
  const toggle = h("button", { class: "switch", role: "switch", "aria-checked": String(on), "aria-labelledby": "auto-title", disabled: !may("auto"), data: { key: "auto", act: "auto" }, on: { click: () => send(on ? "DELETE" : "PUT", "/server/auto") } }, h("i", {}));
  const button = (key, title, hint, press, kind = "") => h("button", { class: kind, title: hint, disabled: !may(key), data: { key, act: key }, on: { click: press } }, title);
  return h("section", { class: "card" }, h("h2", {}, "Automatic mode"),
    h("div", { class: "mode" }, toggle, h("span", { id: "auto-title" }, on ? "On: the cluster grows and shrinks by itself." : "Off: nothing is launched or removed unless somebody asks.")),
    engine.stopped && engine.config_error && h("p", { class: "bad" }, "Nothing is decided until the settings are usable."),
    engine.stopped && !engine.config_error && h("p", { class: "bad" }, "The engine was stopped; nothing is decided until the master starts it again."),
    h("div", { class: "buttons" },
      button("reconcile", "Look again now", "Read settings, batch system and clouds anew", () => send("PUT", "/server/reconcile")),
      button("stop", "Stop launches", "No launches from this moment on", stop, "careful")));
}

async function stop() {
  const body = h("p", {}, "Nothing is launched any more and automatic mode is off; orders that no cloud has heard of are cancelled. Jobs and nodes that are there go on. Automatic mode on, or Add, lets launches go on.");
  if (await confirm({ title: "Stop launches?", body, yes: "Stop launches", danger: true })) await send("PUT", "/server/stop");
}

function health({ batch, resources }) {
  const parts = Object.entries(batch.health);
  return h("section", { class: "card" }, h("h2", {}, "Batch system and clouds"),
    h("ul", { class: "plain health" },
      line(`${batch.type} ${batch.name}`, !batch.error && parts.every(([, fine]) => fine), batch, [parts.map(([name, fine]) => badge(fine ? "fine" : "error", `${name} ${fine ? "answers" : "does not answer"}`)), batch.warnings.map((text) => h("p", { class: "quiet" }, text))]),
      resources.map((resource) => line(`${resource.type} ${resource.name}`, !resource.error && !resource.backoff, resource, resource.backoff && h("p", { class: "bad" }, resource.backoff.reason)))));
}

function line(title, fine, reading, more) {
  const state = fine && !reading.read_at ? "unknown" : fine ? "fine" : "error";
  return h("li", {}, h("div", { class: "use-head" }, badge(state, title), h("span", { class: "end quiet" }, reading.read_at ? ["seen ", age(reading.read_at), " ago"] : "not seen yet")), reading.error && h("p", { class: "bad" }, reading.error), more);
}

const every = (seconds) => seconds > 0 && duration(seconds);

function engine({ engine: known, cluster }) {
  const counters = Object.entries(known.counters).filter(([, value]) => value).map(([name, value]) => `${name} ${trim(value)}`);
  return h("section", { class: "card" }, h("h2", {}, "Engine"), facts([
    ["Version", known.version], ["Cluster", cluster], ["Runs for", known.started_at > 0 && age(known.started_at)], ["Decides every", every(known.auto_provision_interval)],
    ["Looks at the batch system every", every(known.cluster_poller_interval)], ["Looks at the clouds every", every(known.cloud_poller_interval)],
    ["Calls under way", known.in_flight || ""], ["Since its start", counters.join(", ")], ["Failures of its own", known.bugs || ""],
  ]));
}

/** What is wrong with the pillar, each fault with its path, and what else is. */
function faults({ engine: known }) {
  const found = known.config_faults.length || !known.config_error ? known.config_faults : [{ path: "", problem: known.config_error, hint: "" }];
  const others = [known.journal, known.trouble, ...Object.values(known.degraded)].filter(Boolean);
  return h("section", { class: "card" }, h("h2", {}, "Faults"),
    !found.length && !others.length && h("p", { class: "quiet" }, "The pillar is usable, nothing is degraded."),
    found.length > 0 && [h("p", {}, `The pillar cannot be used; ${known.stopped ? "nothing is done until it can." : "the last good settings are in force."}`), h("ul", { class: "plain faults" }, found.map(({ path, problem, hint }) => h("li", {}, path && h("code", {}, path), " ", problem, hint && h("p", { class: "quiet" }, hint))))],
    others.length > 0 && h("ul", { class: "plain faults" }, others.map((text) => h("li", { class: "bad" }, text))));
}
