// A chart, drawn by uPlot. Times in ms; the axis always spans 0 to 100 %.

import { now } from "./clock.js";
import { drawForecasts, drawFuture, drawMarks } from "./chart-plugins.js";
import { findKnown, findLoneReadings, isReading } from "./series.js";
import { getColour } from "./styles.js";
import { computeTicks, formatTicks } from "./ticks.js";

const SYNC = "cldmon";
const LEAST_DRAG = 6; // px; less is a click
const PRELOAD_MARGIN = "600px"; // charts this far above or below the viewport are drawn ahead
const NEAR = 12; // px; the crosshair snaps to a reading this close
const TICK_SPACE = 64; // px
const DIMMED = 0.2; // the other lines, while one is pointed at
const PAUSE_MS = 20; // between two charts outside the viewport

export class Chart {
  /**
   * `onZoom([from, to])` is called after a drag, with `null` after a double click; `onPoint` when
   * the crosshair moves, with `at`, its time; `index`, the reading it is on, or null; `left`, where
   * it is in a box of this `width`; and `name`, the line that is at most `proximity` px away, or
   * null.
   */
  constructor(library, box, { height, proximity, onZoom, onPoint }) {
    Object.assign(this, { library, box, height, proximity, onZoom, onPoint });
    this.resizing = new ResizeObserver(() => this.#resize());
    this.resizing.observe(box);
    this.visibility = new IntersectionObserver((seen) => this.#onVisibilityChange(seen), {
      rootMargin: PRELOAD_MARGIN,
    });
    this.visibility.observe(box);
  }

  /** `state` has series, styles (by window), span ([from, to]), now, forecasts and marks. */
  update(state) {
    this.state = state;
    this.needsDraw = true;
    if (this.isNear) this.#draw();
    else drawLater(this);
  }

  /** Draw now if drawing was put off. */
  drawIfNeeded() {
    if (this.needsDraw) this.#draw();
  }

  /** Draw again, because the colours or the size of the paper have changed. */
  redraw() {
    this.#resize();
    this.plot?.redraw(false);
  }

  /** Put the crosshair on a reading. */
  point(index) {
    this.drawIfNeeded();
    this.plot.batch(() => {}); // uPlot would set the scales of a new chart later
    const left = this.plot.valToPos(this.state.series.times[index], "x");
    this.plot.setCursor({ left, top: this.plot.over.clientHeight / 2 }, true, true);
  }

  /** Dim all lines but one; null to show all alike. */
  focus(name) {
    const place = this.#names().indexOf(name);
    this.plot?.setSeries(place < 0 ? null : place + 1, { focus: true });
  }

  destroy() {
    this.resizing.disconnect();
    this.visibility.disconnect();
    pending.delete(this);
    this.plot?.destroy();
  }

