// When the server is asked again: about when the next pass is due, at the latest each minute, more
// rarely while it does not answer, and never while nobody looks.

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
    document.addEventListener("visibilitychange", () => this.#woken());
    addEventListener("online", () => this.#woken());
    addEventListener("focus", () => this.#woken());
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
    this.asking = this.#asked();
    await this.asking;
    this.asking = null;
    if (!this.again) return this.#plan();
    this.again = false;
    return this.soon();
  }

  async #asked() {
    this.failures = (await this.#answered()) ? 0 : this.failures + 1;
  }

  /** A fault of the page itself is told to the console, and ends no refreshing. */
  async #answered() {
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

  #woken() {
    if (this.running && !document.hidden) this.soon();
    else clearTimeout(this.timer);
  }
}
