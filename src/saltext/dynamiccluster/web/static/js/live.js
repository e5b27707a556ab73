// Keeps the page true: by server-sent events while they come, by asking every few seconds while they do not; tells when the engine is away.

import { ApiError, get } from "./api.js";
import { observe } from "./clock.js";

const POLL = 5000;
const PULSE = 15000;
const REOPEN = 5000;
const PATIENCE = 6000; // for a sign of life
const UNSEEN = 60000;

let source = null;
let running = false;
let timers = [];
let state = { mode: "connecting", since: Date.now(), stale: false };
const listeners = { change: new Set(), state: new Set(), event: new Set(), expired: new Set() };

/** Call `listener` on "change" (read again), "state", "event" (of our bus) or "expired" (log in again). Return a function that ends it. */
export function on(what, listener) {
  listeners[what].add(listener);
  return () => listeners[what].delete(listener);
}

/** Return {mode, since, stale}. Mode: connecting, live, polling or away; stale: the server answers, but the engine behind it has stopped ("unusable": for want of settings). */
export function liveness() {
  return state;
}

export function start() {
  if (running) return;
  running = true;
  open();
  timers = [setInterval(poll, POLL), setInterval(beat, PULSE)];
  pulse();
}

export function stop() {
  running = false;
  timers.forEach(clearInterval);
  close();
}

/** Note how a request ended: any answer is a sign of life, none is a sign of its absence. */
export function note(error) {
  if (!running) return;
  if (error instanceof ApiError && error.away) become({ mode: "away" });
  else if (error instanceof ApiError && error.status === 401) emit("expired");
  else if (state.mode === "away" || state.mode === "connecting") become({ mode: isOpen() ? "live" : "polling" });
}

/** Have everything that is shown read again, soon. */
export function refresh() {
  emit("change");
}

function close() {
  source?.close();
  source = null;
}

function isOpen() {
  return source?.readyState === EventSource.OPEN;
}

function open() {
  if (!running || source) return;
  source = new EventSource("/events");
  source.onopen = () => {
    become({ mode: "live" });
    emit("change");
  };
  source.onmessage = (message) => emit("event", JSON.parse(message.data));
  source.addEventListener("snapshot", (message) => {
    observe(JSON.parse(message.data).at);
    emit("change");
  });
  source.addEventListener("reset", () => emit("change"));
  source.onerror = fail;
}

function fail() {
  if (state.mode === "live") become({ mode: "polling" });
  poll();
  // The browser comes back by itself, unless the answer was an error.
  if (source?.readyState === EventSource.CLOSED) {
    source = null;
    setTimeout(open, REOPEN);
  }
}

/** While no events come: see whether anybody is there, and have everything read again. */
async function poll() {
  if (!running || isOpen() || document.hidden) return;
  await pulse();
  if (state.mode !== "away") emit("change");
}

/** While events come: what only grows older is told by none. */
async function beat() {
  await pulse();
  if (isOpen() && !document.hidden) emit("change");
}

async function pulse() {
  try {
    await get("/healthz", {}, PATIENCE);
    become({ stale: false });
    note(null);
  } catch (error) {
    // 503: the server lives and says that the engine's loop has stopped, has not begun, or has no settings that it can use.
    if (!error.away) become({ stale: error.message === "unusable" ? error.message : true });
    note(error);
  }
}

function become(change) {
  const next = { ...state, ...change };
  if (next.mode === state.mode && next.stale === state.stale) return;
  if (next.mode !== state.mode) next.since = Date.now();
  state = next;
  emit("state", state);
}

function emit(what, value) {
  for (const listener of [...listeners[what]]) listener(value);
}

// Browsers open few connections to one server: pages that nobody looks at give theirs back after a while.
let leaving = 0;
document.addEventListener("visibilitychange", () => {
  clearTimeout(leaving);
  if (document.hidden) leaving = setTimeout(close, UNSEEN);
  else if (running) {
    open();
    emit("change");
  }
});
