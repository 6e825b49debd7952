// The values of many lines at the crosshair, highest first, in as many columns as fit.

import { el } from "./dom.js";
import { formatPercent } from "./legend.js";
import { drawSwatch } from "./styles.js";

const GAP = 14; // px between the crosshair and the box
const COLUMN = 216; // px
const ROW = 19;
const FEW = 6; // rows where the box covers the chart

export class Tooltip {
  /** `height` is that of the chart, in px. */
  constructor(height) {
    this.rowsPerColumn = Math.floor((height - 64) / ROW);
    this.element = el("div", { class: "tooltip", "aria-hidden": "true", hidden: true });
  }

  hide() {
    this.element.hidden = true;
  }

  /**
   * `rows` are sorted and have title, style, percent and isPointed; the crosshair is at `left` in a
   * chart of this `width`. It is not measured, which would lay out the page at every move.
   */
  show(time, rows, { left, width }) {
    const isRight = left < width / 2;
    const most = Math.floor(((isRight ? width - left : left) - GAP) / COLUMN);
    const perColumn = most > 0 ? this.rowsPerColumn : FEW;
    const shown = chooseRows(rows, perColumn * Math.max(1, most));
    const columns = Math.ceil(shown.length / perColumn);
    const place = isRight ? left + GAP : left - GAP - columns * COLUMN;
    const furthest = width - columns * COLUMN;
    this.element.hidden = false;
    this.element.style.setProperty("--columns", columns);
    this.element.style.setProperty("width", `${columns * COLUMN}px`);
    this.element.style.setProperty(
      "transform",
      `translateX(${Math.max(0, Math.min(place, furthest))}px)`,
    );
    this.element.replaceChildren(
      el("p", { class: "tooltip-time" }, time),
      el("ul", {}, ...shown.map(buildRow)),
      el("p", {}, shown.length < rows.length ? `and ${rows.length - shown.length} more` : ""),
    );
  }
}

/** Return the first rows, and the one that is pointed at. */
function chooseRows(rows, most) {
  if (rows.length <= most) return rows;
  const pointed = rows.findIndex(({ isPointed }) => isPointed);
  if (pointed < most) return rows.slice(0, most);
  return [...rows.slice(0, most - 1), rows[pointed]];
}

function buildRow({ title, style, percent, isPointed }) {
  return el(
    "li",
    { "data-pointed": isPointed },
    drawSwatch(style),
    el("bdi", { class: "series-name" }, title),
    el("span", { class: "value" }, formatPercent(percent)),
  );
}
