// One account's chart, drawn by uPlot. Times in ms; the axis always spans 0 to 100 %.

import { now } from "./clock.js";
import { drawForecasts, drawFuture, drawMarks } from "./chart-plugins.js";
import { findLoneReadings } from "./series.js";
import { getColour, getLineStyle } from "./styles.js";
import { formatTicks } from "./time.js";

const HEIGHT = 212;
const SYNC = "cldmon";
const LEAST_DRAG = 6; // px; less is a click
const PRELOAD_MARGIN = "600px"; // charts this far above or below the viewport are drawn ahead
const NEAR = 12; // px; the crosshair snaps to a reading this close
const PAUSE_MS = 20; // between two charts outside the viewport

export class Chart {
  /**
   * `onZoom([from, to])` is called after a drag, with `null` after a double click; `onPoint(at,
   * index)` when the crosshair moves: its time, and the reading it is on, null if on none.
   */
  constructor(library, box, { onZoom, onPoint }) {
    Object.assign(this, { library, box, onZoom, onPoint });
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
    const names = [...this.state.series.lines.keys()].join("\n");
    if (names !== this.names) this.#rebuild();
    else this.#redraw();
    this.names = names;
  }

  #rebuild() {
    this.plot?.destroy();
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
      this.plot.setSize({ width, height: HEIGHT });
  }

  #options() {
    return {
      width: Math.max(this.box.clientWidth, 200),
      height: HEIGHT,
      ms: 1,
      padding: [16, 24, 0, 0], // room for half a label on the right
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false },
        sync: { key: SYNC, setSeries: false },
        points: { size: 9, width: 2 },
        dataIdx: (plot, _, index) => (this.#isOn(plot, index) ? index : null),
        bind: { dblclick: () => () => this.onZoom(null) },
      },
      scales: { x: { time: true, range: () => this.state.span }, y: { range: [-2, 102] } },
      axes: [buildXAxis(), buildYAxis()],
      series: [
        {},
        ...[...this.state.series.lines.keys()].map((name) =>
          buildSeriesOptions(this.state.styles.get(name)),
        ),
      ],
      hooks: {
        drawClear: [(plot) => drawFuture(plot, this.state.now)],
        draw: [
          (plot) => drawForecasts(plot, this.state.forecasts),
          (plot) => drawMarks(plot, this.state.marks),
        ],
        setCursor: [(plot) => this.#onCursorMove(plot)],
        setSelect: [(plot) => this.#onSelect(plot)],
      },
    };
  }

  #onCursorMove(plot) {
    const { left, idx } = plot.cursor;
    if (left < 0) this.onPoint(null, null);
    else this.onPoint(plot.posToVal(left, "x"), this.#isOn(plot, idx) ? idx : null);
  }

  /** Return whether the crosshair is on the line at this (the nearest) reading, not in a gap. */
  #isOn(plot, index) {
    const { times } = this.state.series;
    const { left } = plot.cursor;
    if (index === null || !isReading(plot, index)) return false;
    if (Math.abs(plot.valToPos(times[index], "x") - left) <= NEAR) return true;
    return isReading(plot, plot.posToVal(left, "x") < times[index] ? index - 1 : index + 1);
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

function isReading(plot, index) {
  return plot.data.slice(1).some((percents) => (percents[index] ?? null) !== null);
}

function buildSeriesOptions(style) {
  const { width, dash } = getLineStyle(style);
  return {
    stroke: () => getColour(`series-${style}`),
    width,
    dash,
    cap: dash.length ? "butt" : "round",
    points: {
      show: true,
      size: 6,
      fill: () => getColour(`series-${style}`),
      filter: (plot, index) => findLoneReadings(plot.data[index]),
    },
  };
}

function buildXAxis() {
  return {
    ...buildAxis(),
    size: (_, labels) => (labels?.some((label) => label.includes("\n")) ? 42 : 28),
    space: 64,
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
