// The history of all accounts: one range, one zoom and one crosshair for all the charts.

import { PolledResource } from "./api.js";
import { now } from "./clock.js";
import { el, setAttribute, setText } from "./dom.js";
import { KeyedList } from "./keyed-list.js";
import { loadChartLibrary } from "./library.js";
import { WindowNames } from "./names.js";
import { Panel } from "./panel.js";
import { RANGES, getSelectedRange, storeRange } from "./range.js";
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
    this.zoom = null;
    this.title = el("h2", { id: "history-title" }, "History");
    this.buttons = new Map(RANGES.map((range) => [range.name, this.#buildButton(range)]));
    this.unzoom = el(
      "button",
      { type: "button", class: "quiet", hidden: true, onclick: () => this.#zoomTo(null) },
      "Reset zoom",
    );
    this.key = buildKey();
    this.missing = el(
      "p",
      { class: "note", hidden: true },
      "The chart library isn't installed; showing tables instead.",
    );
    this.problem = el("p", { class: "problem", role: "status", hidden: true });
    const box = el("div", { class: "panels" });
    this.panels = new KeyedList(box, (label) => new Panel(label, (span) => this.#zoomTo(span)));
    section.replaceChildren(
      el(
        "header",
        { class: "history-head" },
        this.title,
        this.unzoom,
        el(
          "div",
          { class: "ranges", role: "group", "aria-label": "Range" },
          ...this.buttons.values(),
        ),
      ),
      this.key,
      this.missing,
      this.problem,
      box,
    );
    addEventListener("hashchange", () => this.#switchTo(getSelectedRange(this.range)));
    addEventListener("beforeprint", () => this.#eachPanel((panel) => panel.drawIfNeeded()));
    for (const query of REDRAW_QUERIES)
      matchMedia(query).addEventListener("change", () =>
        this.#eachPanel((panel) => panel.redraw()),
      );
  }

  /** Show the history up to the server's last response. */
  update(usage) {
    const isNew = usage.fetchedAt !== this.usage?.fetchedAt;
    this.usage = usage;
    this.names = new WindowNames(usage);
    this.section.hidden = usage.accounts.length === 0;
    this.section.style.setProperty("--count", usage.accounts.length);
    if (isNew || !this.series) this.#load();
    else this.#show();
  }

  /** Move the time axis on, and retry after an error. */
  tick(at) {
    if (this.failedAt && !document.hidden && at - this.failedAt >= RETRY_MS) this.#load();
    if (this.series && !this.zoom && at - this.shownAt >= MINUTE) this.#show();
  }

  close() {
    this.usage = this.series = this.resource = this.zoom = null;
    this.panels.update([]);
  }

  #buildButton({ name, title }) {
    return el("button", { type: "button", title, onclick: () => this.#choose(name) }, name);
  }

  #choose(name) {
    storeRange(name);
    this.#switchTo(getSelectedRange());
  }

  #switchTo(range) {
    if (range === this.range) return;
    this.range = range;
    this.zoom = null;
    this.resource = null;
    this.#showButtons();
    if (this.usage) this.#load();
  }

  async #load() {
    const { name } = this.range;
    this.failedAt = null;
    this.resource ??= new PolledResource(`api/history?range=${name}&points=${POINTS}`);
    this.#showButtons();
    try {
      const [library, entries] = await Promise.all([loadChartLibrary(), this.resource.poll()]);
      if (name !== this.range.name || !this.usage) return;
      this.library = library;
      if (entries || !this.series) this.series = buildSeries(entries ?? [], this.names);
      this.#showProblem("");
    } catch (error) {
      if (name !== this.range.name || !this.usage) return;
      this.failedAt = now();
      this.#showProblem(`Can't show the history: ${error.message}`);
    }
    if (this.series) this.#show();
  }

  #show() {
    const at = now();
    this.shownAt = at;
    const views = this.usage.accounts.map((account) => viewAccount(account, at));
    const range = [at - this.range.ms, at];
    const span = this.zoom ?? [range[0], at + this.#computeAhead(views, at)];
    const shared = { library: this.library, names: this.names, span, range, now: at };
    this.panels.update(
      views.map((view) => [
        view.label,
        { view, series: this.series.get(view.label) ?? NO_SERIES, ...shared },
      ]),
    );
    this.unzoom.hidden = this.zoom === null;
    this.key.hidden = !this.library;
    this.missing.hidden = Boolean(this.library);
  }

  /** Return how much of the future is shown, in ms. */
  #computeAhead(views, at) {
    const resets = views.flatMap(({ windows, state }) =>
      windows
        .filter(({ forecast }) => forecast && state === "live")
        .map(({ resetsAt }) => resetsAt - at),
    );
    const wanted = Math.max(0, ...resets) * 1.02;
    return Math.max(this.range.ms * LEAST_AHEAD, Math.min(wanted, this.range.ms * MOST_AHEAD));
  }

  #zoomTo(span) {
    const at = now();
    const whole = [at - this.range.ms, at + this.range.ms * MOST_AHEAD];
    const wanted = span && [Math.max(span[0], whole[0]), Math.min(span[1], whole[1])];
    if (wanted && wanted[1] - wanted[0] < LEAST_SPAN_MS) return;
    const isAll = !wanted || (wanted[0] <= whole[0] && wanted[1] >= whole[1]);
    this.zoom = isAll ? null : wanted;
    this.#show();
  }

  #showButtons() {
    for (const [name, button] of this.buttons)
      setAttribute(button, "aria-pressed", String(name === this.range.name));
  }

  #showProblem(message) {
    setText(this.problem, message);
    this.problem.hidden = message === "";
  }

  #eachPanel(act) {
    for (const panel of this.panels.parts.values()) act(panel);
  }
}

/** Return the key to the marks in the charts. */
function buildKey() {
  return el(
    "p",
    { class: "key" },
    el("span", { class: "key-hit" }, "limit hit"),
    el("span", { class: "key-reset" }, "reset"),
    el("span", { class: "key-forecast" }, "forecast"),
    el(
      "span",
      { class: "key-hint" },
      "Drag to zoom, double-click to reset. Keyboard: arrow keys, +, −, Esc.",
    ),
  );
}
