// One window of an account: its bar, its percentage, its level, its reset and its forecast.

import { el, setAttribute, setText } from "./dom.js";
import { formatFull } from "./time.js";
import { LEVELS, describeForecast, describeReset } from "./messages.js";

const NO_LEVEL = { word: "", mark: "" };

/** Show how much of a window is used in a part with `element`, `percent`, `mark` and perhaps a bar's `fill`. */
export function showPercent(part, { percent, level }, live) {
  setAttribute(part.element, "data-level", level ?? "unknown");
  setText(part.percent, percent === null ? "–" : `${percent}%`);
  setText(part.mark, live ? (LEVELS[level] ?? NO_LEVEL).mark : "");
  part.fill?.style.setProperty("--percent", `${percent ?? 0}%`);
}

export class Meter {
  constructor() {
    this.title = el("span", { class: "window" });
    this.percent = el("span", { class: "percent" });
    this.mark = el("span", { class: "mark", "aria-hidden": "true" });
    this.level = el("span", { class: "level" });
    this.fill = el("span", { class: "fill" });
    this.bar = el("div", { class: "bar" }, this.fill);
    this.lead = el("span");
    this.at = el("time", { class: "at" });
    this.left = el("span", { class: "left" });
    this.forecast = el("span");
    this.outlook = el("p", { class: "outlook" }, this.level, " ", this.forecast);
    this.element = el(
      "div",
      { class: "meter" },
      el(
        "p",
        { class: "meter-head" },
        this.title,
        el("span", { class: "reading" }, this.mark, this.percent),
      ),
      this.bar,
      el(
        "p",
        { class: "reset" },
        el("span", { class: "reset-at" }, this.lead, " ", this.at),
        this.left,
      ),
      this.outlook,
    );
  }

  /** `live` says whether the number is current; `now` is in ms. */
  update({ window, live, now }) {
    setText(this.title, window.title);
    this.#showPercent(window, live);
    this.#showReset(describeReset(window, now), window.resetsAt);
    setText(this.forecast, live || window.due ? describeForecast(window, now) : "");
    this.outlook.hidden = this.outlook.textContent.trim() === "";
  }

  #showPercent(window, live) {
    const { word } = LEVELS[window.level] ?? NO_LEVEL;
    showPercent(this, window, live);
    setText(this.level, live && word ? `${word}.` : "");
    this.#showMeter(window.title, window.percent, live ? word : "at the last reading");
  }

  /** A bar without a number is not a meter: a meter needs a value. */
  #showMeter(title, percent, word) {
    setAttribute(this.bar, "role", percent === null ? "img" : "meter");
    setAttribute(this.bar, "aria-valuenow", percent);
    setAttribute(
      this.bar,
      "aria-valuetext",
      percent === null ? null : `${percent}% ${word}`.trim(),
    );
    setAttribute(this.bar, "aria-label", percent === null ? `${title}: unknown` : title);
  }

  #showReset({ lead, at, left }, resetsAt) {
    setText(this.lead, lead);
    setText(this.at, at);
    setText(this.left, left);
    setAttribute(this.at, "datetime", resetsAt === null ? null : new Date(resetsAt).toISOString());
    setAttribute(this.at, "title", resetsAt === null ? null : formatFull(resetsAt));
  }
}
