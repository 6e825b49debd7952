// Messages about usage credits, credit pools and saved limit resets. Pure.

import { clock, day } from "./time.js";

const FULL = 100;
const REASONS = { user_disabled: "turned off in the account's settings" };

/** Return credits as a row: title, amount, percent for a bar (null for none), and a note. */
export function creditsRow(credits) {
  return {
    title: credits.shared ? "Usage credits (organization)" : "Usage credits",
    amount: formatAmounts(credits),
    percent: percentOf(credits),
    note: credits.enabled ? "" : offMessage(credits.reason),
  };
}

/** Return a credit pool as such a row. */
export function poolRow(pool, now) {
  const percent = pool.utilization ?? percentOf(pool);
  return {
    title: pool.title,
    amount: formatAmounts(pool) || (percent === null ? "" : `${percent}%`),
    percent,
    note: pool.expiresAt === null ? "" : expiryMessage(Date.parse(pool.expiresAt), now),
  };
}

/** Return how many saved resets are left, and until when; nothing where there are none. */
export function savedResetsMessage(saved, now) {
  if (!saved?.left) return "";
  const count = saved.left === 1 ? "1 saved reset" : `${saved.left} saved resets`;
  if (saved.endsAt === null) return count;
  const endsAt = Date.parse(saved.endsAt);
  const verb = endsAt > now ? "ends" : "ended";
  return `${count}, ${saved.left === 1 ? "" : "the next "}${verb} ${clock(endsAt, now)}`;
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

function formatAmounts(row) {
  const { used, limit } = row;
  if (used === null) return limit === null ? "" : `limit ${money(limit, row)}`;
  return limit === null ? money(used, row) : `${money(used, row)} of ${money(limit, row)}`;
}

function percentOf({ used, limit }) {
  return used === null || !limit ? null : Math.min(FULL, Math.floor((used * FULL) / limit));
}

function offMessage(reason) {
  if (reason === null) return "Off";
  const words = Object.hasOwn(REASONS, reason) ? REASONS[reason] : reason.replaceAll("_", " ");
  return `Off: ${words}`;
}

function expiryMessage(expiresAt, now) {
  return `${expiresAt > now ? "Expires" : "Expired"} ${day(expiresAt)}`;
}
