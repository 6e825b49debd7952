// Which lines of a chart are hidden: by default, or as chosen. Choices are kept in the browser.

import { getStored, store } from "./storage.js";

export class HiddenLines {
  /** `key` names the chart in the browser's storage. */
  constructor(key) {
    this.key = `cldmon.lines.${key}`;
    this.choices = new Map(readChoices(this.key));
  }

  isHidden(name, byDefault = false) {
    return this.choices.get(name) ?? byDefault;
  }

  /** Hide or show a line; a choice that equals the default is forgotten. */
  set(name, isHidden, byDefault = false) {
    if (isHidden === byDefault) this.choices.delete(name);
    else this.choices.set(name, isHidden);
    store(this.key, this.choices.size ? [...this.choices] : null);
  }
}

function readChoices(key) {
  const stored = getStored(key);
  if (!Array.isArray(stored)) return [];
  return stored.filter(([name, hidden]) => typeof name === "string" && hidden === !!hidden);
}
