// One window of several accounts in one chart.

import { ChartBox } from "./chart-box.js";
import { el, setText } from "./dom.js";
import { HiddenLines } from "./hidden-lines.js";
import { Legend, formatPercent } from "./legend.js";
import { findKnown, findReadingsWithin, selectLines } from "./series.js";
import { assignAccountStyles } from "./styles.js";
import { formatClock } from "./time.js";
import { Tooltip } from "./tooltip.js";

const HEIGHT = 340;
const PROXIMITY = 24; // px; a line this close to the pointer is pointed at
const FEW = 3;
const MANY = 8; // more values are too many for a sentence
const ID = "compare-title";
const KEEP_GAPS = [2, 2]; // uPlot's NULL_EXPAND: other accounts' readings in a gap don't end it

export class Compare {
  /** `onZoom(span)` is called with another span to show, null for all of the range. */
  constructor(onZoom) {
    this.hidden = new HiddenLines("compare");
    this.title = el("h3", { id: ID });
    this.legend = new Legend({
      onToggle: (label) => this.#toggle(label),
      onPoint: (label) => this.box.focus(label),
    });
    this.all = el("button", { type: "button", class: "quiet", onclick: () => this.#toggleAll() });
    this.box = new ChartBox({
      id: ID,
      height: HEIGHT,
      proximity: PROXIMITY,
      onZoom,
      onPoint: (point, index) => this.#showValues(point, index),
      describe: (index) => this.#describe(index),
    });
    this.tooltip = new Tooltip(HEIGHT);
    this.box.element.append(this.tooltip.element);
    this.none = el("p", { class: "none" }, "No readings in this range.");
    this.summary = el("p", { class: "summary", id: `${ID}-summary` });
    this.element = el(
      "article",
      { class: "panel compare", "aria-labelledby": ID, hidden: true },
      el("header", { class: "panel-head" }, this.title, this.box.when),
      this.box.element,
      this.none,
      this.legend.element,
      this.all,
      this.summary,
    );
  }

  /** `series` are those of all accounts, by label; `labels` are in the order of the accounts. */
  update({ library, window, names, series, labels, span, now }) {
    this.element.hidden = !library || window === null;
    if (this.element.hidden) return;
    const having = labels.filter((label) => series.get(label)?.lines.has(window));
    Object.assign(this, { library, span, now, having });
    if (series !== this.source || window !== this.window) {
      this.series = joinSeries(library, having, series, window);
      Object.assign(this, { source: series, window });
    }
    this.styles = assignAccountStyles(labels);
    setText(this.title, names.title(window));
    this.none.hidden = having.length > 0;
    this.box.element.hidden = having.length === 0;
    this.#showLines();
  }

  redraw() {
    this.box.redraw();
  }

  drawIfNeeded() {
    this.box.drawIfNeeded();
  }

  #toggle(label) {
    this.hidden.set(label, !this.hidden.isHidden(label));
    this.#showLines();
  }

  #toggleAll() {
    const isAnyHidden = this.having.some((label) => this.hidden.isHidden(label));
    for (const label of this.having) this.hidden.set(label, !isAnyHidden);
    this.#showLines();
  }

  #showLines() {
    const { library, having, styles, span, now } = this;
    this.visible = selectLines(this.series, (label) => !this.hidden.isHidden(label));
    const isAnyHidden = this.visible.lines.size < having.length;
    this.legend.update(
      having.map((label) => ({
        name: label,
        title: label,
        style: styles.get(label),
        isHidden: this.hidden.isHidden(label),
      })),
    );
    this.all.hidden = having.length <= FEW;
    setText(this.all, isAnyHidden ? "Show all lines" : "Hide all lines");
    this.box.update(library, { series: this.visible, styles, span, now, marks: [], forecasts: [] });
    setText(this.summary, this.#summarize());
  }

  #showValues({ at, name, ...place }, index) {
    this.legend.showValues(this.#findValues(this.series, index));
    if (at === null || index === null) return this.tooltip.hide();
    const rows = sortByValue(this.#findValues(this.visible, index)).map(([label, percent]) => ({
      title: label,
      style: this.styles.get(label),
      percent,
      isPointed: label === name,
    }));
    this.tooltip.show(formatClock(this.series.times[index], this.now), rows, place);
  }

  /** Return each account's percentage at a reading, null without one. */
  #findValues({ lines }, index) {
    const find = (percents) => (index === null ? null : percents[findKnown(percents, index)]);
    return new Map([...lines].map(([label, percents]) => [label, find(percents) ?? null]));
  }

  #describe(index) {
    return describeValues(this.#findValues(this.visible, index));
  }

  #summarize() {
    const last = findReadingsWithin(this.visible, [-Infinity, Infinity]).at(-1);
    if (last === undefined) return "";
    return `Last readings: ${describeValues(this.#findValues(this.visible, last))}.`;
  }
}

/** Return the highest values in words. */
function describeValues(values) {
  const shown = sortByValue(values).slice(0, MANY);
  const words = shown.map(([label, percent]) => `${label} ${formatPercent(percent)}`).join(", ");
  return values.size > MANY ? `${words}, and ${values.size - MANY} more` : words;
}

/** Return pairs of label and percentage, highest first; those without one are last. */
function sortByValue(values) {
  return [...values].sort(([, a], [, b]) => (b ?? -1) - (a ?? -1));
}

/**
 * Return a series whose lines are accounts. An account that was not read at one of the times, while
 * another was, has undefined there: that does not interrupt its line.
 */
function joinSeries(library, labels, series, window) {
  if (!labels.length) return { times: [], lines: new Map() };
  const tables = labels.map((label) => {
    const { times, lines } = series.get(label);
    return [times, lines.get(window)];
  });
  const [times, ...joined] = library.join(
    tables,
    labels.map(() => KEEP_GAPS),
  );
  return { times, lines: new Map(labels.map((label, n) => [label, joined[n]])) };
}
