// One account's history: chart, legend with values, summary, and table.

import { announce } from "./announce.js";
import { Chart } from "./chart.js";
import { el, setAttribute, setChildren, setText } from "./dom.js";
import { findGaps, findMarks } from "./series.js";
import { assignStyles, drawSwatch } from "./styles.js";
import { summarize } from "./summary.js";
import { Table } from "./table.js";
import { formatClock } from "./time.js";

const ZOOM_STEP = 0.5;

export class Panel {
  /** `onZoom(span)` is called with another span to show, null for all of the range. */
  constructor(label, onZoom) {
    const id = `history-${Panel.count++}`;
    this.label = label;
    this.onZoom = onZoom;
    this.legend = el("ul", { class: "legend" });
    this.when = el("p", { class: "when" });
    this.plot = el("div", {
      class: "plot",
      tabindex: "0",
      role: "application",
      "aria-roledescription": "chart",
      "aria-labelledby": id,
      "aria-describedby": `${id}-summary`,
      "aria-keyshortcuts": "ArrowLeft ArrowRight Home End Plus Minus Escape",
      onkeydown: (event) => this.#onKeyDown(event),
    });
    this.none = el("p", { class: "none", hidden: true });
    this.summary = el("p", { class: "summary", id: `${id}-summary` });
    this.table = new Table(label);
    this.element = el(
      "article",
      { class: "panel", "aria-labelledby": id },
      el("header", { class: "panel-head" }, el("h3", { id, dir: "auto" }, label), this.when),
      this.legend,
      this.plot,
      this.none,
      this.summary,
      this.table.element,
    );
  }

  /** Without a `library` (null) there are no charts. */
  update({ library, series, view, names, span, range, now }) {
    Object.assign(this, { series, names, now, range, span });
    const shown = [...series.lines.keys()];
    const styles = assignStyles(shown);
    const marks = findMarks(series);
    const isEmpty = shown.length === 0;
    this.none.hidden = !isEmpty;
    setText(this.none, "No readings in this range.");
    this.plot.hidden = this.legend.hidden = isEmpty || !library;
    setText(
      this.summary,
      isEmpty ? "" : summarize({ series, marks, gaps: findGaps(series), range, now, names }),
    );
    this.table.update({ series, marks, names, open: !library });
    this.table.element.hidden = isEmpty;
    this.#showLegend(shown, styles);
    if (!isEmpty && library)
      this.#draw(library, {
        series,
        styles,
        span,
        now,
        marks,
        forecasts: buildForecasts(view, styles),
      });
    if (!this.element.classList.contains("pointed")) this.#showValues(null, null);
  }

  redraw() {
    this.chart?.redraw();
  }

  drawIfNeeded() {
    this.chart?.drawIfNeeded();
  }

  destroy() {
    this.chart?.destroy();
  }

  #draw(library, what) {
    this.chart ??= new Chart(library, this.plot, {
      onZoom: this.onZoom,
      onPoint: (at, index) => this.#showValues(at, index),
    });
    this.chart.update(what);
  }

  #showLegend(names, styles) {
    const shown = JSON.stringify(names.map((name) => [name, this.names.short(name)]));
    if (shown === this.shownNames) return;
    this.shownNames = shown;
    this.values = new Map(names.map((name) => [name, el("output", { class: "value" })]));
    setChildren(
      this.legend,
      names.map((name) =>
        el(
          "li",
          {},
          drawSwatch(styles.get(name)),
          el("span", { class: "series-name" }, this.names.short(name)),
          this.values.get(name),
        ),
      ),
    );
  }

  /** Show the values at the crosshair, or the last ones without it. */
  #showValues(at, index) {
    this.index = index;
    const { times, lines } = this.series;
    const shown = at === null ? findLastReading(this.series) : index;
    const ms = times[shown] ?? at;
    this.element.classList.toggle("pointed", at !== null);
    setText(
      this.when,
      ms === null ? "" : `${at === null ? "Last: " : ""}${formatClock(ms, this.now)}`,
    );
    for (const [name, output] of this.values)
      setText(output, formatPercent(lines.get(name)?.[shown]));
  }

  #onKeyDown(event) {
    const act = KEYS[event.key];
    if (!act || !this.chart || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    act(this);
  }

  /** Move the crosshair to a reading, and announce its values. */
  goTo(index) {
    this.chart.point(index);
    const values = [...this.series.lines].map(
      ([name, percents]) => `${this.names.short(name)} ${formatPercent(percents[index])}`,
    );
    announce(`${formatClock(this.series.times[index], this.now)}: ${values.join(", ")}`);
  }

  /** Move by so many of the visible readings; without a crosshair, to the last one. */
  step(by) {
    const shown = findReadingsWithin(this.series, this.span);
    if (!shown.length) return;
    const here = this.index === null ? shown.length : shown.findIndex((n) => n >= this.index);
    this.goTo(shown[Math.max(0, Math.min(shown.length - 1, here + by))]);
  }

  /** Show a part of the span, or more of it, around the crosshair. */
  zoomBy(factor) {
    const [from, to] = this.span;
    const centre = this.series.times[this.index ?? findLastReading(this.series)] ?? (from + to) / 2;
    this.onZoom([centre - (centre - from) * factor, centre + (to - centre) * factor]);
  }
}
Panel.count = 0;

const KEYS = {
  ArrowLeft: (panel) => panel.step(-1),
  ArrowRight: (panel) => panel.step(1),
  Home: (panel) => panel.step(-Infinity),
  End: (panel) => panel.step(Infinity),
  "+": (panel) => panel.zoomBy(ZOOM_STEP),
  "-": (panel) => panel.zoomBy(1 / ZOOM_STEP),
  Escape: (panel) => panel.onZoom(null),
};

function findLastReading(series) {
  return findReadingsWithin(series, [-Infinity, Infinity]).at(-1) ?? null;
}

/** Return the positions of the readings within a span, gaps left out. */
function findReadingsWithin({ times, lines }, [from, to]) {
  const all = [...lines.values()];
  return [...times.keys()].filter(
    (n) => times[n] >= from && times[n] <= to && all.some((percents) => percents[n] !== null),
  );
}

function formatPercent(percent) {
  return percent === null || percent === undefined ? "–" : `${percent}%`;
}

/** Return the forecast lines of an account whose numbers are live. */
function buildForecasts(view, styles) {
  if (view?.state !== "live") return [];
  return view.windows
    .filter(
      ({ name, forecast, resetsAt, percent }) =>
        forecast && resetsAt && percent !== null && styles.has(name),
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
