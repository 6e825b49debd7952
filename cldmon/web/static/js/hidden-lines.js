// Which lines of a chart are hidden: by default, or as chosen. Choices are kept in the browser.

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
    try {
      if (this.choices.size) localStorage.setItem(this.key, JSON.stringify([...this.choices]));
      else localStorage.removeItem(this.key);
    } catch {
      // Without storage, the choice lasts as long as the page.
    }
  }
}

function readChoices(key) {
  try {
    const stored = JSON.parse(localStorage.getItem(key));
    return stored.filter(([name, hidden]) => typeof name === "string" && hidden === !!hidden);
  } catch {
    return [];
  }
}
