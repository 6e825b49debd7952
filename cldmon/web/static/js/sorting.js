// The order of accounts in the table. Pure.

import { CONDITIONS } from "./messages.js";
import { findFullest, findNextReset } from "./usage.js";

const NAMES = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
const URGENCY = Object.keys(CONDITIONS);

/** With the name of a window after it, this is the key to sort by its percentage. */
export const WINDOW = "window ";

/** What else can be sorted by: how to get the value of an account, and which order comes first. */
const KEYS = {
  name: { getValue: ({ label }) => label },
  use: { getValue: (view) => onlyLive(view, findFullest)?.percent, isDescending: true },
  reset: { getValue: (view) => onlyLive(view, findNextReset) },
  state: { getValue: ({ condition }) => URGENCY.indexOf(condition) },
};

/** Return the sorting after one has chosen `key`: again, the opposite order. */
export function chooseSorting(key, before) {
  const isDescending = before?.key === key ? !before.isDescending : getKey(key).isDescending;
  return { key, isDescending: isDescending ?? false };
}

/**
 * Return accounts, given as pairs of a label and an object with a `view`, in another order. Those
 * without a current value are last in both orders; `sorting` null keeps the order.
 */
export function sortAccounts(items, sorting) {
  if (sorting === null) return items;
  const { getValue } = getKey(sorting.key);
  const sign = sorting.isDescending ? -1 : 1;
  return items
    .map((item) => [getValue(item[1].view) ?? null, item])
    .sort(([a], [b]) => (a === null) - (b === null) || sign * compare(a, b))
    .map(([, item]) => item);
}

function getKey(key) {
  if (!key.startsWith(WINDOW)) return KEYS[key];
  const wanted = key.slice(WINDOW.length);
  return {
    getValue: (view) =>
      onlyLive(view, ({ windows }) => windows.find(({ name }) => name === wanted))?.percent,
    isDescending: true,
  };
}

function onlyLive(view, find) {
  return view.state === "live" ? find(view) : null;
}

function compare(a, b) {
  return typeof a === "string" ? NAMES.compare(a, b) : a - b;
}
