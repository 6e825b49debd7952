// The accounts: as cards, or many of them as a table, and what is above them: filter and switch.

import { AccountTable } from "./account-table.js";
import { byId, el, setText } from "./dom.js";
import { Filter } from "./filter.js";
import { KeyedList } from "./keyed-list.js";
import { getStored, store } from "./storage.js";

const MOST_CARDS = 12; // unless chosen otherwise
const KEY = "cldmon-view";

export class AccountList {
  /** `buildCard(label)` returns a part that shows an account in full. */
  constructor(buildCard) {
    this.tools = byId("account-tools");
    this.empty = byId("empty");
    this.cards = new KeyedList(byId("cards"), buildCard);
    this.table = new AccountTable(byId("accounts"), buildCard);
    this.filter = new Filter(() => this.#show());
    this.switch = el("button", {
      type: "button",
      class: "quiet",
      onclick: () => this.#switchView(),
    });
    this.tools.replaceChildren(this.filter.element, this.switch);
    this.view = getStored(KEY);
  }

  /**
   * Show these accounts, given as pairs of a label and what its card shows. `names` are
   * WindowNames; `emptiness` says why there are no accounts.
   */
  update({ items, names, emptiness }) {
    Object.assign(this, { items, names, emptiness });
    this.#show();
  }

  clear() {
    this.cards.update([]);
    this.table.clear();
    this.filter.clear();
  }

  #show() {
    const { items } = this;
    const views = items.map(([, { view }]) => view);
    const isMany = items.length > MOST_CARDS;
    this.isTable = items.length > 1 && (this.view ? this.view === "table" : isMany);
    this.tools.hidden = items.length < 2;
    setText(this.switch, this.isTable ? "Show cards" : "Show table");
    this.filter.update(views, this.isTable || isMany);
    const shown = items.filter(([, { view }]) => this.filter.matches(view));
    if (this.isTable) this.table.update(shown, views, this.names);
    else this.table.clear();
    this.cards.update(this.isTable ? [] : shown);
    this.empty.hidden = shown.length > 0;
    setText(this.empty, items.length ? "No account matches." : this.emptiness);
  }

  #switchView() {
    this.view = this.isTable ? "cards" : "table";
    store(KEY, this.view);
    this.#show();
  }
}
