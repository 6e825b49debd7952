// History as lines for charts and tables. Pure; times in ms.

import { inOrder, percentsOf } from "./usage.js";

export const FULL = 100;

/**
 * Return by label `{times, lines}`: the times of the readings, and for each window (a Map, in the
 * order in which windows are shown) as many percentages, null where there is none. A time without
 * any is a gap: the server puts one where readings are missing.
 */
export function seriesByLabel(entries) {
  const found = new Map();
  for (const { timestamp, accounts } of entries) {
    for (const account of accounts) add(seriesOf(found, account.label), timestamp, account);
  }
  for (const series of found.values()) series.lines = sorted(series.lines);
  return found;
}

/** Return where windows became full, and where they were so no longer, oldest first. */
export function marksOf({ times, lines }) {
  return [...lines]
    .flatMap(([name, percents]) => marksOfLine(name, times, percents))
    .sort((a, b) => a.at - b.at);
}

/** Return the least, greatest and last percentage of a line within a span, or null without any. */
export function extremes(times, percents, [from, to]) {
  const within = percents.filter(
    (percent, n) => percent !== null && times[n] >= from && times[n] <= to,
  );
  if (!within.length) return null;
  const least = within.reduce((a, b) => Math.min(a, b));
  const greatest = within.reduce((a, b) => Math.max(a, b));
  return { least, greatest, last: within.at(-1) };
}

/** Return the spans without readings as pairs of times. */
export function gapsOf({ times, lines }) {
  const all = [...lines.values()];
  const gaps = [];
  for (let n = 1; n < times.length - 1; n++) {
    if (all.every((percents) => percents[n] === null)) gaps.push([times[n - 1], times[n + 1]]);
  }
  return gaps;
}

/** Return the positions of readings that stand alone between gaps: no line would show them. */
export function loneReadings(percents) {
  const isThere = (n) => percents[n] !== null && percents[n] !== undefined;
  return percents.map((_, n) => n).filter((n) => isThere(n) && !isThere(n - 1) && !isThere(n + 1));
}

function seriesOf(found, label) {
  if (!found.has(label)) found.set(label, { times: [], lines: new Map() });
  return found.get(label);
}

function add({ times, lines }, timestamp, account) {
  const values = new Map(percentsOf(account));
  for (const name of values.keys()) {
    if (!lines.has(name)) lines.set(name, Array(times.length).fill(null));
  }
  times.push(timestamp);
  for (const [name, percents] of lines) percents.push(values.get(name) ?? null);
}

function sorted(lines) {
  return new Map(inOrder([...lines.keys()]).map((name) => [name, lines.get(name)]));
}

function marksOfLine(name, times, percents) {
  const marks = [];
  let before = null;
  percents.forEach((percent, n) => {
    if (percent === null) return;
    if (before !== null && before >= FULL !== percent >= FULL) {
      marks.push({ at: times[n], name, kind: percent >= FULL ? "hit" : "reset" });
    }
    before = percent;
  });
  return marks;
}
