// Many accounts as a table, one row for each; the buttons in its header sort it.

import { AccountRow } from "./account-row.js";
import { el, setAttribute, setText } from "./dom.js";
import { KeyedList } from "./keyed-list.js";
import { WINDOW, chooseSorting, sortAccounts } from "./sorting.js";

export class AccountTable {
  /** `buildCard(label)` returns a part that shows an account in full, below its row. */
  constructor(parent, buildCard) {
    this.parent = parent;
    this.sorting = null;
    // Its parts are laid out as grids; with explicit roles they remain a table.
    this.head = el("tr", { role: "row" });
    this.columns = new KeyedList(this.head, (key) => new ColumnHead(key, () => this.#sortBy(key)));
    const head = el("thead", { role: "rowgroup" }, this.head);
    this.table = el("table", { role: "table", "aria-labelledby": "accounts-title" });
    this.rows = new KeyedList(this.table, (label) => new AccountRow(label, buildCard), head);
    parent.replaceChildren(this.table);
    this.clear();
  }

  /** Show these accounts; the columns are the windows of `all`, so that filtering keeps them. */
  update(items, all, names) {
    Object.assign(this, { items, all, names });
    this.parent.hidden = items.length === 0;
    this.#show();
  }

  clear() {
    this.parent.hidden = true;
    this.rows.update([]);
  }

  #show() {
    const found = new Set(this.all.flatMap(({ windows }) => windows.map(({ name }) => name)));
    const windows = this.names.sort(found);
    this.table.style.setProperty("--windows", windows.length);
    const heads = [
      ["name", { text: "Account" }],
      ["plan", { text: "Plan" }],
      ["use", { text: "Use", title: "The highest percentage of the account" }],
      ...windows.map((name) => [
        WINDOW + name,
        { text: this.names.short(name), title: this.names.title(name) },
      ]),
      ["reset", { text: "Resets", title: "The next reset; at a limit, when there is room again" }],
      ["state", { text: "State" }],
    ];
    this.columns.update(heads.map(([key, head]) => [key, { ...head, sorting: this.sorting }]));
    this.rows.update(
      sortAccounts(this.items, this.sorting).map(([label, item]) => [
        label,
        { ...item, columns: windows },
      ]),
    );
  }

  #sortBy(key) {
    this.sorting = chooseSorting(key, this.sorting);
    this.#show();
  }
}

class ColumnHead {
  /** `onSort()` is called to sort by this column. */
  constructor(key, onSort) {
    this.key = key;
    this.text = key === "plan" ? el("span") : el("button", { type: "button", onclick: onSort });
    this.element = el("th", { scope: "col", role: "columnheader", "data-key": key }, this.text);
  }

  update({ text, title, sorting }) {
    const direction = sorting?.isDescending ? "descending" : "ascending";
    setAttribute(this.element, "aria-sort", sorting?.key === this.key && direction);
    setText(this.text, text);
    setAttribute(this.text, "title", title);
  }
}
