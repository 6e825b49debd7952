// What happened to an account, for the marks on its chart and the list below. Pure; times in ms.
//
// The server decides what is an event. The page adds only the gaps, which the history shows.

import { findGaps } from "./series.js";
import { formatDuration, formatWhen } from "./time.js";

/** How each kind of event is shown; others are not. */
export const KINDS = {
  limit_hit: { mark: "▲", style: "hit", text: "limit hit" },
  usage_reset: { mark: "▼", style: "reset", text: "reset" },
  limit_changed: { mark: "◆", style: "changed", text: "limit changed" },
  account_failed: { mark: "✕", style: "failed", text: "error" },
  account_recovered: { mark: "✓", style: "recovered", text: "recovery" },
  gap: { mark: "┄", style: "gap", text: "gap" },
};

const ACCOUNT_EVENTS = {
  account_failed: "Couldn't be read",
  account_recovered: "Read again after an error",
};

/**
 * Return by label the events of `GET /api/events` that are shown, oldest first. Credit pools have
 * none, though older versions mistook them for windows; `names` are WindowNames.
 */
export function groupEvents(events, names) {
  const shown = events.filter(
    ({ event, label, window }) => event in KINDS && !names.isPool(label, window),
  );
  const found = new Map();
  for (const { timestamp, event, label, window, utilization, resetsAt } of shown) {
    if (!found.has(label)) found.set(label, []);
    found.get(label).push({
      at: timestamp,
      kind: event,
      window,
      percent: utilization,
      resetsAt: resetsAt === null ? null : Date.parse(resetsAt),
    });
  }
  return found;
}

/** Return an account's events and the gaps in its series, oldest first. */
export function addGaps(events, series) {
  const gaps = findGaps(series).map(([at, until]) => ({ at, until, kind: "gap", window: null }));
  return [...events, ...gaps].sort((a, b) => a.at - b.at);
}

/** Return the events of a span; a gap belongs to every span that it overlaps. */
export function findEventsWithin(events, [from, to]) {
  return events.filter(({ at, until = at }) => until >= from && at <= to);
}

/** Return an event in words; `names` are WindowNames. */
export function describeEvent({ kind, window, percent, resetsAt, at, until }, names) {
  if (kind === "gap") return `No readings for ${formatDuration(until - at)}`;
  if (window === null) return ACCOUNT_EVENTS[kind] ?? KINDS[kind].text;
  const then = kind === "limit_changed" && percent !== null ? `, then at ${percent}%` : "";
  const next = resetsAt === null ? "" : `, ${describeReset(kind, formatWhen(resetsAt, at))}`;
  return `${names.title(window)}: ${KINDS[kind].text}${then}${next}`;
}

function describeReset(kind, when) {
  return kind === "usage_reset" ? `the next ${when}` : `resets ${when}`;
}
