// Messages about windows and accounts. Pure.

import { formatAge, formatClock, formatDuration, formatWhen } from "./time.js";

export const LEVELS = {
  normal: { word: "", mark: "" },
  high: { word: "High", mark: "!" },
  critical: { word: "Nearly full", mark: "!!" },
  full: { word: "Limit hit", mark: "!!" },
};

/** Return when a window resets, as clock time and as a countdown. */
export function describeReset(window, now) {
  if (window.resetsAt === null) return { lead: describeMissingReset(window), at: "", left: "" };
  const at = formatClock(window.resetsAt, now);
  if (window.due) return { lead: "Reset due since", at, left: "" };
  if (window.overdue) return { lead: "Reset overdue since", at, left: "" };
  return { lead: "Resets", at, left: `in ${formatDuration(window.resetsAt - now)}` };
}

function describeMissingReset({ name, percent }) {
  if (percent === null) return "";
  return name === "fiveHour" ? "No active session" : "Reset time unknown";
}

/** Return where a window is heading. */
export function describeForecast(window, now) {
  if (window.due) return "Unknown until the next reading.";
  if (window.level === "full") return "";
  const forecast = window.forecast;
  if (!forecast) return "";
  if (!forecast.fullAt) return `On pace for ${forecast.endsAtPercent}% by reset.`;
  const fullAt = Date.parse(forecast.fullAt);
  if (fullAt <= now) return "On pace to hit the limit about now.";
  return `On pace to hit the limit ${formatWhen(fullAt, now)}, in ${formatDuration(fullAt - now)}.`;
}

/** Return how old an account's numbers are. */
export function describeAge(view, now) {
  if (view.readAt === null) return view.state === "unread" ? "Not read yet" : "Never read";
  const age = now - view.readAt;
  if (view.state === "error") return `Last read ${formatAge(age)}`;
  if (view.state === "stale")
    return age < 0 ? "Read in the future; check the clocks" : `Stale: ${formatDuration(age)} old`;
  return `Read ${formatAge(Math.max(0, age))}`;
}

const NEXT_STEPS = {
  key_missing: (label) => ["Store a key on the server: ", `cldmon login ${label}`],
  key_expired: (label) => ["Run on a machine with a display: ", `cldmon login ${label}`],
  no_browser: () => ["Find out what's missing: ", "cldmon doctor"],
  refused: () => ["Open claude.ai in a browser to see why.", ""],
  challenged: () => ["The key may be fine. Run ", "cldmon doctor"],
  not_understood: () => ["For details, run ", "cldmon doctor"],
  unexpected: () => ["Run on the server and report the output: ", "cldmon --debug fetch"],
};

/** Return what to do about an error: words, and a command if one helps. */
export function suggestNextStep(view, now) {
  if (view.retryAt !== null && view.retryAt > now) {
    return [`Nothing to do: cldmon will retry after ${formatClock(view.retryAt, now)}.`, ""];
  }
  const step = Object.hasOwn(NEXT_STEPS, view.errorKind ?? "") ? NEXT_STEPS[view.errorKind] : null;
  return step ? step(quoteForShell(view.label)) : ["The next pass will retry.", ""];
}

/** Return a server's message as a sentence. */
export function toSentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

function quoteForShell(label) {
  return /^[\w.@-]+$/.test(label) ? label : `'${label.replaceAll("'", "'\\''")}'`;
}
