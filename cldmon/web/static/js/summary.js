// A history in a sentence or two, for screen readers and for a glance. Pure.

import { toSentence } from "./messages.js";
import { findExtremes } from "./series.js";
import { formatDuration, formatWhen } from "./time.js";

/**
 * Return the summary of one account's history; `events` include its gaps, `range` is [from, to] and
 * `now` in ms, `names` are WindowNames.
 */
export function summarize({ series, events, range, now, names }) {
  const lines = [...series.lines].map(([name, percents]) =>
    describeLine(names.short(name), findExtremes(series.times, percents, range)),
  );
  const select = (wanted) => events.filter(({ kind }) => kind === wanted);
  const [hits, resets] = [select("limit_hit"), select("usage_reset")];
  const sentences = [
    lines.filter(Boolean).join("; "),
    hits.length ? `Limit hit ${describeTimes(hits, now)}` : "No limit hit",
    resets.length ? `reset ${describeTimes(resets, now)}` : "",
  ];
  const first = sentences[0] ? `${toSentence(sentences[0])} ` : "";
  return first + sentences.slice(1).filter(Boolean).join(", ") + "." + describeGaps(select("gap"));
}

function describeLine(title, found) {
  if (!found) return "";
  const { least, greatest, last } = found;
  return least === greatest
    ? `${title} ${last}% throughout`
    : `${title} ${least}–${greatest}%, last ${last}%`;
}

function describeTimes(events, now) {
  const last = formatWhen(events.at(-1).at, now);
  return events.length === 1 ? last : `${events.length} times, last ${last}`;
}

function describeGaps(gaps) {
  if (!gaps.length) return "";
  const longest = formatDuration(Math.max(...gaps.map(({ at, until }) => until - at)));
  if (gaps.length === 1) return ` One gap of ${longest} in the readings.`;
  return ` ${gaps.length} gaps in the readings, the longest ${longest}.`;
}
