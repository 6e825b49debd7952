// The legend of a chart: a button for each line, which hides and shows it, and its value.

import { el, setAttribute, setChildren, setText } from "./dom.js";
import { KeyedList } from "./keyed-list.js";
import { drawSwatch } from "./styles.js";

export class Legend {
  /** `onToggle(name)` is called by a press, `onPoint(name)` while a line is pointed at, or null. */
  constructor({ onToggle, onPoint = () => {} }) {
    this.element = el("ul", { class: "legend", role: "list" });
    this.entries = new KeyedList(this.element, (name) => new Entry(name, { onToggle, onPoint }));
  }

  /** `lines` have name, title, style and isHidden. */
  update(lines) {
    this.entries.update(lines.map((line) => [line.name, line]));
  }

  /** Show the percentage of each line, by name. */
  showValues(percents) {
    for (const [name, entry] of this.entries.parts) entry.showValue(percents.get(name));
  }
}

class Entry {
  constructor(name, { onToggle, onPoint }) {
    this.title = el("bdi", { class: "series-name" });
    this.value = el("span", { class: "value" });
    this.button = el(
      "button",
      {
        type: "button",
        class: "line",
        onclick: () => onToggle(name),
        onpointerenter: () => onPoint(name),
        onpointerleave: () => onPoint(null),
        onfocus: () => onPoint(name),
        onblur: () => onPoint(null),
      },
      this.title,
    );
    this.element = el("li", {}, this.button, this.value);
  }

  update({ title, style, isHidden }) {
    setText(this.title, title);
    setAttribute(this.button, "aria-pressed", String(!isHidden));
    if (style === this.style) return;
    this.style = style;
    setChildren(this.button, [drawSwatch(style), this.title]);
  }

  showValue(percent) {
    setText(this.value, formatPercent(percent));
  }
}

/** Return a percentage, or a dash without one. */
export function formatPercent(percent) {
  return percent === null || percent === undefined ? "–" : `${percent}%`;
}
