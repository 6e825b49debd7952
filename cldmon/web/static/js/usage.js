// What may honestly be said now of what the server told. Pure: the time is passed in, in ms.

export const STALE_INTERVALS = 3;

const TITLES = { fiveHour: "Current session", sevenDay: "Weekly: all models" };
const SHORT = { fiveHour: "Session", sevenDay: "Week" };
const WEEK = "sevenDay";
const MODEL = "models.";

/** Return an account as it may be shown; `state` is live, stale, error or unread. */
export function accountView(account, intervalMs, now) {
  const reading = account.status === "ok" ? account : account.lastGood;
  const readAt = reading ? Date.parse(reading.fetchedAt) : null;
  const found = new Map(reading ? windowsOf(reading, isWindow) : []);
  const isStale = readAt === null || Math.abs(now - readAt) > STALE_INTERVALS * intervalMs;
  return {
    label: account.label,
    plan: reading?.plan ?? null,
    state: stateOf(account, isStale),
    error: account.error ?? null,
    errorKind: account.errorKind ?? null,
    retryAt: account.retryAt ? Date.parse(account.retryAt) : null,
    readAt,
    windows: inOrder([...found.keys()]).map((name) => windowView(name, found.get(name), now)),
    extra: reading?.extraUsage ?? null,
  };
}

/** Return how near its limit a window is. */
export function levelOf(percent) {
  if (percent === null) return "unknown";
  if (percent >= 100) return "full";
  if (percent >= 90) return "critical";
  return percent >= 75 ? "high" : "normal";
}

/** Return the percentages of a history entry as pairs of window name and number. */
export function percentsOf(entry) {
  return windowsOf(entry, (value) => typeof value === "number");
}

/** Return names of windows in the order in which they are shown: session, week, then others. */
export function inOrder(names) {
  const first = Object.keys(TITLES).filter((name) => names.includes(name));
  return [...first, ...names.filter((name) => !first.includes(name)).sort()];
}

/** Return a window's name as people read it. */
export function titleOf(name) {
  return Object.hasOwn(TITLES, name)
    ? TITLES[name]
    : isWeekly(name)
      ? `Weekly: ${scopeOf(name)} only`
      : words(name);
}

/** Return a window's name for narrow places. */
export function shortTitleOf(name) {
  return Object.hasOwn(SHORT, name)
    ? SHORT[name]
    : isWeekly(name)
      ? `Week: ${scopeOf(name)}`
      : words(name);
}

/** Return money, given in minor units, as the reader's locale writes it. */
export function money(minor, { currency, exponent }) {
  const amount = minor / 10 ** exponent;
  try {
    const digits = { minimumFractionDigits: exponent, maximumFractionDigits: exponent };
    return new Intl.NumberFormat(undefined, { style: "currency", currency, ...digits }).format(
      amount,
    );
  } catch {
    return `${amount.toFixed(Math.min(100, Math.max(0, exponent)))} ${currency}`;
  }
}

function windowsOf(entry, isValue) {
  const { label, fiveHour, sevenDay, models, ...rest } = entry;
  const own = Object.entries({ fiveHour, sevenDay, ...rest });
  const scoped = Object.entries(models ?? {}).map(([name, value]) => [MODEL + name, value]);
  return [...own, ...scoped].filter(([, value]) => isValue(value));
}

function stateOf(account, isStale) {
  if (account.status === "ok") return isStale ? "stale" : "live";
  return account.errorKind === null && account.lastGood === null ? "unread" : "error";
}

function windowView(name, { utilization, resetsAt, forecast }, now) {
  const resets = resetsAt ? Date.parse(resetsAt) : null;
  const due = resets !== null && resets <= now;
  const percent = due ? null : utilization;
  return {
    name,
    percent,
    resetsAt: resets,
    due,
    level: levelOf(percent),
    forecast: forecast ?? null,
  };
}

function isWindow(value) {
  return typeof value === "object" && value !== null && "utilization" in value;
}

function isWeekly(name) {
  return name.startsWith(MODEL) || name.startsWith(WEEK);
}

function scopeOf(name) {
  return name.startsWith(MODEL) ? name.slice(MODEL.length) : words(name.slice(WEEK.length));
}

function words(camel) {
  const spaced = camel.replace(/(?!^)\p{Lu}/gu, (letter) => ` ${letter.toLowerCase()}`);
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
