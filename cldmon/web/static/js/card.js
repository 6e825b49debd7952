// An account's card: its error first, then its windows, money and alerts.

import { Alerts } from "./alerts.js";
import { Allowance } from "./allowance.js";
import { el, setAttribute, setLine, setText } from "./dom.js";
import { KeyedList } from "./keyed-list.js";
import { Meter } from "./meter.js";
import { buildCreditsRow, buildPoolRow, describeSavedResets } from "./money.js";
import { formatFull } from "./time.js";
import { CONDITIONS, describeAge, suggestNextStep, toSentence } from "./messages.js";

const UNREAD = "Waiting for the next pass.";
const UNREPORTED = "Waiting for the first report.";
const NO_LIMITS = "No limits reported for this account.";

export class Card {
  /** `onHistory()` shows the account's history; the other `actions` are those of `Alerts`. */
  constructor(label, { onHistory, ...actions }) {
    const id = `account-${Card.count++}`;
    this.age = el("time", { class: "age" });
    this.plan = el("span", { class: "plan" });
    this.trouble = el("div", { class: "trouble" });
    this.nothing = el("p", { class: "nothing" });
    this.windows = el("div", { class: "meters" });
    this.meters = new KeyedList(this.windows, () => new Meter());
    const rows = el("div", { class: "allowances" });
    this.allowances = new KeyedList(rows, () => new Allowance());
    this.savedResets = el("p", { class: "saved-resets" });
    this.extras = el("div", { class: "extras" }, rows, this.savedResets);
    this.alerts = new Alerts(label, actions);
    this.element = el(
      "article",
      { class: "card", "aria-labelledby": id },
      el(
        "header",
        { class: "card-head" },
        el("h3", { id, dir: "auto" }, label),
        el(
          "button",
          {
            type: "button",
            class: "quiet to-history",
            "aria-label": `History of ${label}`,
            onclick: onHistory,
          },
          "History",
        ),
        this.age,
        this.plan,
      ),
      this.trouble,
      this.nothing,
      this.windows,
      this.extras,
      this.alerts.element,
    );
  }

  /** `reachable` says whether the server responds: nothing is live if it does not. */
  update({ view, reachable, now, ...alerts }) {
    const live = view.state === "live" && reachable;
    setAttribute(this.element, "data-state", view.state);
    setAttribute(this.element, "data-live", String(live));
    this.#showHead(view, now);
    this.#showTrouble(view, now);
    this.meters.update(view.windows.map((window) => [window.name, { window, live, now }]));
    this.#showExtras(view, now);
    this.#showNothing(view);
    this.alerts.update(alerts);
  }

  #showHead(view, now) {
    setLine(this.plan, view.plan ?? "");
    setText(this.age, describeAge(view, now));
    setAttribute(
      this.age,
      "datetime",
      view.readAt === null ? null : new Date(view.readAt).toISOString(),
    );
    setAttribute(this.age, "title", view.readAt === null ? null : formatFull(view.readAt));
  }

  #showTrouble(view, now) {
    const isTrouble = view.state === "error";
    this.trouble.hidden = !isTrouble;
    setAttribute(this.element, "data-error", isTrouble && view.condition);
    const [words, command] = isTrouble ? suggestNextStep(view, now) : ["", ""];
    const shown = JSON.stringify([view.condition, view.error, words, command]);
    if (!isTrouble || this.shownTrouble === shown) return;
    this.shownTrouble = shown;
    const { word, mark } = CONDITIONS[view.condition];
    this.trouble.replaceChildren(
      el(
        "p",
        { class: "who-acts" },
        el("span", { class: "mark", "aria-hidden": "true" }, mark),
        " ",
        word,
      ),
      el("p", { class: "error" }, toSentence(view.error)),
      el("p", { class: "step" }, words, command && el("code", {}, command)),
    );
  }

  #showExtras({ credits, pools, savedResets }, now) {
    const rows = pools.map((pool) => [`pool ${pool.name}`, buildPoolRow(pool, now)]);
    if (credits) rows.unshift(["credits", buildCreditsRow(credits)]);
    const saved = describeSavedResets(savedResets, now);
    this.allowances.update(rows);
    setLine(this.savedResets, saved);
    this.extras.hidden = rows.length === 0 && saved === "";
  }

  /** Explain a card without numbers, unless its error does. */
  #showNothing({ state, windows, isReported }) {
    const isEmpty = state !== "error" && windows.length === 0 && this.extras.hidden;
    this.nothing.hidden = !isEmpty;
    if (!isEmpty) return;
    const waiting = isReported ? UNREPORTED : UNREAD;
    setText(this.nothing, state === "unread" ? waiting : NO_LIMITS);
  }
}
Card.count = 0;
