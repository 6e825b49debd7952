// When to poll the server: about when the next pass is due, at least once a minute, less often
// while it does not respond, and never while the page is hidden.

import { now } from "./clock.js";
import { MINUTE, SECOND } from "./time.js";

const AFTER_A_PASS_MS = 4 * SECOND; // a pass ends a little after it was due
const OFTEN_MS = 15 * SECOND; // while one is overdue
const RARELY_MS = MINUTE;
const FIRST_RETRY_MS = 3 * SECOND;

export class Refresh {
  /**
   * `poll()` returns whether the server responded; `getDueAt()` returns when the next pass is due,
   * in ms, or null; `isUrgent()` returns whether news is expected any second.
   */
  constructor({ poll, getDueAt, isUrgent }) {
    Object.assign(this, { poll, getDueAt, isUrgent });
    this.failures = 0;
    document.addEventListener("visibilitychange", () => this.#resume());
    addEventListener("online", () => this.#resume());
    addEventListener("focus", () => this.#resume());
  }

  start() {
    this.running = true;
    return this.pollNow();
  }

  stop() {
    this.running = false;
    clearTimeout(this.timer);
  }

  /** Poll now, or again after the current poll. */
  async pollNow() {
    if (this.polling) {
      this.again = true;
      return this.polling;
    }
    clearTimeout(this.timer);
    this.polling = this.#pollOnce();
    await this.polling;
    this.polling = null;
    if (!this.again) return this.#schedule();
    this.again = false;
    return this.pollNow();
  }

  /** A bug in the page is logged to the console, and does not stop the polling. */
  async #pollOnce() {
    let isAnswered = false;
    try {
      isAnswered = await this.poll();
    } catch (error) {
      reportError(error);
    }
    this.failures = isAnswered ? 0 : this.failures + 1;
  }

  #schedule() {
    clearTimeout(this.timer);
    if (this.running && !document.hidden)
      this.timer = setTimeout(() => this.pollNow(), this.#computeDelay());
  }

  #computeDelay() {
    if (this.failures) return Math.min(RARELY_MS, FIRST_RETRY_MS * 2 ** (this.failures - 1));
    if (this.isUrgent()) return SECOND;
    const dueAt = this.getDueAt();
    if (dueAt === null) return OFTEN_MS;
    const left = dueAt + AFTER_A_PASS_MS - now();
    return left > 0 ? Math.min(left, RARELY_MS) : OFTEN_MS;
  }

  #resume() {
    if (this.running && !document.hidden) this.pollNow();
    else clearTimeout(this.timer);
  }
}
