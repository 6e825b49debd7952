// Which limits of an account alerts are wanted of: all, or a choice.

import { el, setProblem } from "./dom.js";
import { KeyedList } from "./keyed-list.js";
import { describeWindowChoice } from "./messages.js";

export class WindowChoice {
  /** `onChange(windows, message)` is called with the names of those chosen; null for all. */
  constructor(onChange) {
    this.onChange = onChange;
    this.all = buildChoice("All limits", { type: "radio", name: "limits" }, () => this.#save(null));
    this.some = buildChoice("Only these:", { type: "radio", name: "limits" }, () =>
      this.#save(this.listed.map(({ name }) => name)),
    );
    const boxes = el("div", { class: "choices", role: "group", "aria-label": "Only these limits" });
    this.boxes = new KeyedList(boxes, (name) => this.#buildBox(name));
    this.problem = el("p", { class: "problem", id: "windows-problem", role: "alert" });
    this.none = el("p", { class: "note" }, "They are known after the account's first reading.");
    this.element = el(
      "div",
      { class: "setting", role: "group", "aria-labelledby": "windows-title" },
      el("h3", { id: "windows-title" }, "Which limits"),
      this.none,
      this.all.element,
      this.some.element,
      boxes,
      this.problem,
    );
  }

  reset() {
    setProblem(this.problem, "");
  }

  /** `listed` has the names and titles of those to choose from, `windows` those chosen. */
  update({ windows, listed }) {
    this.listed = listed;
    this.windows = windows;
    this.none.hidden = listed.length > 0;
    this.all.element.hidden = this.some.element.hidden = listed.length === 0;
    this.all.input.checked = windows === null;
    this.some.input.checked = windows !== null;
    this.boxes.parent.hidden = windows === null;
    this.boxes.update(
      listed.map(({ name, title }) => [name, { title, checked: windows?.includes(name) ?? true }]),
    );
  }

  #buildBox(name) {
    const onChange = ({ target }) => this.#choose(name, target);
    const attributes = { type: "checkbox", "aria-describedby": this.problem.id };
    const { element, input, text } = buildChoice("", attributes, onChange);
    return {
      element,
      update({ title, checked }) {
        text.textContent = title;
        input.checked = checked;
      },
    };
  }

  #choose(name, box) {
    const chosen = this.listed
      .map((each) => each.name)
      .filter((each) => (each === name ? box.checked : this.windows.includes(each)));
    if (chosen.length) return this.#save(chosen);
    box.checked = true;
    setProblem(this.problem, "Keep at least one limit, or choose all.", box);
  }

  #save(windows) {
    for (const box of this.element.querySelectorAll("[aria-invalid]"))
      setProblem(this.problem, "", box);
    const titles = this.listed.filter(({ name }) => windows?.includes(name));
    this.onChange(windows, describeWindowChoice(windows && titles.map(({ title }) => title)));
  }
}

function buildChoice(name, attributes, onchange) {
  const input = el("input", { ...attributes, onchange });
  const text = el("span", {}, name);
  return { input, text, element: el("label", { class: "choice" }, input, text) };
}
