// A switch. It shows what it is told, and asks its owner for the opposite when it is pressed.

import { el, setAttribute } from "./dom.js";

export class Switch {
  /** `onToggle(on)` is called with what is wanted; `attributes` are those of the button. */
  constructor(content, onToggle, attributes = {}) {
    this.on = false;
    this.element = el(
      "button",
      {
        type: "button",
        class: "switch",
        role: "switch",
        "aria-checked": "false",
        onclick: () => onToggle(!this.on),
        ...attributes,
      },
      el("span", { class: "track", "aria-hidden": "true" }, el("span", { class: "thumb" })),
      content,
    );
  }

  update(on, isDisabled = false) {
    this.on = on;
    this.element.disabled = isDisabled;
    setAttribute(this.element, "aria-checked", String(on));
  }
}
