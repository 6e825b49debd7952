// A chart's place on the page: drawing, keyboard, and announcements of what the crosshair is on.

import { announce } from "./announce.js";
import { Chart } from "./chart.js";
import { el, setText } from "./dom.js";
import { findReadingsWithin } from "./series.js";
import { formatClock } from "./time.js";

const ZOOM_STEP = 0.5;
const NOWHERE = { at: null, index: null };

export class ChartBox {
  /**
   * `id` is that of the title; `${id}-summary` describes the chart. `onZoom(span)` is called with
   * another span to show, null for all; `onPoint(point, index)` when the crosshair moves, or the
   * last reading does while there is none: with Chart's point, and the reading whose values are to
   * be shown. `describe(index)` returns those in words.
   */
  constructor({ id, height, proximity = -1, onZoom, onPoint, describe }) {
    Object.assign(this, { height, proximity, onZoom, onPoint, describe });
    this.point = NOWHERE;
    this.when = el("p", { class: "when" });
    this.element = el("div", {
      class: "plot",
      tabindex: "0",
      role: "application",
      "aria-roledescription": "chart",
      "aria-labelledby": id,
      "aria-describedby": `${id}-summary`,
      "aria-keyshortcuts": "ArrowLeft ArrowRight Home End Plus Minus Escape",
      onkeydown: (event) => this.#onKeyDown(event),
    });
  }

  /** `state` is Chart's. Without a `library` (null) nothing is drawn. */
  update(library, state) {
    this.state = state;
    if (library) {
      this.chart ??= this.#buildChart(library);
      this.chart.update(state);
    }
    if (this.point.at === null) this.#showPoint(this.point);
  }

  focus(name) {
    this.chart?.focus(name);
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

  #buildChart(library) {
    const { height, proximity, onZoom } = this;
    const onPoint = (point) => this.#showPoint(point);
    return new Chart(library, this.element, { height, proximity, onZoom, onPoint });
  }

  /** Show when the values at the crosshair were read, or the last ones without it. */
  #showPoint(point) {
    const { series, now } = this.state;
    const isPointed = point.at !== null;
    const index = isPointed ? point.index : findLastReading(series);
    const ms = series.times[index] ?? point.at;
    this.point = point;
    this.when.classList.toggle("pointed", isPointed);
    setText(this.when, ms === null ? "" : `${isPointed ? "" : "Last: "}${formatClock(ms, now)}`);
    this.onPoint(point, index);
  }

  #onKeyDown(event) {
    const act = KEYS[event.key];
    if (!act || !this.chart || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    act(this);
  }

  /** Move by so many of the visible readings; without a crosshair, to the last one. */
  step(by) {
    const shown = findReadingsWithin(this.state.series, this.state.span);
    if (!shown.length) return;
    const at = this.point.index;
    const here = at === null ? shown.length : shown.findIndex((n) => n >= at);
    const index = shown[Math.max(0, Math.min(shown.length - 1, here + by))];
    this.chart.point(index);
    announce(
      `${formatClock(this.state.series.times[index], this.state.now)}: ${this.describe(index)}`,
    );
  }

  /** Show a part of the span, or more of it, around the crosshair. */
  zoomBy(factor) {
    const { series, span } = this.state;
    const [from, to] = span;
    const index = this.point.index ?? findLastReading(series);
    const centre = series.times[index] ?? (from + to) / 2;
    this.onZoom([centre - (centre - from) * factor, centre + (to - centre) * factor]);
  }
}

function findLastReading(series) {
  return findReadingsWithin(series, [-Infinity, Infinity]).at(-1) ?? null;
}

const KEYS = {
  ArrowLeft: (box) => box.step(-1),
  ArrowRight: (box) => box.step(1),
  Home: (box) => box.step(-Infinity),
  End: (box) => box.step(Infinity),
  "+": (box) => box.zoomBy(ZOOM_STEP),
  "-": (box) => box.zoomBy(1 / ZOOM_STEP),
  Escape: (box) => box.onZoom(null),
};
