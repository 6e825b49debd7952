// Instants and lengths of time in words; instants in the reader's locale and zone. Pure.

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const TIME = format({ hour: "2-digit", minute: "2-digit" });
const WEEKDAY_TIME = format({ weekday: "short", hour: "2-digit", minute: "2-digit" });
const DATE_TIME = format({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const FULL = format({ dateStyle: "full", timeStyle: "long" });
const DATE = format({ weekday: "short", day: "numeric" });

/** Return an instant as short as it is clear, seen from `now`; both in ms. */
export function clock(ms, now) {
  if (isSameDay(ms, now)) return TIME.format(ms);
  return (Math.abs(ms - now) < 6 * DAY ? WEEKDAY_TIME : DATE_TIME).format(ms);
}

/** Return an instant in full, with its zone. */
export function full(ms) {
  return FULL.format(ms);
}

/** Return the label of a time axis at an instant: the day at midnight, else the time. */
export function tick(ms) {
  const at = new Date(ms);
  return at.getHours() === 0 && at.getMinutes() === 0 ? DATE.format(at) : TIME.format(at);
}

/** Return a length of time by its two largest units: `1 h 20 min`. */
export function span(ms) {
  const minutes = Math.max(0, Math.round(ms / MINUTE));
  if (minutes < 1) return "less than a minute";
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 24 * 60) return joined(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.round(minutes / 60);
  return joined(Math.floor(hours / 24), "d", hours % 24, "h");
}

/** Return how long ago something was. */
export function ago(ms) {
  return ms < MINUTE ? "just now" : `${span(ms)} ago`;
}

function joined(large, largeUnit, small, smallUnit) {
  return small ? `${large} ${largeUnit} ${small} ${smallUnit}` : `${large} ${largeUnit}`;
}

function isSameDay(a, b) {
  return new Date(a).toDateString() === new Date(b).toDateString();
}

function format(options) {
  return new Intl.DateTimeFormat(undefined, options);
}
