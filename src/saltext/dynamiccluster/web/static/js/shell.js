// What surrounds every view: where to go, whether the page is live, who is logged in.

import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { duration } from "./format.js";
import { liveness, on } from "./live.js";
import { link } from "./router.js";
import { session } from "./session.js";

export const VIEWS = [
  ["overview", "Overview"],
  ["nodes", "Worker nodes", "Nodes"],
  ["jobs", "Jobs"],
  ["resources", "Resources"],
  ["graphs", "Graphs"],
  ["activity", "Activity"],
  ["settings", "Settings"],
];

const WORDS = {
  connecting: "Connecting …",
  live: "Live",
  polling: "Reading every 5 s",
  away: "Engine away",
};

/** Build the shell; return {main, choose(view)}. `leave`: what the button of the user does. */
export function makeShell(app, { leave, enter }) {
  const pulse = h("span", { class: "pulse", role: "status" });
  const banner = h("div", { class: "banner", role: "alert", hidden: true });
  const main = h("main", { id: "main", tabIndex: -1 });
  const links = VIEWS.map(([view, title, short], index) =>
    h("a", { href: link(view), data: { view }, title: `${title} (${index + 1})` }, icon(view), h("span", { class: "long" }, title), h("span", { class: "short", "aria-hidden": "true" }, short ?? title)),
  );
  const skip = h("a", { class: "skip", href: "#main", on: { click: (event) => { event.preventDefault(); main.focus(); } } }, "Skip to content");
  const side = h("header", { class: "side" }, h("a", { class: "brand", href: link("overview") }, h("img", { src: "/dashboard/icon.svg", alt: "", width: 28, height: 28 }), h("span", {}, "Dynamic Cluster")),
    h("nav", { "aria-label": "Views" }, links), h("div", { class: "foot" }, pulse, who(leave, enter)));
  fill(app, skip, side, h("div", { class: "stage" }, banner, main));
  const update = () => show(pulse, banner);
  const end = on("state", update);
  const timer = setInterval(update, 1000);
  update();
  return { main, choose: (view) => mark(links, view), end: () => (clearInterval(timer), end()) };
}

function who(leave, enter) {
  const { authenticated, user } = session();
  const press = authenticated ? leave : enter;
  return h("div", { class: "who" }, icon("user"), h("span", {}, authenticated ? user : "Only reading"), h("button", { class: "ghost small", data: { act: "session" }, on: { click: press } }, authenticated ? "Log out" : "Log in"));
}

function mark(links, view) {
  for (const item of links) {
    if (item.dataset.view === view) item.setAttribute("aria-current", "page");
    else item.removeAttribute("aria-current");
  }
  document.title = `${VIEWS.find(([name]) => name === view)?.[1] ?? "Dynamic Cluster"} · Dynamic Cluster`;
}

function show(pulse, banner) {
  const { mode, since, stale } = liveness();
  pulse.dataset.mode = stale && mode !== "away" ? "stale" : mode;
  const word = stale && mode !== "away" ? (stale === "unusable" ? "Settings unusable" : "Engine stands still") : WORDS[mode];
  if (pulse.textContent !== word) fill(pulse, h("i", {}), word);
  const text = trouble(mode, since, stale);
  banner.hidden = !text;
  if (text && banner.textContent !== text) fill(banner, icon("alert"), h("span", {}, text));
}

function trouble(mode, since, stale) {
  const gone = duration((Date.now() - since) / 1000);
  if (mode === "away") return `The engine has not answered for ${gone}. What is shown is from before; jobs and machines go on without it. This page comes back by itself.`;
  if (stale === "unusable") return "The pillar cannot be used, and nothing is done until it can: Settings shows each fault and where it is. Jobs and machines go on.";
  if (stale) return "The server answers, but its engine has not looked at the cluster for a while, or has only just started: what is shown may be old.";
  return "";
}
