// How fresh the page is: "Updated … · next in …", and notices if it isn't.

import { byId, el, setText } from "./dom.js";
import { formatAge, formatClock, formatInterval, formatDuration, formatWhen } from "./time.js";
import { toSentence } from "./messages.js";

export class StatusBar {
  constructor() {
    this.element = byId("status-bar");
    this.notices = byId("notices");
  }

  /**
   * `usage` is the server's last response, or null; `outage` is null while it responds, else the
   * first error since then and its time in ms.
   */
  update(usage, outage, now) {
    const fetchedAt = usage?.fetchedAt ? Date.parse(usage.fetchedAt) : null;
    this.element.hidden = fetchedAt === null;
    if (fetchedAt !== null)
      setText(this.element, describeFreshness(fetchedAt, usage.refreshIntervalMs, now));
    this.#notify([
      outage === null ? "" : describeOutage(outage, usage !== null, now),
      usage === null ? "" : describeStoppedCollector(usage, now),
      usage?.subscriptionsError ? `Can't show alert settings: ${usage.subscriptionsError}.` : "",
    ]);
  }

  hide() {
    this.element.hidden = true;
    this.#notify([]);
  }

  /** Screen readers read the region when it changes, so it changes only with its text. */
  #notify(all) {
    const messages = all.filter(Boolean);
    const shown = [...this.notices.children].map((notice) => notice.textContent);
    if (shown.length === messages.length && messages.every((each, n) => each === shown[n])) return;
    this.notices.replaceChildren(...messages.map((each) => el("p", { class: "notice" }, each)));
  }
}

function describeFreshness(fetchedAt, intervalMs, now) {
  const left = fetchedAt + intervalMs - now;
  const next = left > 0 ? `next in ${formatDuration(left)}` : "next due";
  return `Updated ${formatAge(Math.max(0, now - fetchedAt))} · ${next}`;
}

function describeOutage({ at, error }, hasData, now) {
  const since = `since ${formatClock(at, now)}`;
  const shown = hasData ? "showing the last data" : "trying again";
  if (error.isUnreachable) return `Server unreachable ${since}; ${shown}.`;
  return `Server error ${since}; ${shown}: ${toSentence(error.message)}`;
}

function describeStoppedCollector({ fetchedAt, staleAt, refreshIntervalMs }, now) {
  if (fetchedAt === null || now <= Date.parse(staleAt)) return "";
  const last = formatWhen(Date.parse(fetchedAt), now);
  const every = formatInterval(refreshIntervalMs);
  return `The collector has stopped: last pass ${last}, expected every ${every}. Run cldmon doctor on the server.`;
}
