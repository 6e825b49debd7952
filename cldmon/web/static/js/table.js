// The readings of a chart as a table. A chart has only some of them: the rest is loaded when the
// table is opened.

import { describeEvent } from "./events.js";
import { el, setAttribute, setText } from "./dom.js";
import { copyGaps, findReadingsWithin } from "./series.js";
import { formatTimestamps } from "./time.js";

const MAX_ROWS = 2000;

export class Table {
  constructor(label) {
    this.label = label;
    this.note = el("p", { class: "note" });
    this.body = el("div", {
      class: "table",
      tabindex: "0",
      role: "region",
      "aria-label": `Readings of ${label}`,
    });
    this.element = el(
      "details",
      { class: "readings", ontoggle: () => this.#onToggle() },
      el("summary", {}, "Readings as a table"),
      this.note,
      this.body,
    );
  }

  /**
   * `load()` resolves to the complete series of this range; `range` names it. `series` has as much
   * of it as the chart shows.
   */
  update({ series, events, names, span, range, load, open }) {
    const isNew = series !== this.series;
    if (range !== this.range) this.complete = null;
    Object.assign(this, { series, events, names, span, range, load });
    if (open && !this.element.open)
      this.element.open = true; // which then loads
    else if (isNew && this.element.open) this.#load();
    this.#fill();
  }

  #onToggle() {
    if (this.element.open) this.#load();
    this.#fill();
  }

  async #load() {
    const { series } = this;
    this.problem = null;
    try {
      const complete = await this.load();
      if (series !== this.series) return;
      this.complete = copyGaps(complete, series);
    } catch (error) {
      if (series !== this.series) return;
      this.problem = error.message;
    }
    this.#fill();
  }

  #fill() {
    if (!this.element.open) {
      this.filled = null;
      return this.body.replaceChildren();
    }
    const series = this.complete ?? this.series;
    const readings = findReadingsWithin(series, this.span);
    const [first, last] = [readings.slice(-MAX_ROWS)[0] ?? 0, readings.at(-1) ?? -1];
    setText(this.note, this.#describe(readings.length));
    setAttribute(this.body, "aria-busy", String(!this.complete && !this.problem));
    const filled = [series, this.events.length, first, last];
    if (this.filled?.every((value, n) => value === filled[n])) return;
    this.filled = filled;
    const place = this.body.scrollTop;
    this.body.replaceChildren(this.#buildTable(series, first, last));
    this.body.scrollTop = place;
  }

  /** Return whether the table is complete. */
  #describe(count) {
    const all = count.toLocaleString();
    if (!this.complete)
      return this.problem
        ? `Only ${all} of the readings, because the others can't be loaded: ${this.problem}`
        : "Loading all readings…";
    if (count > MAX_ROWS)
      return `The last ${MAX_ROWS.toLocaleString()} of ${all} readings. Zoom in to see the others.`;
    return count === 1 ? "1 reading." : `All ${all} readings.`;
  }

  #buildTable({ times, lines }, first, last) {
    const titles = [...lines.keys()].map((name) => this.names.short(name));
    const rows = formatTimestamps(times.slice(first, last + 1)).map((time, n) =>
      this.#buildRow(
        time,
        times[first + n],
        [...lines.values()].map((percents) => percents[first + n]),
      ),
    );
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
      el("tbody", {}, ...rows.reverse()),
    );
  }

  #buildRow(time, ms, values) {
    const isGap = values.every((value) => value === null);
    return el(
      "tr",
      {},
      el("th", { scope: "row" }, isGap ? "no readings" : time),
      ...values.map((value) => el("td", {}, value === null ? "–" : `${value}%`)),
      el("td", {}, isGap ? "" : this.#describeEvents(ms)),
    );
  }

  #describeEvents(ms) {
    const here = this.events.filter(({ at, kind }) => at === ms && kind !== "gap");
    return here.map((event) => describeEvent(event, this.names)).join("; ");
  }
}
