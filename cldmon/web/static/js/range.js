// The range of the history, kept in the URL so that a reload or a shared link shows it again.

import { DAY, HOUR } from "./time.js";

export const RANGES = [
  { name: "1h", ms: HOUR, title: "The last hour" },
  { name: "5h", ms: 5 * HOUR, title: "The last 5 hours" },
  { name: "1d", ms: DAY, title: "The last day" },
  { name: "7d", ms: 7 * DAY, title: "The last 7 days" },
];
const USUAL = "1d";
const KEY = "range";

/** Return the range named in the URL, or else another (by default one day). */
export function getSelectedRange(other = findRange(USUAL)) {
  return findRange(new URLSearchParams(location.hash.slice(1)).get(KEY)) ?? other;
}

/** Write a range into the URL. */
export function storeRange(name) {
  const values = new URLSearchParams(location.hash.slice(1));
  values.set(KEY, name);
  history.replaceState(null, "", `#${values}`);
}

function findRange(name) {
  return RANGES.find((range) => range.name === name);
}
