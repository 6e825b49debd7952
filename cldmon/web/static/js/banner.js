// The banner above the cards: who is at a limit, until when, and who is in error or stale.

import { announce } from "./announce.js";
import { byId, el, setAttribute } from "./dom.js";
import { describeSummary } from "./messages.js";

export class Banner {
  constructor() {
    this.element = byId("banner");
    this.hide();
  }

  /** `views` are all accounts as they may be shown `now`, in ms. */
  update({ summary, views, reachable, now }) {
    const groups = describeSummary(summary, views, now);
    setAttribute(this.element, "data-live", String(reachable));
    const shown = JSON.stringify(groups);
    if (shown === this.shown) return;
    this.shown = shown;
    this.element.hidden = groups.length === 0;
    this.element.replaceChildren(...groups.map(buildGroup));
    this.#announceChanges(groups);
  }

  hide() {
    this.element.hidden = true;
    this.shown = null;
    this.keys = null;
  }

  /** Announce new entries to screen readers, or that there are fewer, but not countdowns. */
  #announceChanges(groups) {
    const entries = groups.flatMap(({ kind, lead, items }) =>
      items.map(({ label, about, text }) => [
        JSON.stringify([kind, about, label]),
        `${lead}: ${label}${text}.`,
      ]),
    );
    const before = this.keys;
    this.keys = new Set(entries.map(([key]) => key));
    if (before === null) return;
    const news = entries.filter(([key]) => !before.has(key)).map(([, sentence]) => sentence);
    if (news.length) announce(news.join(" "));
    else if (this.keys.size < before.size && groups.length) announce(`${groups[0].lead}.`);
  }
}

function buildGroup({ kind, lead, items }) {
  const shown = items.map(({ label, text, title }) =>
    el("li", { title }, el("bdi", {}, label), text),
  );
  return el(
    "div",
    { class: "banner-group", "data-kind": kind },
    el("p", { class: "lead" }, lead),
    " ",
    shown.length > 0 && el("ul", { role: "list" }, ...shown),
  );
}
