// Numbers as people read them.

const UNITS = [
  ["d", 86400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
];

/** Return seconds as "3 min 20 s": the two largest units. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  let left = Math.round(seconds);
  if (left < 1) return "0 s";
  const first = UNITS.findIndex(([, size]) => left >= size);
  const parts = [];
  for (const [name, size] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count) parts.push(`${count} ${name}`);
  }
  return parts.join(" ");
}

/** Return seconds in their largest unit alone: "1.5 min". */
export function span(seconds) {
  const [name, size] = UNITS.find(([, least]) => seconds >= least) ?? UNITS.at(-1);
  return `${trim(seconds / size)} ${name}`;
}

/** Return MiB as "7.6 GiB". */
export function memory(mib) {
  if (!mib) return "–";
  return mib < 1024 ? `${Math.round(mib)} MiB` : `${trim(mib / 1024)} GiB`;
}

export function trim(value, digits = 1) {
  return Number(value).toLocaleString("en", { maximumFractionDigits: digits });
}

export function count(number, one, many = `${one}s`) {
  return `${trim(number, 0)} ${number === 1 ? one : many}`;
}

/** Return a time of day, with the day when it is not today's, with the year when it is not this one's. */
export function moment(at) {
  if (!at) return "–";
  const date = new Date(at * 1000);
  const now = new Date();
  const time = date.toLocaleTimeString("en-GB");
  if (date.toDateString() === now.toDateString()) return time;
  const year = date.getFullYear() === now.getFullYear() ? {} : { year: "numeric" };
  return `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short", ...year })}, ${time}`;
}

/** Compare texts with numbers in them as people would: node2 before node10. */
export const natural = new Intl.Collator("en", { numeric: true }).compare;

/** Return a text with its first letter large. */
export function sentence(text) {
  const value = String(text ?? "");
  return value.charAt(0).toUpperCase() + value.slice(1);
}
