// The alerts of an account on its card: two switches, and the button that opens all settings.

import { el, setLine } from "./dom.js";
import { ALERTS, describeMoreAlerts, describeSwitch } from "./messages.js";
import { Switch } from "./switch.js";

const ON_THE_CARD = ["limitHit", "reset"];

export class Alerts {
  /** `onChange(value, message)` changes a setting, `onOpen()` opens all of them. */
  constructor(label, { onChange, onOpen }) {
    const id = `alerts-${Alerts.count++}`;
    this.reason = el("p", { class: "reason", id: `${id}-reason` });
    this.more = el("p", { class: "more-alerts", id: `${id}-more` });
    this.problem = el("p", { class: "problem", hidden: true });
    this.title = el("span", { class: "alerts-title", "aria-hidden": "true" }, "Alerts");
    this.button = el(
      "button",
      {
        type: "button",
        class: "open-alerts",
        "aria-haspopup": "dialog",
        "aria-label": `Alerts for ${label}`,
        "aria-describedby": this.more.id,
        title: "All alert settings",
        onclick: onOpen,
      },
      "Alerts",
    );
    this.switches = new Map(
      ON_THE_CARD.map((key) => {
        const { short, about } = ALERTS[key];
        const onToggle = (on) => onChange({ [key]: on }, describeSwitch(key, label, on));
        const attributes = {
          "aria-label": `${short}: ${about}, ${label}`,
          "aria-describedby": this.reason.id,
          "data-key": key,
          title: about,
        };
        return [key, new Switch(short, onToggle, attributes)];
      }),
    );
    this.element = el(
      "div",
      { class: "alerts", role: "group", "aria-label": `Slack alerts for ${label}` },
      this.title,
      this.button,
      el(
        "div",
        { class: "switches" },
        ...[...this.switches.values()].map(({ element }) => element),
      ),
      this.more,
      this.reason,
      this.problem,
    );
  }

  /** `disabledReason` says why nothing can be changed; empty where it can. */
  update({ subscription, problem, disabledReason }) {
    const isDisabled = disabledReason !== "";
    for (const [key, each] of this.switches) each.update(subscription[key], isDisabled);
    this.button.hidden = isDisabled;
    this.title.hidden = !isDisabled;
    setLine(this.more, isDisabled ? "" : describeMoreAlerts(subscription));
    setLine(this.reason, disabledReason);
    setLine(this.problem, problem);
  }
}
Alerts.count = 0;
