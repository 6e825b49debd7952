// The dashboard behind the login: keeps the server's last response, and shows it as of now.

import { PolledResource } from "./api.js";
import { AlertDialog } from "./alert-dialog.js";
import { AlertSettings } from "./alert-settings.js";
import { Banner } from "./banner.js";
import { AccountList } from "./account-list.js";
import { Card } from "./card.js";
import { now } from "./clock.js";
import { byId } from "./dom.js";
import { History } from "./history.js";
import { WindowNames } from "./names.js";
import { StatusBar } from "./status-bar.js";
import { Refresh } from "./refresh.js";
import { SECOND } from "./time.js";
import { viewAccounts } from "./usage.js";

export class Dashboard {
  /** `onLogout()` is called when the session is over. */
  constructor(onLogout) {
    this.onLogout = onLogout;
    this.element = byId("dashboard");
    this.statusBar = new StatusBar();
    this.banner = new Banner();
    this.accounts = new AccountList((label) => this.#buildCard(label));
    this.dialog = new AlertDialog({
      onChange: (...change) => this.alerts.change(...change),
      onChangeQuiet: (...change) => this.alerts.changeQuiet(...change),
    });
    this.history = new History(byId("history"));
    this.refresh = new Refresh({
      poll: () => this.#poll(),
      getDueAt: () => this.#getDueAt(),
      isUrgent: () => this.alerts.isWaiting(),
    });
  }

  async open() {
    this.usage = null;
    this.outage = null;
    this.alerts = new AlertSettings({
      onChange: () => this.#show(),
      onSent: () => {
        this.#show();
        this.refresh.pollNow();
      },
    });
    this.resource = new PolledResource("api/usage");
    this.timer = setInterval(() => this.#show(), SECOND);
    await this.refresh.start();
  }

  close() {
    this.resource = null;
    this.alerts.close();
    this.dialog.close();
    this.refresh.stop();
    clearInterval(this.timer);
    this.element.hidden = true;
    this.statusBar.hide();
    this.banner.hide();
    this.accounts.clear();
    this.history.close();
  }

  /** Poll the server; return whether it responded. */
  async #poll() {
    const { resource } = this;
    const { saves } = this.alerts;
    try {
      const usage = await resource.poll();
      if (resource !== this.resource) return true; // closed in the meantime
      this.outage = null;
      if (usage && saves === this.alerts.saves) this.#accept(usage);
      else if (usage) this.#pollAgain(); // older than a change that was saved in the meantime
      this.#show();
      return true;
    } catch (error) {
      if (resource !== this.resource) return true;
      if (error.isLoggedOut) return this.onLogout();
      this.outage = { at: this.outage?.at ?? now(), error };
      this.#show();
      return false;
    }
  }

  #pollAgain() {
    this.resource.tag = null;
    this.refresh.pollNow();
  }

  #accept(usage) {
    this.usage = usage;
    this.names = new WindowNames(usage);
    this.alerts.accept(usage);
    this.history.update(usage);
  }

  #show() {
    if (!this.usage) return this.#showNothing();
    this.element.hidden = false;
    const at = now();
    this.statusBar.update(this.usage, this.outage, at);
    const views = viewAccounts(this.usage, at);
    const shared = { reachable: this.outage === null, now: at };
    this.banner.update({ views, ...shared });
    this.#showAccounts(views, shared);
    this.#showDialog(views);
    this.history.tick(at);
  }

  #showNothing() {
    this.element.hidden = true;
    if (this.outage) this.statusBar.update(null, this.outage, now());
  }

  #buildCard(label) {
    return new Card(label, {
      onHistory: () => this.history.goTo(label),
      onChange: (...change) => this.alerts.change(label, ...change),
      onOpen: () => {
        this.dialog.open(label);
        this.#show();
      },
    });
  }

  #showAccounts(views, shared) {
    const disabledReason = this.#getDisabledReason();
    const items = views.map((view) => {
      const subscription = this.alerts.of(view.label);
      const problem = this.alerts.problemOf(view.label);
      return [view.label, { view, subscription, problem, disabledReason, ...shared }];
    });
    this.accounts.update({ items, names: this.names, emptiness: describeEmptiness(this.usage) });
    document.title = `${formatHighest(views)}cldmon`;
  }

  /** Show the open alert settings; they close when they cannot be changed any more. */
  #showDialog(views) {
    if (!this.dialog.isOpen) return;
    const { label } = this.dialog;
    const view = views.find((each) => each.label === label);
    if (!view || this.#getDisabledReason()) return this.dialog.close();
    const subscription = this.alerts.of(label);
    const own = view.windows.map(({ name }) => name);
    const listed = this.names.sort(new Set([...own, ...(subscription.windows ?? [])]));
    this.dialog.update({
      subscription,
      quiet: this.alerts.quiet,
      problem: this.alerts.problemOf(label),
      listed: listed.map((name) => ({ name, title: this.names.title(name) })),
    });
  }

  /** Return why alerts cannot be changed; empty if they can. */
  #getDisabledReason() {
    const { slackEnabled, session, subscriptionsError } = this.usage;
    if (!slackEnabled) return "Slack is off on this server.";
    if (session.guest || !session.slackId) return "Log in with your name to get alerts.";
    return subscriptionsError ? "Can't read the alert settings." : "";
  }

  #getDueAt() {
    if (!this.usage?.fetchedAt) return null;
    return Date.parse(this.usage.fetchedAt) + this.usage.refreshIntervalMs;
  }
}

function describeEmptiness({ loading }) {
  return loading
    ? "No data yet. Wait for the first pass, or run cldmon fetch on the server."
    : "No accounts configured.";
}

/** Return the highest live percentage, for the tab. */
function formatHighest(views) {
  const live = views.filter((view) => view.state === "live");
  const percents = live.flatMap((view) => view.windows.map(({ percent }) => percent ?? 0));
  return percents.length ? `${Math.max(...percents)}% · ` : "";
}
