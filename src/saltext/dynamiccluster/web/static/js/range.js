// Ranges of time, [from, to] in seconds.

const LEAST = 60;
const BRIDGED = 120;

/** Move a range by a share of its length. */
export function shift([from, to], share) {
  const by = (to - from) * share;
  return [from + by, to + by];
}

/** Make a range longer or shorter about its middle, a minute at least. */
export function zoomBy([from, to], factor) {
  const half = Math.max((to - from) * factor, LEAST) / 2;
  const middle = (from + to) / 2;
  return [middle - half, middle + half];
}

/** Fill gaps that are no longer than two minutes with the value before them: a sample that came late is no outage. */
export function bridge(times, values) {
  let last = -1;
  const next = values.reduceRight((found, value, index) => {
    found[index] = value !== null ? index : found[index + 1] ?? -1;
    return found;
  }, []);
  return values.map((value, index) => {
    if (value !== null) last = index;
    const until = next[index];
    return value === null && last >= 0 && until >= 0 && times[until] - times[last] <= BRIDGED ? values[last] : value;
  });
}
