// The filter of the accounts: by a part of their name or plan, and by their condition.

import { el, setText } from "./dom.js";
import { CONDITIONS } from "./messages.js";

const ALL = "";

export class Filter {
  /** `onChange()` is called when other accounts match. */
  constructor(onChange) {
    this.text = el("input", {
      type: "search",
      "aria-label": "Filter by account or plan",
      placeholder: "Account or plan",
      autocomplete: "off",
      spellcheck: "false",
      oninput: onChange,
    });
    this.options = new Map(
      [ALL, ...Object.keys(CONDITIONS)].map((value) => [value, el("option", { value })]),
    );
    this.condition = el(
      "select",
      { "aria-label": "Filter by state", onchange: onChange },
      ...this.options.values(),
    );
    this.count = el("p", { class: "note", role: "status" });
    this.element = el("div", { class: "filter" }, this.text, this.condition, this.count);
  }

  /** Show how many of these accounts there are of each condition; without `enabled` all match. */
  update(views, enabled) {
    this.enabled = enabled;
    this.element.hidden = !enabled;
    const counts = Map.groupBy(views, ({ condition }) => condition);
    for (const [value, option] of this.options) {
      const count = counts.get(value)?.length ?? 0;
      setText(option, value ? `${CONDITIONS[value].word} (${count})` : "All states");
      option.hidden = value !== ALL && count === 0 && this.condition.value !== value;
    }
    const shown = views.filter((view) => this.matches(view)).length;
    setText(this.count, shown < views.length ? `${shown} of ${views.length}` : "");
  }

  /** Return whether an account is to be shown. */
  matches({ label, plan, condition }) {
    if (!this.enabled) return true;
    if (this.condition.value !== ALL && this.condition.value !== condition) return false;
    const wanted = this.text.value.trim().toLowerCase();
    return [label, plan ?? ""].some((text) => text.toLowerCase().includes(wanted));
  }

  clear() {
    this.text.value = "";
    this.condition.value = ALL;
  }
}
