// A small line without axes: how a number went during the last hour.

import { svg } from "./dom.js";

const WIDTH = 240;
const HEIGHT = 44;

/** Return a line through the values; gaps where null. `colour`: name of a CSS variable's class. */
export function spark(values, colour, label) {
  const known = values.filter((value) => value !== null);
  const top = Math.max(...known, 1);
  const x = (index) => (index / Math.max(values.length - 1, 1)) * WIDTH;
  const y = (value) => HEIGHT - 3 - (value / top) * (HEIGHT - 8);
  let line = "";
  let area = "";
  let begun = null;
  values.forEach((value, index) => {
    const here = value === null ? null : `${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
    if (here === null) return close(index - 1);
    line += `${begun === null ? "M" : "L"}${here}`;
    area += begun === null ? `M${x(index).toFixed(1)} ${HEIGHT}L${here}` : `L${here}`;
    begun = begun ?? index;
  });
  close(values.length - 1);
  function close(index) {
    if (begun !== null) area += `L${x(index).toFixed(1)} ${HEIGHT}Z`;
    begun = null;
  }
  const attributes = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: `spark k-${colour}`, preserveAspectRatio: "none", role: "img", "aria-label": label };
  return svg("svg", attributes, svg("path", { d: area, class: "area" }), svg("path", { d: line, class: "line" }));
}
