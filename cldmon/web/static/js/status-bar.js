// How fresh the page is: "Updated … · next in …", and notices about what keeps it from being so.

import { byId, el, setText } from "./dom.js";
import { formatAge, formatClock, formatInterval, formatDuration, formatWhen } from "./time.js";
import { STALE_INTERVALS } from "./usage.js";
import { toSentence } from "./messages.js";

export class StatusBar {
  constructor() {
    this.element = byId("status-bar");
    this.notices = byId("notices");
  }

  /**
   * `usage` is the last answer of the server, or null; `outage` is null while it answers, else the
   * first error since then and its time in ms.
   */
  update(usage, outage, now) {
    const fetchedAt = usage?.fetchedAt ? Date.parse(usage.fetchedAt) : null;
    this.element.hidden = fetchedAt === null;
    if (fetchedAt !== null)
      setText(this.element, describeFreshness(fetchedAt, usage.refreshIntervalMs, now));
    this.#notify([
      outage === null ? "" : describeOutage(outage, usage !== null, now),
      describeStoppedCollector(fetchedAt, usage?.refreshIntervalMs, now),
      usage?.subscriptionsError
        ? `Alert settings cannot be shown: ${usage.subscriptionsError}.`
        : "",
    ]);
  }

  hide() {
    this.element.hidden = true;
    this.#notify([]);
  }

  /** Screen readers read the region when it changes, so it changes only with its text. */
  #notify(all) {
    const words = all.filter(Boolean);
    const shown = [...this.notices.children].map((notice) => notice.textContent);
    if (shown.length === words.length && words.every((each, n) => each === shown[n])) return;
    this.notices.replaceChildren(...words.map((each) => el("p", { class: "notice" }, each)));
  }
}

function describeFreshness(fetchedAt, intervalMs, now) {
  const left = fetchedAt + intervalMs - now;
  const next = left > 0 ? `next in ${formatDuration(left)}` : "next one due";
  return `Updated ${formatAge(Math.max(0, now - fetchedAt))} · ${next}`;
}

function describeOutage({ at, error }, hasData, now) {
  const since = `since ${formatClock(at, now)}`;
  const shown = hasData ? "showing the last data" : "trying again";
  if (error.isUnreachable) return `Server unreachable ${since}; ${shown}.`;
  return `Server error ${since}; ${shown}: ${toSentence(error.message)} See its log.`;
}

function describeStoppedCollector(fetchedAt, intervalMs, now) {
  if (fetchedAt === null || now - fetchedAt <= STALE_INTERVALS * intervalMs) return "";
  const last = `last pass ${formatWhen(fetchedAt, now)}, expected every ${formatInterval(intervalMs)}`;
  return `The collector has stopped: ${last}. The numbers are old. Check its timer with cldmon doctor.`;
}
