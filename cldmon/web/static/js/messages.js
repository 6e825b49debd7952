// Messages about windows and accounts. Pure.

import { formatAge, formatClock, formatDuration, formatFull, formatWhen } from "./time.js";

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

/** Return the same for the table, where the time stands elsewhere. */
export function describeResetBriefly(window, now) {
  if (window.due) return "reset due";
  if (window.overdue) return "reset overdue";
  return window.resetsAt === null ? "" : `in ${formatDuration(window.resetsAt - now)}`;
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
  if (view.readAt === null) {
    if (view.state !== "unread") return "Never read";
    return view.isReported ? "No report yet" : "Not read yet";
  }
  const age = now - view.readAt;
  if (view.state === "error") return `Last read ${formatAge(age)}`;
  if (view.state === "stale" && view.isReported && age >= 0) return `Last report ${formatAge(age)}`;
  if (view.state === "stale")
    return age < 0 ? "Read in the future; check the clocks" : `Stale: ${formatDuration(age)} old`;
  return `Read ${formatAge(Math.max(0, age))}`;
}

/** Where an account can be, in order of urgency: at a limit, in error by who has to act, and so on. */
export const CONDITIONS = {
  limited: { word: "At a limit", mark: "!!" },
  action: { word: "Needs action", mark: "✕" },
  recovering: { word: "Recovers by itself", mark: "↻" },
  stale: { word: "Stale", mark: "?" },
  unread: { word: "Not read yet", mark: "" },
  ok: { word: "OK", mark: "" },
};

/** Return why an account is where it is, and how old its numbers are, if they are not current. */
export function describeCondition(view, now) {
  const { state, readAt, isReported } = view;
  if (state === "error") return `${nameError(view, now)}, ${describeAge(view, now).toLowerCase()}`;
  if (state !== "stale") return "";
  if (isReported && readAt <= now) return describeAge(view, now).toLowerCase();
  return readAt > now ? "check the clocks" : `${formatDuration(now - readAt)} old`;
}

const ERROR_NAMES = new Map([
  ["key_missing", "no session key"],
  ["key_expired", "session key expired"],
  ["wrong_organization", "wrong organization"],
  ["refused", "refused"],
  ["challenged", "challenged"],
  ["rate_limited", "rate limited"],
  ["service_down", "service down"],
  ["not_understood", "answer not understood"],
  ["timeout", "timed out"],
  ["no_browser", "no browser"],
]);

const MOST_SHOWN = 5; // in the banner, of accounts with the same error or at a limit

const NEXT_STEPS = new Map([
  ["key_missing", (label) => ["Store a key on the server: ", `cldmon login ${label}`]],
  ["key_expired", (label) => ["Run on a machine with a display: ", `cldmon login ${label}`]],
  ["wrong_organization", (label) => ["If it lasts, get a new key: ", `cldmon login ${label}`]],
  ["no_browser", () => ["Find out what's missing: ", "cldmon doctor"]],
  ["refused", () => ["Open claude.ai in a browser to see why.", ""]],
  ["challenged", () => ["The key may be fine. Run ", "cldmon doctor"]],
  ["unexpected", () => ["Run on the server and report the output: ", "cldmon --debug fetch"]],
]);

/** Return what to do about an error: words, and a command if one helps. */
export function suggestNextStep({ needsAction, errorKind, retryAt, label }, now) {
  if (needsAction) {
    const step = NEXT_STEPS.get(errorKind);
    return step ? step(quoteForShell(label)) : ["For details, run ", "cldmon doctor"];
  }
  if (retryAt === null || retryAt <= now) return ["The next pass will retry.", ""];
  return [`Nothing to do: cldmon will retry after ${formatClock(retryAt, now)}.`, ""];
}

/**
 * Return the summary of all accounts as groups, each a lead and items; none if there is nothing to
 * say. An item is the text after some labels, and perhaps the time `left`; `about` identifies it.
 */
export function describeSummary(views, now) {
  const find = (condition) => views.filter((view) => view.condition === condition);
  const live = views.filter(({ state }) => state === "live");
  const limited = find("limited").sort((a, b) => getEnd(a) - getEnd(b));
  const groups = [
    {
      kind: "limited",
      lead: describeLimitCount(limited.length, views.length, live.length),
      items: limited.map((view) => describeLimit(view, now)),
    },
    ...["action", "recovering"].map((kind) => ({
      kind,
      lead: CONDITIONS[kind].word,
      items: describeErrors(find(kind), now),
    })),
    {
      kind: "stale",
      lead: CONDITIONS.stale.word,
      items: live.length || views.length === 1 ? describeStale(find("stale")) : [],
    },
  ];
  return groups.filter(
    ({ kind, items }) => items.length || (kind === "limited" && views.length > 1),
  );
}

/** Return when an account is no longer at a limit; those of which it is unknown come last. */
function getEnd({ limit }) {
  return limit.until ?? Number.MAX_VALUE;
}

