// One thing that is read again whenever the cluster changes: never two requests at a time, never more often than it is cheap.

import { note, on } from "./live.js";

const LEAST = 1000;
const SHARE = 4; // a read that takes 1 s comes every 4 s at most

/** Call `read()` now and after each change, `show(value)` with what it gives, `fail(error)` when it fails. Return {again, end}. */
export function feed(read, show, fail = () => {}) {
  let busy = false;
  let wanted = false;
  let ended = false;
  let seen = false;
  let pause = 0;
  let timer = null;

  async function run() {
    timer = null;
    busy = true;
    wanted = false;
    const began = performance.now();
    try {
      const value = await read();
      note(null);
      if (!ended) show(value);
      seen = true;
    } catch (error) {
      note(error);
      // What is known stays in sight while nobody answers.
      if (!ended && !(seen && error.away)) fail(error);
    }
    pause = Math.max(LEAST, SHARE * (performance.now() - began));
    busy = false;
    if (wanted) later();
  }

  function later() {
    if (!ended && timer === null) timer = setTimeout(run, pause);
  }

  function again() {
    if (busy) wanted = true;
    else later();
  }

  function now() {
    clearTimeout(timer);
    timer = null;
    if (busy) wanted = true;
    else run();
  }

  const leave = on("change", () => !document.hidden && again());
  run();
  return {
    again: now,
    end() {
      ended = true;
      clearTimeout(timer);
      leave();
    },
  };
}
