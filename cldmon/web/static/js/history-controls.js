// The controls above the charts: range, zoom, and the window in which accounts are compared.

import { el, setAttribute, setChildren } from "./dom.js";
import { RANGES } from "./range.js";

const NO_WINDOW = "";

export class HistoryControls {
  /** `onRange(name)`, `onUnzoom()` and `onCompare(window)`, null for none, are called on a choice. */
  constructor({ onRange, onUnzoom, onCompare }) {
    this.buttons = new Map(
      RANGES.map(({ name, title }) => [
        name,
        el("button", { type: "button", title, onclick: () => onRange(name) }, name),
      ]),
    );
    this.unzoom = el(
      "button",
      { type: "button", class: "quiet", hidden: true, onclick: onUnzoom },
      "Reset zoom",
    );
    this.select = el("select", {
      onchange: () => onCompare(this.select.value === NO_WINDOW ? null : this.select.value),
    });
    this.compare = el(
      "label",
      { class: "compare-choice", hidden: true },
      "Compare accounts",
      this.select,
    );
    this.element = el(
      "header",
      { class: "history-head" },
      el("h2", { id: "history-title" }, "History"),
      this.unzoom,
      this.compare,
      el(
        "div",
        { class: "ranges", role: "group", "aria-label": "Range" },
        ...this.buttons.values(),
      ),
    );
  }

  /** `loading` is the range that is being loaded, or null. */
  showRange(selected, loading) {
    for (const [name, button] of this.buttons) {
      setAttribute(button, "aria-pressed", String(name === selected));
      setAttribute(button, "aria-busy", name === loading && "true");
    }
  }

  /** `windows` are those that several accounts have, `compared` one of them or null. */
  showWindows(windows, compared, names) {
    this.compare.hidden = windows.length === 0;
    const shown = [NO_WINDOW, ...windows].map((name) => [name, name && names.title(name)]);
    if (JSON.stringify(shown) !== this.shown)
      setChildren(
        this.select,
        shown.map(([value, title]) => el("option", { value }, title || "Off")),
      );
    this.shown = JSON.stringify(shown);
    this.select.value = compared ?? NO_WINDOW;
  }
}
