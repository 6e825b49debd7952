// One window of an account in its row of the table: a small bar, its percentage, when it resets.

import { el, setAttribute, setText } from "./dom.js";
import { describeResetBriefly } from "./messages.js";
import { showPercent } from "./meter.js";
import { formatFull } from "./time.js";

export class WindowCell {
  constructor() {
    this.short = el("span", { class: "short", "aria-hidden": "true" });
    this.fill = el("span", { class: "fill" });
    this.mark = el("span", { class: "mark", "aria-hidden": "true" });
    this.percent = el("span", { class: "percent" });
    this.left = el("span", { class: "left" });
    this.gauge = el(
      "div",
      { class: "gauge" },
      this.short,
      el("span", { class: "bar" }, this.fill),
      el("span", { class: "reading" }, this.mark, this.percent),
      this.left,
    );
    this.element = el("td", { role: "cell", class: "account-window" }, this.gauge);
  }

  /** `window` is null if the account has no such window: the cell is empty. */
  update({ window, live, now }) {
    this.gauge.hidden = window === null;
    if (window === null) return;
    const { resetsAt } = window;
    showPercent(this, window, live);
    setText(this.short, window.short);
    setText(this.left, describeResetBriefly(window, now));
    setAttribute(this.gauge, "title", resetsAt === null ? null : `Reset: ${formatFull(resetsAt)}`);
  }
}