function describeLimitCount(full, accounts, live) {
  if (accounts === 1) return CONDITIONS.limited.word;
  if (!live) return "No current readings";
  if (!full && live < accounts) return "None known at a limit";
  return `${full || "None"} of ${accounts} at a limit`;
}

function describeLimit({ label, limit: { window, until } }, now) {
  const item = { labels: [label], about: window };
  if (until === null) return { ...item, text: "" };
  const left = `, in ${formatDuration(until - now)}`;
  return { ...item, text: ` until ${formatClock(until, now)}`, left, title: formatFull(until) };
}

/** Return one item for all accounts with the same error; the last retry ends it for all. */
function describeErrors(views, now) {
  return [...Map.groupBy(views, ({ errorKind }) => errorKind).values()].map((same) => {
    const last = same.reduce((a, b) => (b.retryAt > a.retryAt ? b : a));
    return {
      labels: same.map(({ label }) => label),
      about: last.errorKind,
      text: `: ${nameError(last, now)}`,
    };
  });
}

function nameError({ errorKind, retryAt }, now) {
  const name = ERROR_NAMES.get(errorKind) ?? "unexpected error";
  return retryAt !== null && retryAt > now ? `${name} until ${formatClock(retryAt, now)}` : name;
}

function describeStale(views) {
  return views.length ? [{ labels: views.map(({ label }) => label), about: "", text: "" }] : [];
}

/** Return the first of a list, and how many more there are; one alone is not left out. */
export function fold(all) {
  const shown = all.length > MOST_SHOWN + 1 ? all.slice(0, MOST_SHOWN) : all;
  return [shown, all.length - shown.length];
}

/** Return a server's message as a sentence. */
export function toSentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

/** The alerts that are on or off. */
export const ALERTS = {
  limitHit: {
    short: "Hit",
    title: "When a limit is hit",
    about: "Slack message when a limit is hit",
    event: "limit hit",
  },
  reset: {
    short: "Reset",
    title: "When a limit resets",
    about: "Slack message when a limit resets",
    event: "reset",
  },
  runOut: {
    title: "Before it runs out early",
    note: "When a limit is on pace to be hit well before it resets",
    event: "run-out",
  },
  changes: {
    title: "When a limit changes",
    note: "When it is raised, or its reset moves",
    event: "change",
  },
};

const MAX_THRESHOLDS = 10;
const LIST = new Intl.ListFormat("en-GB");

/** Return what a switch has done, for screen readers. */
export function describeSwitch(key, label, on) {
  return `The ${ALERTS[key].event} alert for ${label} is ${on ? "on" : "off"}.`;
}

/** Return the alerts of an account that its card has no switch for. */
export function describeMoreAlerts({ thresholds, runOut, changes, windows }) {
  const more = [];
  if (thresholds.length) more.push(`at ${formatPercents(thresholds)}`);
  if (runOut) more.push("before it runs out early");
  if (changes) more.push("when a limit changes");
  const also = more.length ? `Also ${more.join(", ")}.` : "";
  return `${also} ${windows === null ? "" : "Not for all limits."}`.trim();
}

/** Return at which percentages messages are sent. */
export function describeThresholds(thresholds) {
  return thresholds.length
    ? `Alerts at ${formatPercents(thresholds)}.`
    : "No alerts at percentages.";
}

/** Return of which limits messages are sent; `titles` is null for all. */
export function describeWindowChoice(titles) {
  return titles === null ? "Alerts for all limits." : `Alerts only for ${LIST.format(titles)}.`;
}

/** Return why a text is not another percentage to alert at; empty if it is. */
export function findThresholdProblem(text, thresholds) {
  const percent = /^\d{1,3} ?%?$/.test(text) ? parseInt(text, 10) : null;
  if (percent === 100) return `For 100%, switch on “${ALERTS.limitHit.title}”.`;
  if (!percent || percent > 100) return "Enter a whole number from 1 to 99.";
  if (thresholds.includes(percent)) return `${percent}% is in the list already.`;
  if (thresholds.length < MAX_THRESHOLDS) return "";
  return `No more than ${MAX_THRESHOLDS} percentages: remove one first.`;
}

/** Return when alerts wait; `quiet` is null if they never do. */
export function describeQuietHours(quiet) {
  if (quiet === null) return "Messages come at any time. Quiet hours apply to all your accounts.";
  const end = quiet.from < quiet.to ? quiet.to : `${quiet.to} the next day`;
  return `Messages wait from ${quiet.from} to ${end}, for all your accounts.`;
}

/** Return why two times of day are no quiet hours; empty if they are. */
export function findQuietProblem(from, to) {
  if (!from || !to) return "Enter both times, such as 20:00 and 08:00.";
  return from === to ? "Quiet hours can't begin and end at the same time." : "";
}

function formatPercents(percents) {
  return LIST.format(percents.map((percent) => `${percent}%`));
}

function quoteForShell(label) {
  return /^[\w.@-]+$/.test(label) ? label : `'${label.replaceAll("'", "'\\''")}'`;
}
