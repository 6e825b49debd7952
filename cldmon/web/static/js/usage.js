// Accounts of `GET /api/usage` as they may be shown now. Pure: the time is passed in, in ms.
//
// The server decides what is stale, due and overdue, and names levels and windows. Between two
// responses the page only checks whether an instant that the server named has passed.

/**
 * Return all accounts of a response as they may be shown. `limit` says until when one is at a
 * limit; `condition` is the key of one of the CONDITIONS.
 */
export function viewAccounts({ accounts, summary }, now) {
  const limits = new Map(summary.limited.map((limit) => [limit.label, limit]));
  const action = new Set(summary.needsAction);
  return accounts.map((account) => {
    const view = viewAccount(account, now);
    const limit = viewLimit(limits.get(view.label), view, now);
    const needsAction = action.has(view.label);
    return { ...view, limit, needsAction, condition: determineCondition(view, limit, needsAction) };
  });
}

/** Return an account as it may be shown; `state` is live, stale, error or unread. */
export function viewAccount(account, now) {
  const reading = getReading(account);
  const isStale = account.stale || now > Date.parse(account.staleAt);
  return {
    label: account.label,
    plan: account.plan ?? reading?.plan ?? null,
    isReported: account.source === "report",
    state: determineState(account, isStale),
    error: account.error ?? null,
    errorKind: account.errorKind ?? null,
    retryAt: account.retryAt ? Date.parse(account.retryAt) : null,
    readAt: reading ? Date.parse(reading.fetchedAt) : null,
    windows: (reading?.windows ?? []).map((window) => viewWindow(window, now)),
    credits: reading?.credits ?? null,
    pools: reading?.pools ?? [],
    savedResets: reading?.savedResets ?? null,
  };
}

/** Return the window with the highest known percentage; null if there is none. */
export function findFullest({ windows }) {
  const known = windows.filter(({ percent }) => percent !== null);
  return known.reduce((a, b) => (a && a.percent >= b.percent ? a : b), null);
}

/**
 * Return when the next window resets, in ms; of an account at a limit, when it has room again. Null
 * if that is unknown.
 */
export function findNextReset({ windows, limit }) {
  if (limit) return limit.until;
  const coming = windows.filter(({ resetsAt, due, overdue }) => resetsAt && !due && !overdue);
  return coming.length ? Math.min(...coming.map(({ resetsAt }) => resetsAt)) : null;
}

/** Return the last good reading of an account, or null. */
export function getReading(account) {
  return account.status === "ok" ? account : account.lastGood;
}

function determineState(account, isStale) {
  if (account.status === "ok") return isStale ? "stale" : "live";
  return account.errorKind === null && account.lastGood === null ? "unread" : "error";
}

/** Return the limit that an account is at, or null; `until` is in ms, null if unknown. */
function viewLimit(limit, { state }, now) {
  if (!limit || state !== "live") return null;
  const until = limit.until && Date.parse(limit.until);
  return until === null || until > now ? { ...limit, until } : null;
}

function determineCondition({ state }, limit, needsAction) {
  if (state === "error") return needsAction ? "action" : "recovering";
  if (state === "live") return limit ? "limited" : "ok";
  return state;
}

/** A window that has reset since it was read has no percentage and no level. */
function viewWindow(window, now) {
  const { name, title, short, utilization, level, resetDue, resetOverdue, forecast } = window;
  const resetsAt = window.resetsAt ? Date.parse(window.resetsAt) : null;
  const due = resetDue || (!resetOverdue && resetsAt !== null && resetsAt <= now);
  return {
    name,
    title,
    short,
    percent: due ? null : utilization,
    level: due ? null : level,
    resetsAt,
    due,
    overdue: resetOverdue,
    forecast,
  };
}
