// The past in graphs: a range, a resource, zoom by dragging; read again as often as wanted.

import { Chart } from "../chart.js";
import { duration, span, trim } from "../format.js";
import { fill, h } from "../dom.js";
import { get } from "../api.js";
import { heading, select } from "../filters.js";
import { keep } from "../router.js";
import { note } from "../live.js";
import { serverNow } from "../clock.js";
import { bridge, shift, zoomBy } from "../range.js";

const RANGES = [["3600", "An hour"], ["21600", "6 hours"], ["86400", "A day"], ["604800", "A week"], ["2592000", "30 days"], ["15552000", "180 days"]];
const REFRESH = [["0", "not by itself"], ["10", "every 10 s"], ["60", "every minute"], ["600", "every 10 minutes"]];
const STATES = ["busy", "idle", "holding", "held", "starting", "deleting", "error"];
const POINTS = 400;
const SPANS = [1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 21600, 86400, 172800, 604800];

export default function graphs(box, parameters) {
  const wanted = { range: parameters.get("range") ?? "3600", resource: parameters.get("resource") ?? "", refresh: parameters.get("refresh") ?? "10" };
  let zoom = null; // [from, to], null: up to now
  let serial = 0;
  let timer = null;
  const said = h("span", { class: "quiet", "aria-live": "polite" });
  const back = h("button", { data: { act: "reset" }, on: { click: () => zoomTo(null) } }, "Back to now");
  const charts = makeCharts((from, to) => zoomTo(from === null ? null : [from, to]));
  const resourceBox = h("span");
  const nudge = (title, label, change) => h("button", { title: label, "aria-label": label, on: { click: () => zoomTo(change(zoom ?? latest())) } }, title);
  const tools = h("div", { class: "tools" },
    select("Time range", RANGES, wanted.range, (range) => (zoom = null, set({ range }))), resourceBox,
    h("span", { class: "group" }, nudge("‹", "Earlier", (range) => shift(range, -0.5)), nudge("›", "Later", (range) => shift(range, 0.5)), nudge("+", "Zoom in", (range) => zoomBy(range, 0.5)), nudge("−", "Zoom out", (range) => zoomBy(range, 2)), back),
    h("label", { class: "check" }, "Read again ", select("Read again", REFRESH, wanted.refresh, (refresh) => set({ refresh }))));
  fill(box, heading("Graphs", said), tools, h("div", { class: "charts" }, Object.values(charts).map((chart) => chart.element)));

  function latest() {
    const now = serverNow();
    return [now - Number(wanted.range), now];
  }
  function set(change) {
    Object.assign(wanted, change);
    keep("graphs", wanted);
    read();
  }
  function zoomTo(range) {
    zoom = range;
    read();
  }
  async function read() {
    clearTimeout(timer);
    const mine = (serial += 1);
    const [from, to] = zoom ?? latest();
    back.disabled = zoom === null;
    try {
      const series = await get("/series", { from: from.toFixed(3), to: to.toFixed(3), points: POINTS, resource: wanted.resource });
      note(null);
      if (mine === serial) draw(charts, series, [from, to]);
      if (mine === serial) fill(said, `${zoom ? "part of the past" : "up to now"}, a point is ${duration(series.step)}`);
    } catch (error) {
      note(error);
      if (mine === serial) fill(said, error.message);
    }
    if (mine === serial && wanted.refresh !== "0" && !zoom) timer = setTimeout(read, Number(wanted.refresh) * 1000);
  }
  // The first answer tells the server's time, too: where "now" is, the graphs ask for it.
  const begin = get("/resource", { nodes: false }).then((found) => fill(resourceBox, select("Resource", [["", "All resources"], ...found.map(({ name }) => [name, name])], wanted.resource, (resource) => set({ resource }))), () => {});
  begin.then(read);
  return () => {
    serial += 1;
    clearTimeout(timer);
    Object.values(charts).forEach((chart) => chart.end());
  };
}

function makeCharts(zoomed) {
  const states = STATES.map((state) => ({ key: state, title: state, colour: state }));
  return {
    nodes: new Chart({ title: "Worker nodes", hint: "by state", lines: states, stacked: true, zoomed }),
    cores: new Chart({ title: "Cores", hint: "by their node's state", lines: states, stacked: true, zoomed }),
    jobs: new Chart({ title: "Jobs", lines: [{ key: "pending", title: "waiting", colour: "waiting" }, { key: "running", title: "running", colour: "busy" }], zoomed }),
    waiting: new Chart({ title: "Longest wait", hint: "of a job that waits", lines: [{ key: "waiting", title: "longest wait", colour: "waiting" }], zoomed, text: (value) => duration(value), tick: span, steps: SPANS }),
    cost: new Chart({ title: "Cost", hint: "an hour, in the unit of the prices", lines: [{ key: "cost", title: "an hour", colour: "total" }], zoomed, text: (value) => trim(value, 2), steps: null }),
  };
}

function draw(charts, series, range) {
  const columns = (found) => Object.fromEntries(Object.entries(found).map(([key, values]) => [key, bridge(series.time, values)]));
  const { time, nodes, cores, jobs, waiting, cost } = series;
  charts.nodes.show(time, columns(nodes), range);
  charts.cores.show(time, columns(cores), range);
  charts.jobs.show(time, columns(jobs), range);
  charts.waiting.show(time, columns({ waiting }), range);
  charts.cost.show(time, columns({ cost }), range);
}
