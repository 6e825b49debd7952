// When to poll the server: about when the next pass is due, at least once a minute, less often while
// it does not answer, and never while the page is hidden.

import { now } from "./clock.js";
import { MINUTE, SECOND } from "./time.js";

const AFTER_A_PASS_MS = 4 * SECOND; // a pass ends a little after it was due
const OFTEN_MS = 15 * SECOND; // while one is overdue
const RARELY_MS = MINUTE;
const FIRST_RETRY_MS = 3 * SECOND;

export class Refresh {
  /** `ask()` asks the server; `dueAt()` returns when the next pass is due, in ms, or null. */
  constructor(ask, dueAt) {
    this.ask = ask;
    this.dueAt = dueAt;
    this.failures = 0;
    document.addEventListener("visibilitychange", () => this.#resume());
    addEventListener("online", () => this.#resume());
    addEventListener("focus", () => this.#resume());
  }

  start() {
    this.running = true;
    return this.soon();
  }

  stop() {
    this.running = false;
    clearTimeout(this.timer);
  }

  /** Ask now, or once more after the answer that is under way. */
  async soon() {
    if (this.asking) {
      this.again = true;
      return this.asking;
    }
    clearTimeout(this.timer);
    this.asking = this.#count();
    await this.asking;
    this.asking = null;
    if (!this.again) return this.#plan();
    this.again = false;
    return this.soon();
  }

  async #count() {
    this.failures = (await this.#isAnswered()) ? 0 : this.failures + 1;
  }

  /** A fault of the page itself is logged to the console, and does not stop the polling. */
  async #isAnswered() {
    try {
      return await this.ask();
    } catch (error) {
      reportError(error);
      return false;
    }
  }

  #plan() {
    clearTimeout(this.timer);
    if (this.running && !document.hidden) this.timer = setTimeout(() => this.soon(), this.#pause());
  }

  #pause() {
    if (this.failures) return Math.min(RARELY_MS, FIRST_RETRY_MS * 2 ** (this.failures - 1));
    const dueAt = this.dueAt();
    if (dueAt === null) return OFTEN_MS;
    const left = dueAt + AFTER_A_PASS_MS - now();
    return left > 0 ? Math.min(left, RARELY_MS) : OFTEN_MS;
  }

  #resume() {
    if (this.running && !document.hidden) this.soon();
    else clearTimeout(this.timer);
  }
}
