// The values of many lines at the crosshair, highest first, in as many columns as fit.

import { el } from "./dom.js";
import { formatPercent } from "./legend.js";
import { drawSwatch } from "./styles.js";

const GAP = 14; // px between the crosshair and the box
const COLUMN = 216; // px
const ROW = 19;
const FEW = 6; // rows where the box covers the chart

export class Tooltip {
  /** It is shown within `parent`. */
  constructor(parent) {
    this.parent = parent;
    this.element = el("div", { class: "tooltip", "aria-hidden": "true", hidden: true });
  }

  hide() {
    this.element.hidden = true;
  }

  /** `rows` are sorted and have title, style, percent and isPointed; `left` is the crosshair, in px. */
  show(time, rows, left) {
    const { clientWidth, clientHeight } = this.parent;
    const most = Math.max(1, Math.floor((clientWidth - 2 * GAP) / COLUMN));
    const perColumn = most === 1 ? FEW : Math.max(1, Math.floor((clientHeight - 64) / ROW));
    const shown = chooseRows(rows, perColumn * most);
    const columns = Math.ceil(shown.length / perColumn);
    this.element.hidden = false;
    this.element.style.setProperty("--columns", columns);
    this.element.replaceChildren(
      el("p", { class: "tooltip-time" }, time),
      el("ul", {}, ...shown.map(buildRow)),
      el("p", {}, shown.length < rows.length ? `and ${rows.length - shown.length} more` : ""),
    );
    this.#place(left);
  }

  #place(left) {
    const { offsetWidth } = this.element;
    const isRight = left + GAP + offsetWidth <= this.parent.clientWidth;
    const place = isRight ? left + GAP : Math.max(0, left - GAP - offsetWidth);
    this.element.style.setProperty("transform", `translateX(${place}px)`);
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
