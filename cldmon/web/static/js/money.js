// Messages about usage credits, credit pools and saved limit resets. Pure.

import { formatClock, formatDay } from "./time.js";

const FULL = 100;
const REASONS = { user_disabled: "turned off in the account's settings" };

/** Return credits as a row: title, amount, percent for a bar (null for none), and a note. */
export function buildCreditsRow(credits) {
  return {
    title: credits.shared ? "Usage credits (organization)" : "Usage credits",
    amount: formatAmounts(credits),
    percent: computePercent(credits),
    note: credits.enabled ? "" : describeOff(credits.reason),
  };
}

/** Return a credit pool as such a row. */
export function buildPoolRow(pool, now) {
  const percent = pool.utilization ?? computePercent(pool);
  const expiresAt = pool.expiresAt === null ? "" : Date.parse(pool.expiresAt);
  return {
    title: pool.title,
    amount: formatAmounts(pool) || (percent === null ? "" : `${percent}%`),
    percent,
    note: expiresAt && `${expiresAt > now ? "Expires" : "Expired"} ${formatDay(expiresAt)}`,
  };
}

/** Return how many saved resets are left, and until when; empty if there are none. */
export function describeSavedResets(saved, now) {
  if (!saved?.left) return "";
  const count = saved.left === 1 ? "1 saved reset" : `${saved.left} saved resets`;
  if (saved.endsAt === null) return count;
  const endsAt = Date.parse(saved.endsAt);
  const verb = endsAt > now ? "ends" : "ended";
  return `${count}, ${saved.left === 1 ? "" : "the next "}${verb} ${formatClock(endsAt, now)}`;
}

/** Return money, given in minor units, as the reader's locale writes it. */
export function formatMoney(minor, { currency, exponent }) {
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

function formatAmounts(row) {
  const { used, limit } = row;
  if (used === null) return limit === null ? "" : `limit ${formatMoney(limit, row)}`;
  return limit === null
    ? formatMoney(used, row)
    : `${formatMoney(used, row)} of ${formatMoney(limit, row)}`;
}

function computePercent({ used, limit }) {
  return used === null || !limit ? null : Math.min(FULL, Math.floor((used * FULL) / limit));
}

function describeOff(reason) {
  if (reason === null) return "Off";
  const words = Object.hasOwn(REASONS, reason) ? REASONS[reason] : reason.replaceAll("_", " ");
  return `Off: ${words}`;
}