  /** Only charts near the viewport are drawn at once: there may be a hundred. */
  #onVisibilityChange(entries) {
    this.isNear = entries.at(-1).isIntersecting;
    if (this.isNear) this.drawIfNeeded();
  }

  #draw() {
    this.needsDraw = false;
    pending.delete(this);
    const names = JSON.stringify(this.#names());
    if (names !== this.drawn) this.#rebuild();
    else this.#redraw();
    this.drawn = names;
  }

  #names() {
    return [...this.state.series.lines.keys()];
  }

  #rebuild() {
    this.plot?.destroy();
    this.focused = null;
    this.plot = new this.library(this.#options(), this.#data(), this.box);
    this.#followTouch();
  }

  #redraw() {
    const [min, max] = this.state.span;
    this.plot.batch(() => {
      this.plot.setData(this.#data(), false);
      this.plot.setScale("x", { min, max });
    });
  }

  #data() {
    const { times, lines } = this.state.series;
    return [times, ...lines.values()];
  }

  #resize() {
    const width = this.box.clientWidth;
    if (this.plot && width && width !== this.plot.width)
      this.plot.setSize({ width, height: this.height });
  }

  #options() {
    return {
      width: Math.max(this.box.clientWidth, 200),
      height: this.height,
      ms: 1,
      padding: [16, 24, 0, 0], // room for half a label on the right
      legend: { show: false },
      focus: { alpha: DIMMED },
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false },
        sync: { key: SYNC, setSeries: false },
        points: { size: 9, width: 2 },
        focus: { prox: this.proximity },
        dataIdx: (plot, series, index) => {
          if (series === 0) this.isOn = this.#isOn(plot, index); // the others follow
          return this.isOn ? findKnown(plot.data[series], index) : null;
        },
        bind: { dblclick: () => () => this.onZoom(null) },
      },
      scales: { x: { time: true, range: () => this.state.span }, y: { range: [-2, 102] } },
      axes: [buildXAxis(), buildYAxis()],
      series: [{}, ...this.#names().map((name) => buildSeriesOptions(this.state.styles.get(name)))],
      hooks: {
        drawClear: [(plot) => drawFuture(plot, this.state.now)],
        draw: [
          (plot) => drawForecasts(plot, this.state.forecasts),
          (plot) => drawMarks(plot, this.state.marks),
        ],
        setSeries: [(_, place) => (this.focused = this.#names()[place - 1])],
        setCursor: [(plot) => this.#onCursorMove(plot)],
        setSelect: [(plot) => this.#onSelect(plot)],
      },
    };
  }

  #onCursorMove(plot) {
    const { left, idx } = plot.cursor;
    if (left < 0) return this.onPoint({ at: null, index: null, left: null, name: null });
    this.onPoint({
      at: plot.posToVal(left, "x"),
      index: this.isOn ? idx : null,
      left: plot.bbox.left / devicePixelRatio + left,
      width: plot.width,
      name: this.focused ?? null,
    });
  }

  /** Return whether the crosshair is on the line at this (the nearest) reading, not in a gap. */
  #isOn(plot, index) {
    const { times } = this.state.series;
    const { left } = plot.cursor;
    if (index === null || !hasReading(plot, index)) return false;
    if (Math.abs(plot.valToPos(times[index], "x") - left) <= NEAR) return true;
    return hasReading(plot, plot.posToVal(left, "x") < times[index] ? index - 1 : index + 1);
  }

  /** The other charts follow a drag, without an event of their own. */
  #onSelect(plot) {
    const { left, width } = plot.select;
    if (plot.cursor.event && width >= LEAST_DRAG)
      this.onZoom([plot.posToVal(left, "x"), plot.posToVal(left + width, "x")]);
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  }

  /** A finger moves the crosshair like a mouse; vertical swipes still scroll the page. */
  #followTouch() {
    const { over } = this.plot;
    over.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "touch") return;
      const place = over.getBoundingClientRect();
      this.plot.setCursor(
        { left: event.clientX - place.left, top: event.clientY - place.top },
        true,
        true,
      );
    });
  }
}

const pending = new Set();
let timer = null;

/** Queue a chart outside the viewport: a capture of the whole page shows it, too. */
function drawLater(chart) {
  pending.add(chart);
  timer ??= setTimeout(drawNext, PAUSE_MS);
}

function drawNext() {
  const [chart] = pending;
  chart?.drawIfNeeded();
  timer = pending.size ? setTimeout(drawNext, PAUSE_MS) : null;
}

function hasReading(plot, index) {
  return plot.data.slice(1).some((percents) => isReading(percents[findKnown(percents, index)]));
}

function buildSeriesOptions(style) {
  const { colour, width, dash } = style;
  return {
    stroke: () => getColour(`series-${colour}`),
    width,
    dash,
    cap: dash.length ? "butt" : "round",
    points: {
      show: true,
      size: 6,
      fill: () => getColour(`series-${colour}`),
      filter: (plot, index) => findLoneReadings(plot.data[index]),
    },
  };
}

function buildXAxis() {
  return {
    ...buildAxis(),
    size: (_, labels) => (labels?.some((label) => label.includes("\n")) ? 42 : 28),
    // `space` is the width of `step`, in px.
    splits: (_, axis, min, max, step, space) =>
      computeTicks(min, max, Math.floor((((max - min) / step) * space) / TICK_SPACE)),
    values: (_, splits) => formatTicks(splits, now()),
  };
}

function buildYAxis() {
  return {
    ...buildAxis(),
    size: 48,
    splits: () => [0, 25, 50, 75, 100],
    values: (_, splits) => splits.map((percent) => `${percent}%`),
  };
}

function buildAxis() {
  return {
    font: "12px system-ui, sans-serif",
    stroke: () => getColour("ink-soft"),
    grid: { stroke: () => getColour("grid"), width: 1 },
    ticks: { show: false },
  };
}
