// A graph over time: uPlot in our colours, stacked where the parts make a whole, zoomed by dragging or by the keyboard.

import uPlot from "/dashboard/vendor/uplot/uPlot.esm.js";
import { fill, h } from "./dom.js";
import { trim } from "./format.js";

const HEIGHT = 180;
const COUNTS = [1, 2, 5].flatMap((step) => [1, 10, 100, 1000, 10000, 100000].map((scale) => step * scale)).sort((a, b) => a - b);

/** lines: [{key, title, colour (name of a CSS variable)}]; zoomed(from, to) when a range was drawn; text(value) says a value, tick(value) beside the axis, at `steps`. */
export class Chart {
  constructor({ title, lines, stacked = false, group = "graphs", zoomed = () => {}, text = (value) => trim(value, 1), tick = text, steps = COUNTS, hint = "" }) {
    Object.assign(this, { lines, stacked, group, zoomed, text, tick, steps });
    this.box = h("div", { class: "chart-box" });
    this.values = h("ul", { class: "chart-legend" });
    this.none = h("p", { class: "quiet chart-none", hidden: true }, "Nothing is known of this time.");
    this.element = h("figure", { class: "card chart" }, h("figcaption", {}, h("h2", {}, title), hint && h("p", { class: "quiet" }, hint)), this.values, this.box, this.none);
    this.resized = new ResizeObserver(() => this.plot?.setSize({ width: this.#width(), height: HEIGHT }));
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.redraw = () => this.columns && this.#make();
    this.dark.addEventListener("change", this.redraw);
    this.resized.observe(this.box);
  }

  /** Show columns: times, and for each line's key its values (null where unknown). */
  show(times, columns, range) {
    this.times = times;
    this.columns = columns;
    this.range = range;
    const used = this.lines.filter(({ key }) => columns[key]?.some((value) => value !== null && (!this.stacked || value > 0)));
    const same = this.plot && used.map((line) => line.key).join() === this.used.map((line) => line.key).join();
    this.used = used;
    this.none.hidden = used.length > 0;
    this.box.hidden = this.values.hidden = used.length === 0;
    if (!used.length) return this.#drop();
    if (!same) return this.#make();
    // Not while a range is being drawn: it would end under the pointer.
    if (this.plot.select.width === 0) this.plot.setData(this.#data());
    return this.#tell(null);
  }

  end() {
    this.resized.disconnect();
    this.dark.removeEventListener("change", this.redraw);
    this.#drop();
  }

  #drop() {
    this.plot?.destroy();
    this.plot = null;
  }

  #width() {
    return Math.max(this.box.clientWidth, 200);
  }

  /** Return times and lines; stacked: each line lies upon those before it, the topmost first, so that it is painted below them. */
  #data() {
    if (!this.stacked) return [this.times, ...this.used.map(({ key }) => this.columns[key])];
    const sum = this.times.map(() => 0);
    const layers = this.used.map(({ key }) => this.columns[key].map((value, index) => (value === null ? null : (sum[index] += value))));
    return [this.times, ...layers.reverse()];
  }

  #make() {
    this.#drop();
    fill(this.box);
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const drawn = this.stacked ? [...this.used].reverse() : this.used;
    const axis = { stroke: colour("quiet"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, font: `12px ${style.getPropertyValue("--font")}` };
    this.plot = new uPlot({
      width: this.#width(),
      height: HEIGHT,
      legend: { show: false },
      padding: [10, 8, 0, 0],
      cursor: { sync: { key: this.group, setSeries: false }, drag: { x: true, y: false, uni: 8 }, points: { size: 6 }, bind: { dblclick: () => () => this.zoomed(null) } },
      scales: { x: { range: () => this.range }, y: { range: (plot, low, high) => [Math.min(0, low ?? 0), Math.max(1, (high ?? 1) * 1.08)] } },
      axes: [{ ...axis, values: timeLabels, space: 70, size: 30 }, { ...axis, size: 52, ...(this.steps && { incrs: this.steps }), values: (plot, splits) => splits.map(this.tick) }],
      series: [{}, ...drawn.map((line) => ({ label: line.title, stroke: colour(line.colour), width: this.stacked ? 1 : 2, fill: this.stacked ? colour(line.colour) : undefined, points: { show: false }, spanGaps: false }))],
      hooks: { setSelect: [(plot) => this.#selected(plot)], setCursor: [(plot) => this.#tell(plot.cursor.idx)] },
    }, this.#data(), this.box);
    this.#tell(null);
  }

  #selected(plot) {
    const { left, width } = plot.select;
    if (width < 8) return;
    const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.zoomed(from, to);
  }

  /** Say the values under the pointer, or the newest ones. */
  #tell(index) {
    const at = index ?? this.#last();
    const items = this.used.map(({ key, title, colour }) => {
      const value = this.columns[key][at];
      return h("li", {}, h("i", { class: `k-${colour}` }), title, h("b", {}, value === null || value === undefined ? "–" : this.text(value)));
    });
    fill(this.values, items);
    this.box.setAttribute("role", "img");
    this.box.setAttribute("aria-label", this.used.map(({ key, title }) => `${title} ${this.columns[key][this.#last()] ?? "unknown"}`).join(", "));
  }

  #last() {
    for (let index = this.times.length - 1; index > 0; index -= 1) if (this.used.some(({ key }) => this.columns[key][index] !== null)) return index;
    return this.times.length - 1;
  }
}

function timeLabels(plot, splits, axis, space, step) {
  return splits.map((at) => {
    const date = new Date(at * 1000);
    if (step >= 86400) return date.toLocaleDateString("en", { day: "numeric", month: "short" });
    const time = date.toLocaleTimeString("en-GB", step < 60 ? {} : { hour: "2-digit", minute: "2-digit" });
    return step >= 3600 && date.getHours() === 0 ? date.toLocaleDateString("en", { day: "numeric", month: "short" }) : time;
  });
}
