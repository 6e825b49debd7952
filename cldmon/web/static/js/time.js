// Instants and durations in words; instants in the reader's locale and zone. Pure.

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

export const TIME = createFormat({ hour: "2-digit", minute: "2-digit" });
const WEEKDAY_TIME = createFormat({ weekday: "short", hour: "2-digit", minute: "2-digit" });
const DATE_TIME = createFormat({
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});
export const DAY_MONTH = createFormat({ day: "numeric", month: "short" });
const FULL = createFormat({
  weekday: "long",
  day: "numeric",
  month: "long",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  timeZoneName: "short",
});
const STAMP = createFormat({ dateStyle: "medium", timeStyle: "medium" });
const ZONED_STAMP = createFormat({ dateStyle: "medium", timeStyle: "long" });

/** Return an instant as briefly as is clear at `now`; both in ms. */
export function formatClock(ms, now) {
  const minute = roundToMinute(ms);
  if (isSameDay(minute, now)) return TIME.format(minute);
  return (Math.abs(minute - now) < 6 * DAY ? WEEKDAY_TIME : DATE_TIME).format(minute);
}

/** Return an instant in full, with its zone. */
export function formatFull(ms) {
  return FULL.format(roundToMinute(ms));
}

/** Return the day of an instant: `22 Dec`. */
export function formatDay(ms) {
  return DAY_MONTH.format(roundToMinute(ms));
}

/** Return the same as part of a sentence: `at 14:05`, `on Mon 14:05`. */
export function formatWhen(ms, now) {
  return `${isSameDay(roundToMinute(ms), now) ? "at" : "on"} ${formatClock(ms, now)}`;
}

/**
 * Return instants for a table, to the second; with their zone if the clock shows the time of one of
 * them twice because it was put back.
 */
export function formatTimestamps(all) {
  const shown = all.some(isAmbiguous) ? ZONED_STAMP : STAMP;
  return all.map((ms) => shown.format(ms));
}

/** Return a duration in its two largest units: `1 h 20 min`. */
export function formatDuration(ms) {
  const minutes = Math.max(0, Math.round(ms / MINUTE));
  if (minutes < 1) return "less than a minute";
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 24 * 60) return joinUnits(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.round(minutes / 60);
  return joinUnits(Math.floor(hours / 24), "d", hours % 24, "h");
}

/** Return a configured duration in full: `1 min 30 s`. */
export function formatInterval(ms) {
  let left = Math.max(SECOND, Math.round(ms / SECOND) * SECOND);
  const words = [];
  for (const [unit, name] of UNITS) {
    if (left >= unit) words.push(`${Math.floor(left / unit)} ${name}`);
    left %= unit;
  }
  return words.join(" ");
}

/** Return how long ago something was. */
export function formatAge(ms) {
  return ms < MINUTE ? "just now" : `${formatDuration(ms)} ago`;
}

/** The service's resets jitter by a second around the minute: 23:59:59.940 is midnight. */
function roundToMinute(ms) {
  return Math.round(ms / MINUTE) * MINUTE;
}

function joinUnits(large, largeUnit, small, smallUnit) {
  return small ? `${large} ${largeUnit} ${small} ${smallUnit}` : `${large} ${largeUnit}`;
}

function isAmbiguous(ms) {
  return [ms - 3 * HOUR, ms + 3 * HOUR].some((near) => {
    const twin = ms + getUtcOffset(near) - getUtcOffset(ms);
    return twin !== ms && getUtcOffset(twin) === getUtcOffset(near);
  });
}

/** Return the local offset to UTC in ms, positive west of Greenwich. */
function getUtcOffset(ms) {
  return new Date(ms).getTimezoneOffset() * MINUTE;
}

/** Return whether two instants are on the same day. */
export function isSameDay(a, b) {
  return new Date(a).toDateString() === new Date(b).toDateString();
}

/** Return a format of instants in the reader's locale and zone. */
export function createFormat(options) {
  return new Intl.DateTimeFormat(undefined, options);
}
