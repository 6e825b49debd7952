// The alert settings of whoever is logged in: what the server last said, and on top of it what is
// being saved. Changes are shown at once, sent one after the other, and taken back if saving fails.

import { announce } from "./announce.js";
import { post } from "./api.js";
import { now } from "./clock.js";
import { toSentence } from "./messages.js";
import { SECOND } from "./time.js";

const DEFAULTS = {
  limitHit: false,
  reset: false,
  thresholds: [],
  runOut: false,
  changes: false,
  windows: null,
};
const QUIET = null; // in place of a label: quiet hours are those of all accounts
const PATIENCE_MS = 30 * SECOND; // how long a confirmation is polled for each second

export class AlertSettings {
  /** `onChange()` is called when something else is to be shown, `onSent()` after each request. */
  constructor({ onChange, onSent }) {
    Object.assign(this, { onChange, onSent });
    this.saves = 0;
    this.subscriptions = {};
    this.savedQuiet = null;
    this.pending = [];
    this.sending = Promise.resolve();
    this.failures = new Map(); // label of a card → why its last change was not saved
    this.unconfirmed = new Map(); // label → why its last confirmation failed
    this.waiting = new Map(); // label → until when its confirmation is expected
  }

  /** Take over a response of `GET /api/usage`. */
  accept({ alertSubscriptions, alertQuiet, lastConfirmation }) {
    this.subscriptions = alertSubscriptions;
    this.savedQuiet = alertQuiet ?? null;
    const at = lastConfirmation?.at ?? null;
    if (at !== null && this.confirmedAt !== undefined && this.confirmedAt !== at)
      this.#onConfirmation(lastConfirmation);
    this.confirmedAt = at;
  }

  /** Drop the changes that have not been sent. */
  close() {
    this.isClosed = true;
  }

  /** Return the alerts of one account. */
  of(label) {
    const saved = { ...DEFAULTS, ...this.subscriptions[label] };
    const changes = this.pending.filter((change) => change.about === label);
    return Object.assign(saved, ...changes.map(({ value }) => value));
  }

  /** The quiet hours, or null. */
  get quiet() {
    const change = this.pending.findLast(({ about }) => about === QUIET);
    return change ? change.value : this.savedQuiet;
  }

  /** Return what went wrong with the changes made on an account's card; empty if nothing did. */
  problemOf(label) {
    const unconfirmed = this.unconfirmed.get(label);
    const quiet = this.quietLabel === label ? this.unconfirmed.get(QUIET) : "";
    return this.failures.get(label) ?? unconfirmed ?? quiet ?? "";
  }

  /** Return whether the confirmation of a change is expected soon. */
  isWaiting() {
    const at = now();
    return [...this.waiting.values()].some((until) => at < until);
  }

  /** Change one value, such as `{runOut: true}`; `message` is announced when it is saved. */
  change(label, value, message) {
    const [[key, enabled]] = Object.entries(value);
    const body = typeof enabled === "boolean" ? { label, key, enabled } : { label, ...value };
    this.#save({ label, about: label, value, body, message });
  }

  /** Change the quiet hours, on the card of `label`; null for none. */
  changeQuiet(label, quiet, message) {
    this.quietLabel = label;
    this.#save({ label, about: QUIET, value: quiet, body: { quiet }, message });
  }

  #save(change) {
    this.failures.delete(change.label);
    this.unconfirmed.delete(change.about);
    this.pending.push(change);
    this.sending = this.sending.then(() => this.#send(change));
    this.onChange();
  }

  async #send(change) {
    if (this.isClosed) return;
    const problem = await this.#post(change);
    if (this.isClosed) return;
    this.pending = this.pending.filter((each) => each !== change);
    if (problem) this.failures.set(change.label, problem);
    announce(problem ? `${change.label}: ${problem}` : change.message);
    this.onSent();
  }

  /** Return why a change was not saved; empty if it was. */
  async #post({ about, body }) {
    this.waiting.set(about, now() + PATIENCE_MS);
    try {
      const { body: answer } = await post("api/subscriptions", body);
      if (about === QUIET) this.savedQuiet = answer.quiet;
      else this.subscriptions[about] = answer.subscription;
      this.saves += 1;
      return "";
    } catch (error) {
      this.waiting.delete(about);
      return `Not saved: ${toSentence(error.message)}`;
    }
  }

  /** One of a change that was made on another page is of no interest here. */
  #onConfirmation({ label, ok, error }) {
    if (!this.waiting.has(label)) return;
    this.waiting.set(label, 0);
    this.unconfirmed.delete(label);
    if (ok) return;
    this.unconfirmed.set(label, toSentence(`saved, but ${error}`));
    announce(`${label ?? "Quiet hours"}: ${this.unconfirmed.get(label)}`);
  }
}
