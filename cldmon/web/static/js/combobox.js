// A text field that completes names: the combobox of the ARIA practices, with a list below it.

import { el, setAttribute, setChildren } from "./dom.js";

const PAUSE_MS = 150; // a search starts after such a pause in typing

export class Combobox {
  /**
   * `search(text, signal)` resolves to items, `render(item)` returns what an option shows, and
   * `getName(item)` the text that stays in the field; `onError(error)` is called if a search fails.
   */
  constructor(input, list, { search, render, getName, onError }) {
    Object.assign(this, { input, list, search, render, getName, onError });
    this.items = [];
    this.active = -1;
    this.chosen = null;
    this.#setRoles();
    input.addEventListener("input", () => this.#onInput());
    input.addEventListener("keydown", (event) => this.#onKeyDown(event));
    input.addEventListener("blur", () => this.close());
  }

  /**
   * Return the chosen item, or the only match for the text, or null. If `isOutdated` is then true,
   * the search has failed.
   */
  async resolveChoice() {
    if (this.chosen === null && this.isOutdated) await this.#runSearch();
    return this.chosen ?? (this.items.length === 1 ? this.items[0] : null);
  }

  /** Clear the text and the choice. */
  clear() {
    this.input.value = "";
    this.#choose(null);
  }

  close() {
    clearTimeout(this.timer);
    this.running?.abort();
    this.#show(false);
  }

  #setRoles() {
    setAttribute(this.input, "role", "combobox");
    setAttribute(this.input, "aria-autocomplete", "list");
    setAttribute(this.input, "aria-controls", this.list.id);
    setAttribute(this.list, "role", "listbox");
    this.#show(false);
  }

  #onInput() {
    this.chosen = null;
    this.isOutdated = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#runSearch(), PAUSE_MS);
  }

  async #runSearch() {
    clearTimeout(this.timer);
    this.running?.abort();
    const running = (this.running = new AbortController());
    try {
      const items = await this.search(this.input.value.trim(), running.signal);
      if (!running.signal.aborted) this.#showOptions(items);
    } catch (error) {
      if (running.signal.aborted) return;
      this.#showOptions([]);
      this.isOutdated = true;
      this.onError(error);
    }
  }

  #showOptions(items) {
    this.items = items;
    this.isOutdated = false;
    setChildren(
      this.list,
      items.map((item, index) => this.#buildOption(item, index)),
    );
    this.#activate(-1);
    this.#show(items.length > 0 && document.activeElement === this.input);
  }

  #buildOption(item, index) {
    return el(
      "li",
      {
        role: "option",
        id: `${this.list.id}-${index}`,
        "aria-selected": "false",
        onpointerdown: (event) => {
          event.preventDefault(); // the field keeps the focus
          this.#choose(item);
        },
      },
      ...this.render(item),
    );
  }

  #onKeyDown(event) {
    const act = KEYS[event.key];
    if (act && act(this, this.list.hidden)) event.preventDefault();
  }

  step(by) {
    if (this.list.hidden) {
      if (this.isOutdated) this.#runSearch();
      else this.#show(this.items.length > 0);
    }
    const count = this.items.length;
    if (count)
      this.#activate((this.active + by + count + (this.active < 0 && by < 0 ? 1 : 0)) % count);
    return true;
  }

  /** An outdated list does not match the text, so nothing is chosen from it. */
  chooseActive() {
    if (this.isOutdated || this.list.hidden || this.active < 0) return false;
    this.#choose(this.items[this.active]);
    return true;
  }

  #activate(index) {
    this.active = index;
    [...this.list.children].forEach((option, n) => {
      setAttribute(option, "aria-selected", String(n === index));
      if (n === index) option.scrollIntoView({ block: "nearest" });
    });
    setAttribute(
      this.input,
      "aria-activedescendant",
      index < 0 ? null : `${this.list.id}-${index}`,
    );
  }

  #choose(item) {
    this.chosen = item;
    this.isOutdated = item === null;
    if (item) this.input.value = this.getName(item);
    this.close();
  }

  #show(shown) {
    this.list.hidden = !shown;
    setAttribute(this.input, "aria-expanded", String(shown));
    if (!shown) this.#activate(-1);
  }
}

/** Key handlers; each returns whether it did something. */
const KEYS = {
  ArrowDown: (box) => box.step(1),
  ArrowUp: (box) => box.step(-1),
  Enter: (box) => box.chooseActive(),
  Tab: (box) => box.chooseActive() && false, // chooses, and moves on
  Escape: (box, isHidden) => (isHidden ? box.clear() : box.close()) ?? true,
};
