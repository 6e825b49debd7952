// The history of all accounts: one range, one zoom and one crosshair for all the charts.

import { get, HISTORY_TIMEOUT_MS, PolledResource } from "./api.js";
import { now } from "./clock.js";
import { Compare } from "./compare.js";
import { el, setAttribute, setLine } from "./dom.js";
import { groupEvents } from "./events.js";
import { HistoryControls } from "./history-controls.js";
import { KeyedList } from "./keyed-list.js";
import { loadChartLibrary } from "./library.js";
import { WindowNames } from "./names.js";
import { Panel } from "./panel.js";
import { getComparedWindow, getSelectedRange, storeComparedWindow, storeRange } from "./range.js";
import { buildSeries } from "./series.js";
import { MINUTE, SECOND } from "./time.js";
import { viewAccount } from "./usage.js";

const POINTS = 800; // per account: about as many as a chart has pixels
const MOST_AHEAD = 0.4; // part of the range by which a forecast may extend the axis
const LEAST_AHEAD = 0.02;
const LEAST_SPAN_MS = 5 * MINUTE;
const RETRY_MS = 10 * SECOND;
const REDRAW_QUERIES = ["(prefers-color-scheme: dark)", "(forced-colors: active)", "print"];
const NO_SERIES = { times: [], lines: new Map() };

