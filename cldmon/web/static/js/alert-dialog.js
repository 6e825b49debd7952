// All alert settings of one account, and the person's quiet hours, in a dialog above the page.

import { el, setText } from "./dom.js";
import { ALERTS, describeSwitch } from "./messages.js";
import { QuietHours } from "./quiet-hours.js";
import { Switch } from "./switch.js";
import { Thresholds } from "./thresholds.js";
import { WindowChoice } from "./window-choice.js";

export class AlertDialog {
  /**
   * `onChange(label, value, message)` changes a setting of an account, and
   * `onChangeQuiet(label, quiet, message)` the quiet hours.
   */
  constructor({ onChange, onChangeQuiet }) {
    const change = (value, message) => onChange(this.label, value, message);
    this.title = el("h2", { id: "alert-dialog-title", tabindex: "-1", autofocus: true });
    this.problem = el("p", { class: "problem" });
    this.switches = new Map(
      Object.keys(ALERTS).map((key) => [
        key,
        this.#buildSwitch(key, (on) => change({ [key]: on }, describeSwitch(key, this.label, on))),
      ]),
    );
    this.thresholds = new Thresholds((thresholds, message) => change({ thresholds }, message));
    this.windows = new WindowChoice((windows, message) => change({ windows }, message));
    this.quiet = new QuietHours((quiet, message) => onChangeQuiet(this.label, quiet, message));
    this.element = el(
      "dialog",
      {
        class: "alert-dialog",
        "aria-labelledby": this.title.id,
        onclick: ({ target }) => target === this.element && this.element.close(), // the backdrop
      },
      this.#buildContent(),
    );
    document.body.append(this.element);
  }

  get isOpen() {
    return this.element.open;
  }

  /** Open the settings of one account; `update` has to follow. */
  open(label) {
    this.label = label;
    setText(this.title, `Alerts for ${label}`);
    for (const part of [this.thresholds, this.windows, this.quiet]) part.reset();
    this.element.showModal();
  }

  /** `listed` has the names and titles of the account's windows. */
  update({ subscription, quiet, problem, listed }) {
    for (const [key, each] of this.switches) each.update(subscription[key]);
    this.thresholds.update(subscription.thresholds);
    this.windows.update({ windows: subscription.windows, listed });
    this.quiet.update(quiet);
    setText(this.problem, problem);
  }

  close() {
    this.element.close();
  }

  #buildSwitch(key, onToggle) {
    const { title, note } = ALERTS[key];
    const id = `alert-note-${key}`;
    const content = el(
      "span",
      {},
      el("span", { class: "switch-title" }, title),
      note && el("span", { class: "note", id }, note),
    );
    return new Switch(content, onToggle, {
      "data-key": key,
      "aria-label": title,
      "aria-describedby": note && id,
    });
  }

  #buildContent() {
    return el(
      "div",
      { class: "alert-settings" },
      el(
        "div",
        { class: "alert-head" },
        this.title,
        el("button", { type: "button", class: "quiet", onclick: () => this.close() }, "Done"),
        this.problem,
      ),
      el(
        "div",
        { class: "setting", role: "group", "aria-labelledby": "events-title" },
        el("h3", { id: "events-title" }, "Send me a Slack message"),
        ...[...this.switches.values()].map(({ element }) => element),
      ),
      this.thresholds.element,
      this.windows.element,
      this.quiet.element,
      el("p", { class: "unseen announcer", role: "status" }),
    );
  }
}
