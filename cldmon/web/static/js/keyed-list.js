// A list of parts, one per item. A part lives as long as its item and keeps focus and state.

import { setChildren } from "./dom.js";

export class KeyedList {
  /**
   * `make(key)` returns a part: an object with an `element` and `update(item)`. The elements
   * `fixed` stay in front of the parts.
   */
  constructor(parent, make, ...fixed) {
    this.parent = parent;
    this.make = make;
    this.fixed = fixed;
    this.parts = new Map();
  }

  /** Show these items, given as pairs of a key and the value to update its part with. */
  update(items) {
    const shown = new Map(items.map(([key]) => [key, this.parts.get(key) ?? this.make(key)]));
    for (const [key, part] of this.parts) if (!shown.has(key)) part.destroy?.();
    this.parts = shown;
    this.parent.style.setProperty("--count", shown.size);
    const elements = [...shown.values()].map((part) => part.element);
    setChildren(this.parent, [...this.fixed, ...elements]);
    for (const [key, item] of items) shown.get(key).update(item);
  }
}
