// Instants and lengths of time in words; instants in the reader's locale and zone. Pure.

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const TIME = format({ hour: "2-digit", minute: "2-digit" });
const WEEKDAY_TIME = format({ weekday: "short", hour: "2-digit", minute: "2-digit" });
const DATE_TIME = format({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const FULL = format({ dateStyle: "full", timeStyle: "long" });
const STAMP = format({ dateStyle: "medium", timeStyle: "medium" });
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

/** Return the same as part of a sentence: `at 14:05`, `on Mon 14:05`. */
export function when(ms, now) {
  return `${isSameDay(ms, now) ? "at" : "on"} ${clock(ms, now)}`;
}

/** Return an instant for a table: to the second, on one line. */
export function stamp(ms) {
  return STAMP.format(ms);
}

/** Return the labels of a time axis: times, and below them the day where it is a new one. */
export function ticks(all, now) {
  const areDays = all.every((ms) => isMidnight(ms));
  const areToday = all.every((ms) => isSameDay(ms, now));
  return all.map((ms, n) => {
    if (areDays) return DATE.format(ms);
    const isNewDay = n === 0 ? !areToday : !isSameDay(ms, all[n - 1]);
    return isNewDay ? `${TIME.format(ms)}\n${DATE.format(ms)}` : TIME.format(ms);
  });
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

function isMidnight(ms) {
  const at = new Date(ms);
  return at.getHours() === 0 && at.getMinutes() === 0;
}

function isSameDay(a, b) {
  return new Date(a).toDateString() === new Date(b).toDateString();
}

function format(options) {
  return new Intl.DateTimeFormat(undefined, options);
}
