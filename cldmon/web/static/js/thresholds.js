// The percentages at which a message is wanted: a list, and a field that adds to it.

import { el, setProblem } from "./dom.js";
import { KeyedList } from "./keyed-list.js";
import { describeThresholds, findThresholdProblem } from "./messages.js";

export class Thresholds {
  /** `onChange(thresholds, message)` is called with all of them. */
  constructor(onChange) {
    this.onChange = onChange;
    this.thresholds = [];
    const list = el("ul", { class: "chips", "aria-label": "Percentages" });
    this.chips = new KeyedList(list, (percent) => this.#buildChip(percent));
    this.problem = el("p", { class: "problem", id: "threshold-problem", role: "alert" });
    this.input = el("input", {
      id: "threshold",
      inputmode: "numeric",
      autocomplete: "off",
      maxlength: "20",
      "aria-describedby": this.problem.id,
    });
    this.element = el(
      "form",
      { class: "setting", novalidate: true, onsubmit: (event) => this.#add(event) },
      el("h3", {}, "At a percentage"),
      list,
      el(
        "div",
        { class: "field-row" },
        el("label", { for: this.input.id }, "New percentage"),
        this.input,
        el("button", {}, "Add"),
      ),
      this.problem,
    );
  }

  /** Forget what was typed. */
  reset() {
    this.input.value = "";
    setProblem(this.problem, "", this.input);
  }

  update(thresholds) {
    this.thresholds = thresholds;
    this.chips.update(thresholds.map((percent) => [percent, percent]));
    this.chips.parent.hidden = thresholds.length === 0; // an empty list is read as one
  }

  #buildChip(percent) {
    const button = el(
      "button",
      {
        type: "button",
        class: "remove",
        "aria-label": `Remove ${percent}%`,
        title: "Remove",
        onclick: () => this.#remove(percent),
      },
      "✕",
    );
    return { element: el("li", { class: "chip" }, `${percent}%`, button), button, update() {} };
  }

  #add(event) {
    event.preventDefault();
    const text = this.input.value.trim();
    const problem = findThresholdProblem(text, this.thresholds);
    setProblem(this.problem, problem, this.input);
    this.input.focus();
    if (problem) return this.input.select();
    this.input.value = "";
    this.#save([...this.thresholds, parseInt(text, 10)].sort((a, b) => a - b));
  }

  /** The focus goes to the neighbour of the button that disappears. */
  #remove(percent) {
    const rest = this.thresholds.filter((each) => each !== percent);
    const next = rest.find((each) => each > percent) ?? rest.at(-1);
    this.reset();
    this.#save(rest);
    (this.chips.parts.get(next)?.button ?? this.input).focus();
  }

  #save(thresholds) {
    this.onChange(thresholds, describeThresholds(thresholds));
  }
}
