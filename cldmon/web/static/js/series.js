// History as lines for charts and tables. Pure; times in ms.

const FULL = 100;

/**
 * Return by label `{times, lines}`: the times of the readings, and for each window (a Map, in the
 * order in which windows are shown) as many percentages, null where there is none. A time without
 * any is a gap: the server puts one where readings are missing. `names` are WindowNames.
 */
export function buildSeries(entries, names) {
  const found = new Map();
  for (const { timestamp, accounts } of entries) {
    for (const account of accounts) {
      const percents = extractPercents(account);
      // Older versions mistook credit pools for windows, and wrote them to the history.
      const own = percents.filter(([name]) => !names.isPool(account.label, name));
      if (percents.length > 0 && own.length === 0) continue;
      if (!found.has(account.label)) found.set(account.label, { times: [], lines: new Map() });
      const { times, lines } = found.get(account.label);
      const values = new Map(own);
      for (const name of values.keys()) {
        if (!lines.has(name)) lines.set(name, Array(times.length).fill(null));
      }
      times.push(timestamp);
      for (const [name, line] of lines) line.push(values.get(name) ?? null);
    }
  }
  for (const series of found.values()) {
    const { lines } = series;
    series.lines = new Map(names.sort(lines.keys()).map((name) => [name, lines.get(name)]));
  }
  return found;
}

/** Return where windows became full and where they reset, oldest first. */
export function findMarks({ times, lines }) {
  const marks = [];
  for (const [name, percents] of lines) {
    let wasFull = null;
    percents.forEach((percent, n) => {
      if (percent === null) return;
      const isFull = percent >= FULL;
      if (wasFull !== null && isFull !== wasFull)
        marks.push({ at: times[n], name, kind: isFull ? "hit" : "reset" });
      wasFull = isFull;
    });
  }
  return marks.sort((a, b) => a.at - b.at);
}

/** Return the least, greatest and last percentage of a line within a span, or null without any. */
export function findExtremes(times, percents, [from, to]) {
  const within = percents.filter(
    (percent, n) => percent !== null && times[n] >= from && times[n] <= to,
  );
  if (!within.length) return null;
  const least = within.reduce((a, b) => Math.min(a, b));
  const greatest = within.reduce((a, b) => Math.max(a, b));
  return { least, greatest, last: within.at(-1) };
}

/**
 * Return the spans without readings as pairs of times. If one window is missing and others are not,
 * the account did not have it: that is not a gap.
 */
export function findGaps({ times, lines }) {
  const all = [...lines.values()];
  const read = [...times.keys()].filter((n) => all.some((percents) => percents[n] !== null));
  return read
    .slice(1)
    .map((n, place) => [read[place], n])
    .filter(([before, n]) => n > before + 1)
    .map(([before, n]) => [times[before], times[n]]);
}

/** Return the positions of readings that stand alone between gaps: a line can't show them. */
export function findLoneReadings(percents) {
  const isThere = (n) => percents[n] !== null && percents[n] !== undefined;
  return percents.map((_, n) => n).filter((n) => isThere(n) && !isThere(n - 1) && !isThere(n + 1));
}

/** Return the percentages of an account's history entry as pairs of window name and number. */
function extractPercents({ label: _, models = {}, scoped = {}, ...own }) {
  return [
    ...Object.entries(own),
    ...Object.entries(models).map(([name, percent]) => [`models.${name}`, percent]),
    ...Object.entries(scoped).map(([name, percent]) => [`scoped.${name}`, percent]),
  ];
}
