// The server's time as the browser can tell it, and the texts that grow older by themselves.

import { h } from "./dom.js";
import { duration } from "./format.js";

const JUMP = 30;
let offset = null; // seconds that the server's clock is behind ours

/** Learn from a moment that the server just told. It is a little late always, so the smallest difference is the truest. */
export function observe(at) {
  const seen = Date.now() / 1000 - at;
  if (Number.isFinite(seen) && (offset === null || seen < offset || seen - offset > JUMP)) offset = seen;
}

/** Return the server's time, Unix seconds. */
export function serverNow() {
  return Date.now() / 1000 - (offset ?? 0);
}

/** Return an element that says how long ago `since` was, and goes on saying so. */
export function age(since) {
  if (!since) return h("span", { class: "quiet" }, "–");
  const element = h("time", { dateTime: new Date(since * 1000).toISOString(), title: new Date(since * 1000).toLocaleString(), data: { since } });
  element.textContent = tell(element);
  return element;
}

function tell(element) {
  return duration(Math.max(serverNow() - Number(element.dataset.since), 0));
}

setInterval(() => {
  if (document.hidden) return;
  for (const element of document.querySelectorAll("time[data-since]")) {
    const text = tell(element);
    if (element.textContent !== text) element.textContent = text;
  }
}, 1000);
