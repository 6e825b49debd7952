// The banner above the accounts: who is at a limit, until when, and who is in error or stale.

import { announce } from "./announce.js";
import { byId, el, setAttribute } from "./dom.js";
import { describeSummary, fold } from "./messages.js";

export class Banner {
  constructor() {
    this.element = byId("banner");
    this.hide();
  }

  /** `views` are all accounts as they may be shown `now`, in ms. */
  update({ views, reachable, now }) {
    const groups = describeSummary(views, now);
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
    const before = this.keys;
    this.keys = new Set();
    const news = [];
    for (const { kind, lead, items } of groups)
      for (const { labels, about, text } of items) {
        const getKey = (label) => JSON.stringify([kind, about, label]);
        for (const label of labels) this.keys.add(getKey(label));
        const fresh = labels.filter((label) => !before?.has(getKey(label)));
        if (fresh.length) news.push(`${lead}: ${formatLabels(fresh)}${text}.`);
      }
    if (before === null) return;
    const [first, more] = fold(news);
    if (more) announce(`${first.join(" ")} ${more} more.`);
    else if (news.length) announce(news.join(" "));
    else if (this.keys.size < before.size && groups.length) announce(`${groups[0].lead}.`);
  }
}

function buildGroup({ kind, lead, items }) {
  const [shown, more] = fold(items);
  return el(
    "div",
    { class: "banner-group", "data-kind": kind },
    el("p", { class: "lead" }, lead),
    " ",
    shown.length > 0 &&
      el("ul", { role: "list" }, ...shown.map(buildItem), more > 0 && el("li", {}, `${more} more`)),
  );
}

function buildItem({ labels, text, left, title }) {
  const [shown, more] = fold(labels);
  const names = shown.flatMap((label, n) => [n ? ", " : "", el("bdi", {}, label)]);
  return el(
    "li",
    { title },
    ...names,
    more > 0 && ` and ${more} more`,
    text,
    left && el("span", { class: "left" }, left),
  );
}

function formatLabels(labels) {
  const [shown, more] = fold(labels);
  return shown.join(", ") + (more ? ` and ${more} more` : "");
}
