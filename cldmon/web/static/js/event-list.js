// The events of an account below its chart: the latest few, and all of them on demand.

import { describeEvent, KINDS } from "./events.js";
import { el, setAttribute, setText } from "./dom.js";
import { formatClock, formatFull } from "./time.js";

const FEW = 3;

export class EventList {
  constructor(id, label) {
    this.isOpen = false;
    this.list = el("ol", {
      class: "event-list",
      id,
      role: "list",
      "aria-label": `Events of ${label}`,
    });
    this.button = el("button", {
      type: "button",
      class: "quiet",
      "aria-controls": id,
      onclick: () => {
        this.isOpen = !this.isOpen;
        this.#show();
      },
    });
    this.element = el("div", { class: "events" }, this.list, this.button);
  }

  /** `events` are oldest first; `names` are WindowNames. */
  update({ events, names, now }) {
    const entries = events.map((event) => ({
      ...KINDS[event.kind],
      ms: event.at,
      at: formatClock(event.at, now),
      text: describeEvent(event, names),
    }));
    const shown = JSON.stringify(entries);
    if (shown === this.shown) return;
    this.shown = shown;
    this.entries = entries.reverse();
    this.#show();
  }

  #show() {
    const { entries } = this;
    this.element.hidden = entries.length === 0;
    this.list.replaceChildren(...entries.slice(0, this.isOpen ? undefined : FEW).map(buildEntry));
    this.button.hidden = entries.length <= FEW;
    setAttribute(this.button, "aria-expanded", String(this.isOpen));
    setText(this.button, this.isOpen ? "Show fewer events" : `Show all ${entries.length} events`);
  }
}

function buildEntry({ mark, style, ms, at, text }) {
  return el(
    "li",
    {},
    el("span", { class: `mark mark-${style}`, "aria-hidden": "true" }, mark),
    el("time", { datetime: new Date(ms).toISOString(), title: formatFull(ms) }, at),
    el("span", {}, text),
  );
}
