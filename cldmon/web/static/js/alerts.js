// The two alert switches of an account. A switch moves at once, and back if saving fails.

import { announce } from "./announce.js";
import { post } from "./api.js";
import { el, setAttribute, setText } from "./dom.js";
import { toSentence } from "./messages.js";

const KINDS = [
  { key: "limitHit", name: "Hit", about: "Slack message when a limit is hit", event: "limit hit" },
  { key: "reset", name: "Reset", about: "Slack message when a limit resets", event: "reset" },
];

export class Alerts {
  /** `onSave(label, subscription)` is called when the server has accepted a change. */
  constructor(label, onSave) {
    const id = `reason-${Alerts.count++}`;
    this.reason = el("p", { class: "reason", id });
    this.label = label;
    this.onSave = onSave;
    this.pending = new Map();
    this.switches = new Map(KINDS.map((kind) => [kind.key, this.#buildSwitch(kind, id)]));
    this.problem = el("p", { class: "problem", hidden: true });
    this.element = el(
      "div",
      { class: "alerts", role: "group", "aria-label": `Slack alerts for ${label}` },
      el(
        "span",
        { class: "alerts-title", "aria-hidden": "true", title: "Sent as Slack messages" },
        "Alerts",
      ),
      el("div", { class: "switches" }, ...this.switches.values()),
      this.reason,
      this.problem,
    );
  }

  /** `disabledReason` says why nothing can be changed; empty where it can. */
  update({ subscription, disabledReason }) {
    this.subscription = subscription;
    setText(this.reason, disabledReason);
    this.reason.hidden = disabledReason === "";
    for (const button of this.switches.values()) button.disabled = disabledReason !== "";
    this.#showAll();
  }

  #buildSwitch({ key, name, about, event }, reason) {
    return el(
      "button",
      {
        type: "button",
        class: "switch",
        role: "switch",
        "aria-checked": "false",
        "aria-label": `${name}: ${about}, ${this.label}`,
        title: about,
        "aria-describedby": reason,
        "data-key": key,
        onclick: () => this.#toggle(key, event),
      },
      el("span", { class: "track", "aria-hidden": "true" }, el("span", { class: "thumb" })),
      name,
    );
  }

  async #toggle(key, event) {
    if (this.pending.has(key)) return;
    const enabled = !this.subscription[key];
    this.pending.set(key, enabled);
    this.#show(this.switches.get(key), enabled);
    this.#showProblem("");
    try {
      const { body } = await post("api/subscriptions", { label: this.label, key, enabled });
      this.pending.delete(key);
      this.subscription = body.subscription;
      this.onSave(this.label, body.subscription);
      announce(`The ${event} alert for ${this.label} is ${enabled ? "on" : "off"}.`);
      if (!body.confirmed) this.#showProblem("Saved, but the confirmation message failed.");
    } catch (error) {
      this.pending.delete(key);
      this.#showProblem(`Not saved: ${toSentence(error.message)}`);
    }
    this.#showAll();
  }

  #showAll() {
    for (const [key, button] of this.switches)
      this.#show(button, this.pending.get(key) ?? this.subscription[key]);
  }

  #showProblem(message) {
    setText(this.problem, message);
    this.problem.hidden = message === "";
    if (message) announce(`${this.label}: ${message}`);
  }

  #show(button, on) {
    setAttribute(button, "aria-checked", String(on));
  }
}
Alerts.count = 0;
