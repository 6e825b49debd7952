// History as lines for charts and tables. Pure; times in ms.

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

/**
 * Return the positions of readings that stand alone between gaps: a line can't show them. Where
 * another account was read but this one was not, its percentage is undefined; that is not a gap.
 */
export function findLoneReadings(percents) {
  const known = percents.map((_, n) => n).filter((n) => percents[n] !== undefined);
  const isThere = (n) => isReading(percents[n]);
  return known.filter((n, m) => isThere(n) && !isThere(known[m - 1]) && !isThere(known[m + 1]));
}

/** Return the positions of the readings within a span, gaps left out. */
export function findReadingsWithin({ times, lines }, [from, to]) {
  const all = [...lines.values()];
  return [...times.keys()].filter(
    (n) => times[n] >= from && times[n] <= to && all.some((percents) => isReading(percents[n])),
  );
}

/** Return a series with these windows only. */
export function selectLines({ times, lines }, isSelected) {
  return { times, lines: new Map([...lines].filter(([name]) => isSelected(name))) };
}

/** Return a complete series with the gaps of a thinned one of the same account. */
export function copyGaps(complete, thinned) {
  const gaps = [...thinned.times.keys()]
    .filter((n) => [...thinned.lines.values()].every((percents) => !isReading(percents[n])))
    .map((n) => [thinned.times[n], null]);
  const rows = [...complete.times.map((ms, n) => [ms, n]), ...gaps].sort(([a], [b]) => a - b);
  const lines = [...complete.lines].map(([name, percents]) => [
    name,
    rows.map(([, n]) => (n === null ? null : percents[n])),
  ]);
  return { times: rows.map(([ms]) => ms), lines: new Map(lines) };
}

/**
 * Return the position of the last known percentage up to a position: it is undefined where only
 * other accounts were read.
 */
export function findKnown(percents, index) {
  while (percents[index] === undefined && index > 0) index -= 1;
  return index;
}

/** Return whether a line has a percentage here. */
export function isReading(percent) {
  return percent !== null && percent !== undefined;
}

/** Return the percentages of an account's history entry as pairs of window name and number. */
function extractPercents({ label: _, models = {}, scoped = {}, ...own }) {
  return [
    ...Object.entries(own),
    ...Object.entries(models).map(([name, percent]) => [`models.${name}`, percent]),
    ...Object.entries(scoped).map(([name, percent]) => [`scoped.${name}`, percent]),
  ];
}
