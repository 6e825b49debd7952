// What the history shows, kept in the URL so that a reload or a shared link shows it again.

import { DAY, HOUR } from "./time.js";

const SESSION = ["fiveHour"];

/** `leftOut` are the windows that change too often to be readable in a chart this long. */
export const RANGES = [
  { name: "1h", leftOut: [], ms: HOUR, title: "The last hour" },
  { name: "5h", leftOut: [], ms: 5 * HOUR, title: "The last 5 hours" },
  { name: "1d", leftOut: [], ms: DAY, title: "The last day" },
  { name: "7d", leftOut: SESSION, ms: 7 * DAY, title: "The last 7 days" },
  { name: "30d", leftOut: SESSION, ms: 30 * DAY, title: "The last 30 days" },
];
const USUAL = "1d";

/** Return the range named in the URL, or else another (by default one day). */
export function getSelectedRange(other = findRange(USUAL)) {
  return findRange(getFragment().get("range")) ?? other;
}

/** Write a range into the URL. */
export function storeRange(name) {
  storeInFragment("range", name);
}

/** Return the window in which the URL compares the accounts, or null. */
export function getComparedWindow() {
  return getFragment().get("compare");
}

/** Write the compared window into the URL; null for none. */
export function storeComparedWindow(name) {
  storeInFragment("compare", name);
}

function findRange(name) {
  return RANGES.find((range) => range.name === name);
}

function getFragment() {
  return new URLSearchParams(location.hash.slice(1));
}

function storeInFragment(key, value) {
  const values = getFragment();
  if (value === null) values.delete(key);
  else values.set(key, value);
  history.replaceState(null, "", `#${values}`);
}
