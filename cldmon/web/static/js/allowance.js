// Usage credits or a credit pool: an amount and a bar, without a level, because it is not a limit.

import { el, setAttribute, setLine, setText } from "./dom.js";

export class Allowance {
  constructor() {
    this.title = el("span", { class: "allowance-title" });
    this.amount = el("span", { class: "amount" });
    this.bar = el("div", { class: "bar", role: "meter" }, el("span", { class: "fill" }));
    this.note = el("p", { class: "allowance-note" });
    this.element = el(
      "div",
      { class: "allowance" },
      el("p", { class: "allowance-head" }, this.title, this.amount),
      this.bar,
      this.note,
    );
  }

  /** `percent` null draws no bar. */
  update({ title, amount, percent, note }) {
    setText(this.title, title);
    setText(this.amount, amount);
    setLine(this.note, note);
    this.bar.hidden = percent === null;
    this.bar.firstChild.style.setProperty("--percent", `${percent ?? 0}%`);
    setAttribute(this.bar, "aria-label", title);
    setAttribute(this.bar, "aria-valuenow", percent);
    setAttribute(this.bar, "aria-valuetext", percent === null ? null : `${percent}%, ${amount}`);
  }
}
