// The dashboard behind the login: keeps the last answer of the server, and shows it as of now.

import { PolledResource } from "./api.js";
import { announce } from "./announce.js";
import { Card } from "./card.js";
import { now } from "./clock.js";
import { byId, setText } from "./dom.js";
import { History } from "./history.js";
import { KeyedList } from "./keyed-list.js";
import { StatusBar } from "./status-bar.js";
import { Refresh } from "./refresh.js";
import { SECOND } from "./time.js";
import { accountView } from "./usage.js";

const NOTHING = { limitHit: false, reset: false };

export class Dashboard {
  /** `loggedOut()` is called when the session is over. */
  constructor(loggedOut) {
    this.loggedOut = loggedOut;
    this.element = byId("dashboard");
    this.statusBar = new StatusBar();
    this.cards = new KeyedList(
      byId("cards"),
      (label) => new Card(label, (...change) => this.#saved(...change)),
    );
    this.history = new History(byId("history"));
    this.refresh = new Refresh(
      () => this.#ask(),
      () => this.#dueAt(),
    );
  }

  async open() {
    this.usage = null;
    this.lost = null;
    this.saves = 0;
    this.watched = new PolledResource("api/usage");
    this.ticking = setInterval(() => this.#show(), SECOND);
    await this.refresh.start();
  }

  close() {
    this.watched = null;
    this.refresh.stop();
    clearInterval(this.ticking);
    this.element.hidden = true;
    this.statusBar.hide();
    this.cards.update([]);
    this.history.close();
  }

  /** Poll the server; return whether it answered. */
  async #ask() {
    const { saves, watched } = this;
    try {
      const usage = await watched.poll();
      if (watched !== this.watched) return true; // closed meanwhile
      this.lost = null;
      if (usage && saves === this.saves) this.#take(usage);
      else if (usage) this.#askAgain(); // it is older than what was saved meanwhile
      this.#show();
      return true;
    } catch (error) {
      if (watched !== this.watched) return true;
      if (error.isLoggedOut) return this.loggedOut();
      this.lost = { at: this.lost?.at ?? now(), error };
      this.#show();
      return false;
    }
  }

  #askAgain() {
    this.watched.tag = null;
    this.refresh.soon();
  }

  #take(usage) {
    this.#announceLimits(usage);
    this.usage = usage;
    this.history.follow(usage);
  }

  /** Announce new limit hits to screen readers. */
  #announceLimits(usage) {
    if (!this.usage) return;
    const before = new Set(fullWindows(this.usage));
    const hit = fullWindows(usage).filter((each) => !before.has(each));
    if (hit.length) announce(`Limit hit: ${hit.join("; ")}.`);
  }

  #show() {
    if (!this.usage) return this.#showNothing();
    this.element.hidden = false;
    const at = now();
    this.statusBar.update(this.usage, this.lost, at);
    this.#showCards(at);
    this.history.tick(at);
  }

  #showNothing() {
    this.element.hidden = true;
    if (this.lost) this.statusBar.update(null, this.lost, now());
  }

  #showCards(at) {
    const { accounts, refreshIntervalMs, alertSubscriptions } = this.usage;
    const shared = { barred: this.#barred(), reachable: this.lost === null, now: at };
    this.cards.update(
      accounts.map((account) => {
        const view = accountView(account, refreshIntervalMs, at);
        const subscription = alertSubscriptions[account.label] ?? NOTHING;
        return [account.label, { view, subscription, ...shared }];
      }),
    );
    const empty = byId("empty");
    empty.hidden = accounts.length > 0;
    setText(empty, emptyMessage(this.usage));
    document.title = accounts.length
      ? `${busiest(accounts, refreshIntervalMs, at)}cldmon`
      : "cldmon";
  }

  /** Return why alerts cannot be changed; empty if they can. */
  #barred() {
    const { slackEnabled, session, subscriptionsError } = this.usage;
    if (!slackEnabled) return "Slack is off on this server.";
    if (session.guest || !session.slackId) return "Log in by name to get alerts.";
    return subscriptionsError ? "The settings cannot be read." : "";
  }

  #saved(label, subscription) {
    this.saves += 1;
    this.usage.alertSubscriptions[label] = subscription;
  }

  #dueAt() {
    if (!this.usage?.fetchedAt) return null;
    return Date.parse(this.usage.fetchedAt) + this.usage.refreshIntervalMs;
  }
}

function emptyMessage({ loading }) {
  return loading
    ? "No pass has ended yet. The first numbers come with it: cldmon fetch."
    : "No account is configured.";
}

function fullWindows({ accounts, refreshIntervalMs }) {
  const views = accounts.map((account) => accountView(account, refreshIntervalMs, now()));
  return views
    .filter((view) => view.state === "live")
    .flatMap((view) =>
      view.windows
        .filter(({ level }) => level === "full")
        .map(({ title }) => `${view.label}, ${title}`),
    );
}

/** Return the highest live percentage, for the tab. */
function busiest(accounts, intervalMs, at) {
  const live = accounts
    .map((account) => accountView(account, intervalMs, at))
    .filter((view) => view.state === "live");
  const percents = live.flatMap((view) => view.windows.map(({ percent }) => percent ?? 0));
  return percents.length ? `${Math.max(...percents)}% · ` : "";
}
