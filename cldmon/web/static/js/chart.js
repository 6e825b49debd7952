// One account's chart: uPlot, set up. Times in ms, percent from 0 to 100 always.

import { now } from "./clock.js";
import { drawForecasts, drawFuture, drawMarks } from "./chart-plugins.js";
import { loneReadings } from "./series.js";
import { colour, lineStyle } from "./styles.js";
import { ticks } from "./time.js";

const HEIGHT = 212;
const SYNC = "cldmon";
const LEAST_DRAG = 6; // px; less is a click
const AROUND = "600px"; // above and below what is seen, charts are drawn ahead
const NEAR = 12; // px; so far from the line the crosshair still takes a reading
const PAUSE_MS = 20; // between two charts out of sight

export class Chart {
  /**
   * `zoomed([from, to])` is called after a drag, with `null` after a double click; `pointed(at,
   * index)` when the crosshair moves: its time, and the reading it is on, null if on none.
   */
  constructor(library, box, { zoomed, pointed }) {
    Object.assign(this, { library, box, zoomed, pointed });
    this.sizes = new ResizeObserver(() => this.#fit());
    this.sizes.observe(box);
    this.sight = new IntersectionObserver((seen) => this.#seen(seen), { rootMargin: AROUND });
    this.sight.observe(box);
  }

  /** `what` has series, styles (by window), span ([from, to]), now, forecasts and marks. */
  update(what) {
    this.what = what;
    this.isBehind = true;
    if (this.isNear) this.#draw();
    else drawLater(this);
  }

  /** Draw now what was left for later. */
  catchUp() {
    if (this.isBehind) this.#draw();
  }

  /** Draw again, for the colours have changed, or the room on paper. */
  redraw() {
    this.#fit();
    this.plot?.redraw(false);
  }

  /** Put the crosshair on a reading. */
  point(index) {
    this.catchUp();
    const left = this.plot.valToPos(this.what.series.times[index], "x");
    this.plot.setCursor({ left, top: this.plot.over.clientHeight / 2 }, true, true);
  }

  end() {
    this.sizes.disconnect();
    this.sight.disconnect();
    waiting.delete(this);
    this.plot?.destroy();
  }

  /** What is in sight, or nearly, is drawn at once: there may be a hundred charts. */
  #seen(entries) {
    this.isNear = entries.at(-1).isIntersecting;
    if (this.isNear) this.catchUp();
  }

  #draw() {
    this.isBehind = false;
    waiting.delete(this);
    const names = [...this.what.series.lines.keys()].join("\n");
    if (names !== this.names) this.#rebuild();
    else this.#redraw();
    this.names = names;
  }

  #rebuild() {
    this.plot?.destroy();
    this.plot = new this.library(this.#options(), this.#data(), this.box);
    this.#listenToFingers();
  }

  #redraw() {
    const [min, max] = this.what.span;
    this.plot.batch(() => {
      this.plot.setData(this.#data(), false);
      this.plot.setScale("x", { min, max });
    });
  }

  #data() {
    const { times, lines } = this.what.series;
    return [times, ...lines.values()];
  }

  #fit() {
    const width = this.box.clientWidth;
    if (this.plot && width && width !== this.plot.width)
      this.plot.setSize({ width, height: HEIGHT });
  }

  #options() {
    return {
      width: Math.max(this.box.clientWidth, 200),
      height: HEIGHT,
      ms: 1,
      padding: [16, 24, 0, 0], // on the right there is room for half of a label
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false },
        sync: { key: SYNC, setSeries: false },
        points: { size: 9, width: 2 },
        dataIdx: (plot, _, index) => (this.#isOn(plot, index) ? index : null),
        bind: { dblclick: () => () => this.zoomed(null) },
      },
      scales: { x: { time: true, range: () => this.what.span }, y: { range: [-2, 102] } },
      axes: [xAxis(), yAxis()],
      series: [
        {},
        ...[...this.what.series.lines.keys()].map((name) => line(this.what.styles.get(name))),
      ],
      hooks: {
        drawClear: [(plot) => drawFuture(plot, this.what.now)],
        draw: [
          (plot) => drawForecasts(plot, this.what.forecasts),
          (plot) => drawMarks(plot, this.what.marks),
        ],
        setCursor: [(plot) => this.#moved(plot)],
        setSelect: [(plot) => this.#selected(plot)],
      },
    };
  }

  #moved(plot) {
    const { left, idx } = plot.cursor;
    if (left < 0) this.pointed(null, null);
    else this.pointed(plot.posToVal(left, "x"), this.#isOn(plot, idx) ? idx : null);
  }

  /** Return whether the crosshair is on the line at this reading, the nearest, and in no gap. */
  #isOn(plot, index) {
    const { times } = this.what.series;
    const { left } = plot.cursor;
    if (index === null || !isReading(plot, index)) return false;
    if (Math.abs(plot.valToPos(times[index], "x") - left) <= NEAR) return true;
    return isReading(plot, plot.posToVal(left, "x") < times[index] ? index - 1 : index + 1);
  }

  /** The other charts go along with a drag, without an event of their own. */
  #selected(plot) {
    const { left, width } = plot.select;
    if (plot.cursor.event && width >= LEAST_DRAG)
      this.zoomed([plot.posToVal(left, "x"), plot.posToVal(left + width, "x")]);
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  }

  /** A finger moves the crosshair as a mouse does; up and down it still scrolls the page. */
  #listenToFingers() {
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

const waiting = new Set();
let timer = null;

/** Draw a chart out of sight in its turn: a capture of the whole page shows it, too. */
function drawLater(chart) {
  waiting.add(chart);
  timer ??= setTimeout(drawNext, PAUSE_MS);
}

function drawNext() {
  const [chart] = waiting;
  chart?.catchUp();
  timer = waiting.size ? setTimeout(drawNext, PAUSE_MS) : null;
}

function isReading(plot, index) {
  return plot.data.slice(1).some((percents) => (percents[index] ?? null) !== null);
}

function line(style) {
  const { width, dash } = lineStyle(style);
  return {
    stroke: () => colour(`series-${style}`),
    width,
    dash,
    cap: dash.length ? "butt" : "round",
    points: {
      show: true,
      size: 6,
      fill: () => colour(`series-${style}`),
      filter: (plot, index) => loneReadings(plot.data[index]),
    },
  };
}

function xAxis() {
  return {
    ...axis(),
    size: (_, labels) => (labels?.some((label) => label.includes("\n")) ? 42 : 28),
    space: 64,
    values: (_, splits) => ticks(splits, now()),
  };
}

function yAxis() {
  return {
    ...axis(),
    size: 48,
    splits: () => [0, 25, 50, 75, 100],
    values: (_, splits) => splits.map((percent) => `${percent}%`),
  };
}

function axis() {
  return {
    font: "12px system-ui, sans-serif",
    stroke: () => colour("ink-soft"),
    grid: { stroke: () => colour("grid"), width: 1 },
    ticks: { show: false },
  };
}
