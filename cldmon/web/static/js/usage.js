// Accounts of `GET /api/usage` as they may be shown now. Pure: the time is passed in, in ms.
//
// The server decides what is stale, due and overdue, and names levels and windows. Between two
// responses the page only checks whether an instant that the server named has passed.

/** Return all accounts of a response as they may be shown. */
export function viewAccounts({ accounts, summary }, now) {
  return accounts.map((account) => ({
    ...viewAccount(account, now),
    needsAction: summary.needsAction.includes(account.label),
  }));
}

/** Return an account as it may be shown; `state` is live, stale, error or unread. */
export function viewAccount(account, now) {
  const reading = getReading(account);
  const isStale = account.stale || now > Date.parse(account.staleAt);
  return {
    label: account.label,
    plan: account.plan ?? reading?.plan ?? null,
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

/** Return the last good reading of an account, or null. */
export function getReading(account) {
  return account.status === "ok" ? account : account.lastGood;
}

function determineState(account, isStale) {
  if (account.status === "ok") return isStale ? "stale" : "live";
  return account.errorKind === null && account.lastGood === null ? "unread" : "error";
}

/** A window that has reset since it was read has no percentage and no level. */
function viewWindow(window, now) {
  const { name, title, utilization, level, resetDue, resetOverdue, forecast } = window;
  const resetsAt = window.resetsAt ? Date.parse(window.resetsAt) : null;
  const due = resetDue || (!resetOverdue && resetsAt !== null && resetsAt <= now);
  return {
    name,
    title,
    percent: due ? null : utilization,
    level: due ? null : level,
    resetsAt,
    due,
    overdue: resetOverdue,
    forecast,
  };
}
