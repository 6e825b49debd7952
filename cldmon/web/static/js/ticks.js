// The ticks of a time axis: whole minutes, hours and days of the reader's clock. Pure; times in ms.

import { DAY, DAY_MONTH, MINUTE, TIME, createFormat, isSameDay } from "./time.js";

const MINUTE_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720];
const DAY_STEPS = [1, 2, 3, 7, 14, 28, 56];
const QUARTER = 15; // minutes; offsets to UTC are multiples of it
const CLOSEST = 0.6; // part of a step; ticks can be closer where the clock is put back
const FIRST_MONDAY = 4; // days after 1 January 1970
const MANY_DAYS = 10;
const WEEKDAY = createFormat({ weekday: "short", day: "numeric" });

/** Return at most about `most` ticks from `min` to `max`. Weeks begin on Monday. */
export function computeTicks(min, max, most) {
  const least = (max - min) / Math.max(1, most);
  const minutes = MINUTE_STEPS.find((step) => step * MINUTE >= least);
  if (minutes) return dropClose(findTimes(min, max, minutes), minutes * MINUTE);
  const days = DAY_STEPS.find((step) => step * DAY >= least) ?? DAY_STEPS.at(-1);
  return dropClose(findDays(min, max, days), days * DAY);
}

/** Return the labels of ticks: times, with the day below where a new day begins. */
export function formatTicks(all, now) {
  if (all.every((ms) => ms === getStartOfDay(ms))) {
    const format = all.at(-1) - all[0] >= MANY_DAYS * DAY ? DAY_MONTH : WEEKDAY;
    return all.map((ms) => format.format(ms));
  }
  const areToday = all.every((ms) => isSameDay(ms, now));
  return all.map((ms, n) => {
    const isNewDay = n === 0 ? !areToday : !isSameDay(ms, all[n - 1]);
    return isNewDay ? `${TIME.format(ms)}\n${WEEKDAY.format(ms)}` : TIME.format(ms);
  });
}

/**
 * Return when the clock shows a multiple of so many minutes since midnight; also when a day begins,
 * which is not at midnight where the clock is put forward at that time.
 */
function findTimes(min, max, minutes) {
  const found = [];
  const step = (minutes < QUARTER ? 1 : QUARTER) * MINUTE;
  for (let ms = Math.ceil(min / step) * step; ms <= max; ms += step) {
    const at = new Date(ms);
    const isMultiple = (at.getHours() * 60 + at.getMinutes()) % minutes === 0;
    if (isMultiple || ms === getStartOfDay(ms)) found.push(ms);
  }
  return found;
}

/** Return when every so many days begin. */
function findDays(min, max, days) {
  const found = [];
  const at = new Date(getStartOfDay(min));
  for (; at.getTime() <= max; at.setDate(at.getDate() + 1)) {
    const ms = getStartOfDay(at.getTime());
    const number = Date.UTC(at.getFullYear(), at.getMonth(), at.getDate()) / DAY;
    if (ms >= min && ms <= max && (number - FIRST_MONDAY) % days === 0) found.push(ms);
  }
  return found;
}

function dropClose(ticks, step) {
  const kept = [];
  for (const ms of ticks) if (!kept.length || ms - kept.at(-1) >= step * CLOSEST) kept.push(ms);
  return kept;
}

function getStartOfDay(ms) {
  return new Date(ms).setHours(0, 0, 0, 0);
}
