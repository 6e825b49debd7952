// The card of an account: what is wrong first, then its windows, money and alerts.

import { Alerts } from "./alerts.js";
import { el, setAttribute, setText } from "./dom.js";
import { KeyedList } from "./keyed-list.js";
import { Meter } from "./meter.js";
import { full } from "./time.js";
import { money } from "./usage.js";
import { ageMessage, nextStep, sentence } from "./messages.js";

export class Card {
  constructor(label, saved) {
    const id = `account-${Card.count++}`;
    this.age = el("time", { class: "age" });
    this.plan = el("span", { class: "plan" });
    this.trouble = el("div", { class: "trouble" });
    this.waiting = el("p", { class: "waiting" }, "Its first numbers come with the next pass.");
    this.windows = el("div", { class: "meters" });
    this.meters = new KeyedList(this.windows, (name) => new Meter(name));
    this.extra = el("p", { class: "extra" });
    this.alerts = new Alerts(label, saved);
    this.element = el(
      "article",
      { class: "card", "aria-labelledby": id },
      el(
        "header",
        { class: "card-head" },
        el("h3", { id, dir: "auto" }, label),
        this.age,
        this.plan,
      ),
      this.trouble,
      this.waiting,
      this.windows,
      this.extra,
      this.alerts.element,
    );
  }

  /** `reachable` says whether the server still answers: nothing is live without it. */
  update({ view, subscription, barred, reachable, now }) {
    const live = view.state === "live" && reachable;
    setAttribute(this.element, "data-state", view.state);
    setAttribute(this.element, "data-live", String(live));
    this.#showHead(view, now);
    this.#showTrouble(view, now);
    this.waiting.hidden = view.state !== "unread";
    this.meters.update(view.windows.map((window) => [window.name, { window, live, now }]));
    this.#showExtra(view.extra);
    this.alerts.update({ subscription, barred });
  }

  #showHead(view, now) {
    setText(this.plan, view.plan ?? "");
    this.plan.hidden = !view.plan;
    setText(this.age, ageMessage(view, now));
    setAttribute(
      this.age,
      "datetime",
      view.readAt === null ? null : new Date(view.readAt).toISOString(),
    );
    setAttribute(this.age, "title", view.readAt === null ? null : full(view.readAt));
  }

  #showTrouble(view, now) {
    const isTrouble = view.state === "error";
    this.trouble.hidden = !isTrouble;
    const [words, command] = isTrouble ? nextStep(view, now) : ["", ""];
    const shown = JSON.stringify([view.error, words, command]);
    if (!isTrouble || this.shownTrouble === shown) return;
    this.shownTrouble = shown;
    this.trouble.replaceChildren(
      el(
        "p",
        { class: "error" },
        el("span", { class: "mark", "aria-hidden": "true" }, "✕"),
        el("span", {}, sentence(view.error)),
      ),
      el("p", { class: "step" }, words, command && el("code", {}, command)),
    );
  }

  #showExtra(extra) {
    this.extra.hidden = !extra;
    if (!extra) return;
    const limit = extra.limit === null ? "" : ` of ${money(extra.limit, extra)}`;
    setText(this.extra, `Extra usage: ${money(extra.used, extra)}${limit}`);
  }
}
Card.count = 0;
