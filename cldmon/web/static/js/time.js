// Instants and lengths of time in words; instants in the reader's locale and zone. Pure.

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
const UNITS = [
  [DAY, "d"],
  [HOUR, "h"],
  [MINUTE, "min"],
  [SECOND, "s"],
];

const TIME = format({ hour: "2-digit", minute: "2-digit" });
const WEEKDAY_TIME = format({ weekday: "short", hour: "2-digit", minute: "2-digit" });
const DATE_TIME = format({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const DAY_MONTH = format({ day: "numeric", month: "short" });
const FULL = format({
  weekday: "long",
  day: "numeric",
  month: "long",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  timeZoneName: "short",
});
const STAMP = format({ dateStyle: "medium", timeStyle: "medium" });
const ZONED_STAMP = format({ dateStyle: "medium", timeStyle: "long" });
const DATE = format({ weekday: "short", day: "numeric" });

/** Return an instant as short as it is clear, seen from `now`; both in ms. */
export function clock(ms, now) {
  const minute = nearestMinute(ms);
  if (isSameDay(minute, now)) return TIME.format(minute);
  return (Math.abs(minute - now) < 6 * DAY ? WEEKDAY_TIME : DATE_TIME).format(minute);
}

/** Return an instant in full, with its zone. */
export function full(ms) {
  return FULL.format(nearestMinute(ms));
}

/** Return the day of an instant: `22 Dec`. */
export function day(ms) {
  return DAY_MONTH.format(nearestMinute(ms));
}

/** Return the same as part of a sentence: `at 14:05`, `on Mon 14:05`. */
export function when(ms, now) {
  return `${isSameDay(nearestMinute(ms), now) ? "at" : "on"} ${clock(ms, now)}`;
}

/**
 * Return instants for a table: to the second, on one line; with their zone where the clock shows
 * the time of one of them twice, when it is put back.
 */
export function stamps(all) {
  const shown = all.some(comesTwice) ? ZONED_STAMP : STAMP;
  return all.map((ms) => shown.format(ms));
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

/** Return a length of time that somebody chose, in full: `1 min 30 s`. */
export function interval(ms) {
  let left = Math.max(SECOND, Math.round(ms / SECOND) * SECOND);
  const words = [];
  for (const [unit, name] of UNITS) {
    if (left >= unit) words.push(`${Math.floor(left / unit)} ${name}`);
    left %= unit;
  }
  return words.join(" ");
}

/** Return how long ago something was. */
export function ago(ms) {
  return ms < MINUTE ? "just now" : `${span(ms)} ago`;
}

/** The service's resets jitter by a second around the minute: 23:59:59.940 is midnight. */
function nearestMinute(ms) {
  return Math.round(ms / MINUTE) * MINUTE;
}

function joined(large, largeUnit, small, smallUnit) {
  return small ? `${large} ${largeUnit} ${small} ${smallUnit}` : `${large} ${largeUnit}`;
}

function comesTwice(ms) {
  return [ms - 3 * HOUR, ms + 3 * HOUR].some((near) => {
    const twin = ms + offset(near) - offset(ms);
    return twin !== ms && offset(twin) === offset(near);
  });
}

/** Return what local time lacks to UTC, in ms. */
function offset(ms) {
  return new Date(ms).getTimezoneOffset() * MINUTE;
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
