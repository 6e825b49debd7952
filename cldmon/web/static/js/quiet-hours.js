// The hours in which a person gets no alerts: a switch, two times and a time zone.

import { el, setProblem, setText } from "./dom.js";
import { describeQuietHours, findQuietProblem } from "./messages.js";
import { Switch } from "./switch.js";
import { SECOND } from "./time.js";

const NIGHT = { from: "20:00", to: "08:00" };
const PAUSE_MS = SECOND; // a time is saved after such a pause in typing, or on leaving the field
const SLACK_ZONE = "Time zone of my Slack profile";

export class QuietHours {
  /** `onChange(quiet, message)` is called with the new hours; null for none. */
  constructor(onChange) {
    this.onChange = onChange;
    this.problem = el("p", { class: "problem", id: "quiet-problem", role: "alert" });
    this.note = el("p", { class: "note", id: "quiet-note" });
    this.toggle = new Switch(
      el("span", { id: "quiet-title" }, "Quiet hours"),
      (on) => (on ? this.#save() : this.#change(null)),
      { "aria-describedby": this.note.id, "data-key": "quiet" },
    );
    this.from = this.#buildTime("quiet-from");
    this.to = this.#buildTime("quiet-to");
    this.zone = el(
      "select",
      { id: "quiet-zone", onchange: () => this.#save() },
      el("option", { value: "" }, SLACK_ZONE),
      ...listZones().map(buildZone),
    );
    this.fields = el(
      "div",
      { class: "quiet-fields" },
      buildField("From", this.from),
      buildField("To", this.to),
      buildField("Time zone", this.zone),
    );
    this.element = el(
      "div",
      { class: "setting", role: "group", "aria-labelledby": "quiet-title" },
      this.toggle.element,
      this.note,
      this.fields,
      this.problem,
    );
  }

  /** Forget what was entered and not saved. */
  reset() {
    this.shown = undefined;
    setProblem(this.problem, "", this.from, this.to);
  }

  /** What is being entered stays while the saved hours do. */
  update(quiet) {
    const shown = JSON.stringify(quiet);
    if (shown === this.shown) return;
    const { from, to, timezone = "" } = quiet ?? this.quiet ?? NIGHT; // off and on: the same hours
    this.shown = shown;
    this.quiet = quiet;
    this.toggle.update(quiet !== null);
    this.fields.hidden = quiet === null;
    setText(this.note, describeQuietHours(quiet));
    setProblem(this.problem, "", this.from, this.to);
    setValue(this.from, from);
    setValue(this.to, to);
    if (![...this.zone.options].some(({ value }) => value === timezone))
      this.zone.append(buildZone(timezone));
    this.zone.value = timezone;
  }

  #buildTime(id) {
    return el("input", {
      id,
      type: "time",
      required: true,
      "aria-describedby": this.problem.id,
      onchange: () => {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.#save(), PAUSE_MS);
      },
      onblur: () => this.#save(),
    });
  }

  /** Save what is in the fields, unless it is wrong or saved already. */
  #save() {
    clearTimeout(this.timer);
    const [from, to] = [this.from.value, this.to.value];
    const problem = findQuietProblem(from, to);
    setProblem(this.problem, problem, this.from, this.to);
    if (problem) return;
    const quiet = { from, to, ...(this.zone.value && { timezone: this.zone.value }) };
    if (JSON.stringify(quiet) !== JSON.stringify(this.quiet)) this.#change(quiet);
  }

  #change(quiet) {
    clearTimeout(this.timer);
    this.onChange(quiet, describeQuietHours(quiet));
  }
}

function buildField(name, input) {
  return el("div", { class: "field" }, el("label", { for: input.id }, name), input);
}

/** Return the names of all time zones, this device's first. */
function listZones() {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const zones = Intl.supportedValuesOf("timeZone");
  return [own, ...zones.filter((zone) => zone !== own)];
}

function buildZone(name) {
  return el("option", { value: name }, name.replaceAll("_", " "));
}

function setValue(input, value) {
  if (input.value !== value) input.value = value;
}
