// An account's row in the table and, while it is open, its card below.

import { el, setAttribute, setChildren, setText } from "./dom.js";
import { CONDITIONS, describeCondition } from "./messages.js";
import { showPercent } from "./meter.js";
import { formatClock, formatDuration, formatFull } from "./time.js";
import { findFullest, findNextReset } from "./usage.js";
import { WindowCell } from "./window-cell.js";

const UNKNOWN = { percent: null, level: null };

export class AccountRow {
  /** `buildCard(label)` returns a part that shows the account in full. */
  constructor(label, buildCard) {
    this.buildCard = () => buildCard(label);
    const id = `account-row-${AccountRow.count++}`;
    this.button = el(
      "button",
      {
        type: "button",
        "aria-expanded": "false",
        "aria-controls": id,
        onclick: () => this.#toggle(),
      },
      el("bdi", {}, label),
    );
    this.name = el("th", { scope: "row", role: "rowheader", class: "account-name" }, this.button);
    this.plan = buildCell("account-plan");
    const mark = el("span", { class: "mark", "aria-hidden": "true" });
    const percent = el("span", { class: "percent" });
    const reading = el("span", { class: "reading" }, mark, percent);
    this.use = { element: buildCell("account-use", reading), mark, percent };
    this.windows = new Map();
    this.at = el("time", { class: "at" });
    this.left = el("span", { class: "left" });
    this.reset = buildCell("account-reset", this.at, " ", this.left);
    this.condition = el("span", { class: "condition" });
    this.about = el("span", { class: "about" });
    this.state = buildCell("account-state", this.condition, " ", this.about);
    this.row = el("tr", { role: "row", class: "account-row" });
    this.inside = buildCell("");
    this.detail = el("tr", { role: "row", class: "account-detail", id, hidden: true }, this.inside);
    this.element = el("tbody", { role: "rowgroup" }, this.row, this.detail);
  }

  /** `item` is what a card shows, and the names of the `columns` with a window. */
  update(item) {
    this.item = item;
    const { view, reachable, now, columns } = item;
    const live = view.state === "live" && reachable;
    setAttribute(this.element, "data-live", String(live));
    setAttribute(this.element, "data-condition", view.condition);
    setText(this.plan, view.plan ?? "");
    showPercent(this.use, findFullest(view) ?? UNKNOWN, live);
    this.#showReset(findNextReset(view), now);
    const { word, mark } = CONDITIONS[view.condition];
    setText(this.condition, `${mark} ${word}`.trim());
    setText(this.about, describeCondition(view, now));
    this.#showWindows(view, columns, live, now);
    this.card?.update(item);
  }

  #showReset(at, now) {
    setText(this.at, at === null ? "–" : formatClock(at, now));
    setText(this.left, at === null ? "" : `in ${formatDuration(at - now)}`);
    setAttribute(this.at, "title", at === null ? null : formatFull(at));
  }

  #showWindows({ windows }, columns, live, now) {
    const cells = columns.map((name) => {
      if (!this.windows.has(name)) this.windows.set(name, new WindowCell());
      const cell = this.windows.get(name);
      const window = windows.find((each) => each.name === name) ?? null;
      cell.update({ window, live, now });
      return cell.element;
    });
    const front = [this.name, this.plan, this.use.element];
    setChildren(this.row, [...front, ...cells, this.reset, this.state]);
    setAttribute(this.inside, "colspan", this.row.children.length);
  }

  #toggle() {
    const isOpen = this.card !== undefined;
    this.card = isOpen ? undefined : this.buildCard();
    this.detail.hidden = isOpen;
    setAttribute(this.button, "aria-expanded", String(!isOpen));
    this.inside.replaceChildren(...(isOpen ? [] : [this.card.element]));
    this.card?.update(this.item);
  }
}
AccountRow.count = 0;

function buildCell(name, ...children) {
  return el("td", { role: "cell", class: name }, ...children);
}
