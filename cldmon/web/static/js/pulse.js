// How fresh the page is: "Updated … · next in …", and what stands in the way of that.

import { byId, el, setText } from "./dom.js";
import { ago, clock, interval, span, when } from "./time.js";
import { STALE_INTERVALS } from "./usage.js";
import { sentence } from "./words.js";

const LAST = "What you see is what it said last; trying again.";

export class Pulse {
  constructor() {
    this.element = byId("pulse");
    this.notices = byId("notices");
  }

  /**
   * `usage` is what the server told last, or null; `lost` since when (in ms) it tells nothing, and
   * by which error, or null.
   */
  update(usage, lost, now) {
    const fetchedAt = usage?.fetchedAt ? Date.parse(usage.fetchedAt) : null;
    this.element.hidden = fetchedAt === null;
    if (fetchedAt !== null)
      setText(this.element, pulseWords(fetchedAt, usage.refreshIntervalMs, now));
    this.#notify([
      lost === null ? "" : `${lostWords(lost, now)} ${usage ? LAST : "Trying again."}`,
      stoppedWords(fetchedAt, usage?.refreshIntervalMs, now),
      usage?.subscriptionsError
        ? `Alert settings cannot be shown: ${usage.subscriptionsError}.`
        : "",
    ]);
  }

  hide() {
    this.element.hidden = true;
    this.#notify([]);
  }

  /** The region speaks when it changes, so it changes only when there is news. */
  #notify(all) {
    const words = all.filter(Boolean);
    const shown = [...this.notices.children].map((notice) => notice.textContent);
    if (shown.length === words.length && words.every((each, n) => each === shown[n])) return;
    this.notices.replaceChildren(...words.map((each) => el("p", { class: "notice" }, each)));
  }
}

function pulseWords(fetchedAt, intervalMs, now) {
  const left = fetchedAt + intervalMs - now;
  const next = left > 0 ? `next in ${span(left)}` : "next one due";
  return `Updated ${ago(Math.max(0, now - fetchedAt))} · ${next}`;
}

function lostWords({ at, error }, now) {
  const since = `since ${clock(at, now)}`;
  return error.isUnreachable
    ? `The server cannot be reached ${since}.`
    : `The server has answered with an error ${since}: ${sentence(error.message)} Its log says more.`;
}

function stoppedWords(fetchedAt, intervalMs, now) {
  if (fetchedAt === null || now - fetchedAt <= STALE_INTERVALS * intervalMs) return "";
  const expected = `a pass is expected every ${interval(intervalMs)}`;
  return `The collector has stopped: last pass ${when(fetchedAt, now)}, while ${expected}. The numbers are old. Check its timer with cldmon doctor.`;
}