export class History {
  constructor(section) {
    this.section = section;
    this.range = getSelectedRange();
    this.compared = getComparedWindow();
    this.zoom = null;
    this.controls = new HistoryControls({
      onRange: (name) => this.#choose(name),
      onUnzoom: () => this.#zoomTo(null),
      onCompare: (window) => this.#compare(window),
    });
    this.key = buildKey();
    this.missing = el(
      "p",
      { class: "note", hidden: true },
      "The chart library isn't installed; showing tables instead.",
    );
    this.problem = el("p", { class: "problem", role: "status", hidden: true });
    this.overlay = new Compare((span) => this.#zoomTo(span));
    const panels = el("div", { class: "panels" });
    this.charts = el("div", { class: "charts" }, this.overlay.element, panels);
    this.panels = new KeyedList(panels, (label) => new Panel(label, (span) => this.#zoomTo(span)));
    section.replaceChildren(
      this.controls.element,
      this.key,
      this.missing,
      this.problem,
      this.charts,
    );
    addEventListener("hashchange", () => this.#onHashChange());
    addEventListener("beforeprint", () => this.#eachChart((chart) => chart.drawIfNeeded()));
    for (const query of REDRAW_QUERIES)
      matchMedia(query).addEventListener("change", () =>
        this.#eachChart((chart) => chart.redraw()),
      );
  }

  /** Show the history up to the server's last response. */
  update(usage) {
    const isNew = usage.fetchedAt !== this.usage?.fetchedAt;
    this.usage = usage;
    this.names = new WindowNames(usage);
    this.section.hidden = usage.accounts.length === 0;
    this.section.style.setProperty("--count", usage.accounts.length);
    if (isNew || !this.loaded) this.#load();
    else this.#show();
  }

  /** Scroll to an account's chart, and focus it. */
  goTo(label) {
    this.panels.parts.get(label)?.goTo();
  }

  /** Move the time axis on, and retry after an error. */
  tick(at) {
    if (this.failedAt && !document.hidden && at - this.failedAt >= RETRY_MS) this.#load();
    if (this.loaded && !this.zoom && at - this.shownAt >= MINUTE) this.#show();
  }

  close() {
    this.usage = this.loaded = this.resources = this.zoom = null;
    this.panels.update([]);
    this.overlay.element.hidden = true;
  }

  #choose(name) {
    storeRange(name);
    this.#switchTo(getSelectedRange());
  }

  #compare(window) {
    storeComparedWindow(window);
    this.compared = window;
    this.#show();
  }

  #onHashChange() {
    this.compared = getComparedWindow();
    this.#switchTo(getSelectedRange(this.range));
    if (this.loaded) this.#show();
  }

  #switchTo(range) {
    if (range === this.range) return;
    this.range = range;
    this.resources = null;
    if (this.usage) this.#load();
  }

  /** The charts of the range before stay until the new one has been loaded. */
  async #load() {
    const { range } = this;
    const isCurrent = () => range === this.range && this.usage;
    this.failedAt = null;
    this.resources ??= [
      new PolledResource(`api/history?range=${range.name}&points=${POINTS}`, HISTORY_TIMEOUT_MS),
      new PolledResource(`api/events?range=${range.name}`, HISTORY_TIMEOUT_MS),
    ];
    this.#showProgress({ isLoading: true });
    try {
      const { names } = this;
      const [library, entries, events] = await Promise.all([
        loadChartLibrary(),
        ...this.resources.map((resource) => resource.poll()),
      ]);
      if (!isCurrent()) return;
      this.library = library;
      this.#accept(
        range,
        entries && buildSeries(entries, names),
        events && groupEvents(events, names),
      );
      setLine(this.problem, "");
    } catch (error) {
      if (!isCurrent()) return;
      this.failedAt = now();
      setLine(this.problem, `Can't show the history: ${error.message}`);
    }
    this.#showProgress({ isLoading: false });
    if (this.loaded) this.#show();
  }

  /** Keep what has been loaded; `series` and `events` are null if they are as before. */
  #accept(range, series, events) {
    const before = this.loaded?.range === range ? this.loaded : null;
    if (!before) this.zoom = null;
    this.loaded = {
      range,
      series: series ?? before?.series ?? new Map(),
      events: events ?? before?.events ?? new Map(),
    };
  }

  /** Dim the charts of another range than the chosen one, and show that it is being loaded. */
  #showProgress({ isLoading }) {
    const isOther = this.loaded?.range !== this.range;
    this.controls.showRange(this.range.name, isLoading && isOther ? this.range.name : null);
    setAttribute(this.charts, "data-outdated", String(Boolean(this.loaded) && isOther));
    setAttribute(this.charts, "aria-busy", String(isLoading && isOther));
  }

  #show() {
    const at = now();
    this.shownAt = at;
    const { library, names, loaded } = this;
    const views = this.usage.accounts.map((account) => viewAccount(account, at));
    const range = { ...loaded.range, span: [at - loaded.range.ms, at] };
    const span = this.zoom ?? [range.span[0], at + this.#computeAhead(views, at)];
    const shared = { library, names, span, range, now: at };
    this.panels.update(
      views.map((view) => [
        view.label,
        {
          view,
          series: loaded.series.get(view.label) ?? NO_SERIES,
          events: loaded.events.get(view.label) ?? [],
          load: () => this.#loadReadings(view.label),
          ...shared,
        },
      ]),
    );
    this.#showCompared(
      views.map(({ label }) => label),
      shared,
    );
    this.controls.unzoom.hidden = this.zoom === null;
    this.key.hidden = !library;
    this.missing.hidden = Boolean(library);
  }

  #showCompared(labels, shared) {
    const { library, names } = this;
    const { series } = this.loaded;
    const all = labels.flatMap((label) => [...(series.get(label)?.lines.keys() ?? [])]);
    const several = new Set(all.filter((name, n) => all.indexOf(name) !== n));
    // A link may name anything: show only known windows.
    const isWindow = names.isKnown(this.compared) || all.includes(this.compared);
    const compared = isWindow ? this.compared : null;
    if (isWindow) several.add(compared);
    this.controls.showWindows(library ? names.sort(several) : [], compared, names);
    this.overlay.update({ window: compared, series, labels, ...shared });
  }

  /** Return all readings of an account in the range that is shown. */
  async #loadReadings(label) {
    const { range } = this.loaded;
    const path = `api/history?range=${range.name}&account=${encodeURIComponent(label)}`;
    const entries = await get(path, { timeout: HISTORY_TIMEOUT_MS });
    return buildSeries(entries, this.names).get(label) ?? NO_SERIES;
  }

  /** Return how much of the future is shown, in ms. */
  #computeAhead(views, at) {
    const resets = views.flatMap(({ windows, state }) =>
      windows
        .filter(({ forecast }) => forecast && state === "live")
        .map(({ resetsAt }) => resetsAt - at),
    );
    const { ms } = this.loaded.range;
    const wanted = Math.max(0, ...resets) * 1.02;
    return Math.max(ms * LEAST_AHEAD, Math.min(wanted, ms * MOST_AHEAD));
  }

  #zoomTo(span) {
    const at = now();
    const { ms } = this.loaded.range;
    const whole = [at - ms, at + ms * MOST_AHEAD];
    const wanted = span && [Math.max(span[0], whole[0]), Math.min(span[1], whole[1])];
    if (wanted && wanted[1] - wanted[0] < LEAST_SPAN_MS) return;
    const isAll = !wanted || (wanted[0] <= whole[0] && wanted[1] >= whole[1]);
    this.zoom = isAll ? null : wanted;
    this.#show();
  }

  #eachChart(act) {
    for (const chart of [this.overlay, ...this.panels.parts.values()]) act(chart);
  }
}

/** Return the key to the marks in the charts. */
function buildKey() {
  return el(
    "p",
    { class: "key" },
    el("span", { class: "key-hit" }, "limit hit"),
    el("span", { class: "key-reset" }, "reset"),
    el("span", { class: "key-changed" }, "limit changed"),
    el("span", { class: "key-failed" }, "error"),
    el("span", { class: "key-forecast" }, "forecast"),
    el(
      "span",
      { class: "key-hint" },
      "Drag to zoom, double-click to reset. Keyboard: arrow keys, +, −, Esc.",
    ),
  );
}
