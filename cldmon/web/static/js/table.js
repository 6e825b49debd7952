// The readings of a chart as a table, built when it is opened.

import { el } from "./dom.js";
import { formatTimestamps } from "./time.js";

const KINDS = { hit: "limit hit", reset: "reset" };

export class Table {
  constructor(label) {
    this.label = label;
    this.body = el("div", {
      class: "table",
      tabindex: "0",
      role: "region",
      "aria-label": `Readings of ${label}`,
    });
    this.element = el(
      "details",
      { class: "readings", ontoggle: () => this.#fill() },
      el("summary", {}, "Readings as a table"),
      this.body,
    );
  }

  update({ series, marks, names, open }) {
    if (open) this.element.open = true;
    if (series === this.series) return;
    Object.assign(this, { series, marks, names });
    this.#fill();
  }

  #fill() {
    if (!this.element.open) return this.body.replaceChildren();
    const place = this.body.scrollTop;
    this.body.replaceChildren(this.#buildTable());
    this.body.scrollTop = place;
  }

  #buildTable() {
    const titles = [...this.series.lines.keys()].map((name) => this.names.short(name));
    const times = formatTimestamps(this.series.times);
    return el(
      "table",
      {},
      el("caption", { class: "unseen" }, `Readings of ${this.label}, newest first, in percent`),
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          ...["Time", ...titles, "Event"].map((title) => el("th", { scope: "col" }, title)),
        ),
      ),
      el("tbody", {}, ...times.map((time, n) => this.#buildRow(time, n)).reverse()),
    );
  }

  #buildRow(time, n) {
    const values = [...this.series.lines.values()].map((percents) => percents[n]);
    const isGap = values.every((value) => value === null);
    const cells = values.map((value) => el("td", {}, value === null ? "–" : `${value}%`));
    return el(
      "tr",
      {},
      el("th", { scope: "row" }, isGap ? "no readings" : time),
      ...cells,
      el("td", {}, this.#describeEvents(this.series.times[n])),
    );
  }

  #describeEvents(ms) {
    const here = this.marks.filter(({ at }) => at === ms);
    return here.map(({ name, kind }) => `${this.names.title(name)}: ${KINDS[kind]}`).join("; ");
  }
}
