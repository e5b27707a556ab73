// Starts the page: who we are, the shell, and the view that the address names.

import { fill, h } from "./dom.js";
import { helpKeys } from "./keys.js";
import { on, start, stop } from "./live.js";
import { closePanel } from "./panel.js";
import { route } from "./router.js";
import { VIEWS, makeShell } from "./shell.js";
import { logout, maySee, whoami } from "./session.js";
import { showLogin } from "./views/login.js";

const app = document.getElementById("app");
let shell = null;
let leaveView = () => {};
let shown = "";
let beginning = false;
const AGAIN = 2000; // milliseconds until a view that could not be had is asked for again

async function begin() {
  if (beginning) return;
  beginning = true;
  try {
    await whoami();
  } catch (error) {
    fill(app, h("p", { class: "lost", role: "alert" }, `${error.message}. Trying again …`));
    setTimeout(begin, 3000);
    return;
  } finally {
    beginning = false;
  }
  if (maySee()) enter();
  else askWho();
}

function askWho(reason = "") {
  leave();
  stop();
  showLogin(app, { reason, done: enter });
}

function enter() {
  leave();
  shell = makeShell(app, { leave: () => logout().catch(() => {}).then(begin), enter: () => askWho() });
  start();
  show();
}

function leave() {
  closePanel();
  leaveView();
  leaveView = () => {};
  shown = "";
  shell?.end();
  shell = null;
}

/** Return what builds a view, null when it is not wanted any more. A server that is away for a moment is asked again. */
async function load(name) {
  for (let tries = 0; shell && shown === name; tries += 1) {
    try {
      // another address each time, since a browser may remember that a module could not be had
      return (await import(`./views/${name}.js${tries ? `?again=${tries}` : ""}`)).default;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      await new Promise((wake) => setTimeout(wake, AGAIN));
    }
  }
  return null;
}

/** Show the view of the address; one that is shown already is told of its new parameters. */
async function show() {
  if (!shell) return;
  const { view, parameters } = route();
  const name = VIEWS.some(([known]) => known === view) ? view : "overview";
  closePanel();
  leaveView();
  leaveView = () => {};
  shell.choose(name);
  const moved = shown !== name;
  shown = name;
  const build = await load(name);
  if (!build || shown !== name || !shell) return;
  const box = h("div", { class: `view v-${name}` });
  fill(shell.main, box);
  leaveView = build(box, parameters) ?? (() => {});
  if (moved) shell.main.scrollTop = 0;
}

addEventListener("hashchange", show);
on("expired", () => shell && begin());
helpKeys();
begin();
