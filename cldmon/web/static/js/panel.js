// One account's history: chart, legend with values, events, summary, and table.

import { ChartBox } from "./chart-box.js";
import { el, setText } from "./dom.js";
import { EventList } from "./event-list.js";
import { addGaps, findEventsWithin } from "./events.js";
import { HiddenLines } from "./hidden-lines.js";
import { Legend, formatPercent } from "./legend.js";
import { selectLines } from "./series.js";
import { assignWindowStyles } from "./styles.js";
import { summarize } from "./summary.js";
import { Table } from "./table.js";

const HEIGHT = 212;

export class Panel {
  /** `onZoom(span)` is called with another span to show, null for all of the range. */
  constructor(label, onZoom) {
    const id = `history-${Panel.count++}`;
    this.title = el("h3", { id, dir: "auto", tabindex: "-1" }, label);
    this.hidden = new HiddenLines(`account.${label}`);
    this.legend = new Legend({ onToggle: (name) => this.#toggle(name) });
    this.leftOut = el("p", { class: "note", hidden: true });
    this.box = new ChartBox({
      id,
      height: HEIGHT,
      onZoom,
      onPoint: (_, index) => this.#showValues(index),
      describe: (index) => this.#describe(index),
    });
    this.none = el("p", { class: "none", hidden: true });
    this.summary = el("p", { class: "summary", id: `${id}-summary` });
    this.events = new EventList(`${id}-events`, label);
    this.table = new Table(label);
    this.element = el(
      "article",
      { class: "panel", "aria-labelledby": id },
      el("header", { class: "panel-head" }, this.title, this.box.when),
      this.legend.element,
      this.leftOut,
      this.box.element,
      this.none,
      this.summary,
      this.events.element,
      this.table.element,
    );
  }

  /**
   * `events` are the account's, of the range; `range` has its name and span, and `load()` resolves
   * to the complete series of it. Without a `library` (null) there are no charts.
   */
  update({ library, series, events, view, names, span, range, load, now }) {
    const shown = [...series.lines.keys()];
    const all = addGaps(events, series);
    const isEmpty = shown.length === 0;
    Object.assign(this, { library, series, view, names, span, range, now, all });
    this.styles = assignWindowStyles(shown);
    this.none.hidden = !isEmpty;
    setText(this.none, "No readings in this range.");
    this.box.element.hidden = this.legend.element.hidden = isEmpty || !library;
    setText(
      this.summary,
      isEmpty ? "" : summarize({ series, events: all, range: range.span, now, names }),
    );
    this.events.update({ events: findEventsWithin(all, span), names, now });
    this.table.element.hidden = isEmpty;
    this.table.update({
      series,
      events: all,
      names,
      span,
      range: range.name,
      load,
      open: !isEmpty && !library,
    });
    this.#showLines();
  }

  /** Scroll here. Without a chart, the title has the focus, so that the keyboard continues here. */
  goTo() {
    this.element.scrollIntoView({ block: "start" });
    const place = this.box.element.hidden ? this.title : this.box.element;
    place.focus({ preventScroll: true });
  }

  redraw() {
    this.box.redraw();
  }

  drawIfNeeded() {
    this.box.drawIfNeeded();
  }

  destroy() {
    this.box.destroy();
  }

  #toggle(name) {
    this.hidden.set(name, !this.#isHidden(name), this.#isLeftOut(name));
    this.#showLines();
  }

  #isHidden(name) {
    return this.hidden.isHidden(name, this.#isLeftOut(name));
  }

  /** Return whether a line is not shown unless it is asked for, and others are. */
  #isLeftOut(name) {
    return this.range.leftOut.includes(name) && this.series.lines.size > 1;
  }

  #showLines() {
    const { library, series, styles, names, span, now } = this;
    const all = [...series.lines.keys()];
    const visible = selectLines(series, (name) => !this.#isHidden(name));
    this.visible = visible;
    this.legend.update(
      all
        .map((name) => [name, names.short(name)])
        .map(([name, title]) => ({
          name,
          title,
          style: styles.get(name),
          isHidden: this.#isHidden(name),
        })),
    );
    const leftOut = all.filter((name) => this.#isLeftOut(name) && this.#isHidden(name));
    this.leftOut.hidden = !leftOut.length || !library;
    setText(this.leftOut, describeLeftOut(leftOut.map((name) => names.short(name))));
    this.box.update(all.length ? library : null, {
      series: visible,
      styles,
      span,
      now,
      marks: this.all.filter(({ window }) => window === null || visible.lines.has(window)),
      forecasts: buildForecasts(this.view, styles, visible),
    });
  }

  #showValues(index) {
    const { lines } = this.series;
    this.legend.showValues(new Map([...lines].map(([name, line]) => [name, line[index]])));
  }

  #describe(index) {
    const values = [...this.visible.lines].map(
      ([name, percents]) => `${this.names.short(name)} ${formatPercent(percents[index])}`,
    );
    return values.join(", ");
  }
}
Panel.count = 0;

function describeLeftOut(titles) {
  return `Left out by default: ${titles.join(", ")}. Press it to show it.`;
}

/** Return the forecast lines of an account whose numbers are live. */
function buildForecasts(view, styles, { lines }) {
  if (view?.state !== "live") return [];
  return view.windows
    .filter(
      ({ name, forecast, resetsAt, percent }) =>
        forecast && resetsAt && percent !== null && lines.has(name),
    )
    .map(({ name, forecast, resetsAt, percent }) => ({
      style: styles.get(name),
      points: [
        [view.readAt, percent],
        ...(forecast.fullAt ? [[Date.parse(forecast.fullAt), 100]] : []),
        [resetsAt, forecast.fullAt ? 100 : forecast.endsAtPercent],
      ],
    }));
}
