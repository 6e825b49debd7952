// The login box: a name that Slack knows, or a guest; and the code, where one is asked for.

import { get, post } from "./api.js";
import { Combobox } from "./combobox.js";
import { byId, el, setText } from "./dom.js";
import { sentence } from "./messages.js";

const FEWEST_LETTERS = 3; // that the server looks at where a code is asked for
const TOO_SHORT = "Type at least three letters of your name.";

export class Login {
  /** `entered(session)` is called after a login. */
  constructor(entered) {
    this.entered = entered;
    this.section = byId("login");
    this.problem = el("p", { class: "problem", role: "alert", id: "login-problem" });
  }

  /** Show the box for what the server admits; `words` say why, if it was not asked for. */
  show(session, words = "") {
    this.section.hidden = false;
    this.session = session;
    this.#showName(words);
  }

  hide() {
    this.section.hidden = true;
    this.section.replaceChildren();
  }

  #showName(words = "") {
    const parts = [
      el("h2", { id: "login-title", tabindex: "-1" }, "Log in"),
      this.session.slackEnabled ? this.#nameForm() : null,
      this.problem,
      this.#guest(),
    ];
    this.section.replaceChildren(...parts.filter(Boolean));
    this.#showProblem(words);
    (this.section.querySelector("input") ?? byId("login-title")).focus();
  }

  #nameForm() {
    const input = el("input", {
      id: "name",
      type: "text",
      autocomplete: "off",
      autocapitalize: "none",
      spellcheck: "false",
      dir: "auto",
      "aria-describedby": this.#asksForCode ? "name-note login-problem" : "login-problem",
    });
    const list = el("ul", { id: "names", class: "options", "aria-label": "People", hidden: true });
    const box = new Combobox(input, list, {
      search: (text, signal) => this.#search(text, signal),
      draw: drawn,
      name: (person) => person.name,
      failed: (error) => this.#showProblem(sentence(error.message)),
    });
    return el(
      "form",
      {
        novalidate: true,
        onsubmit: (event) => this.#submitted(event, () => this.#enterWith(box)),
      },
      el("label", { for: "name" }, "Your Slack name"),
      el("div", { class: "combobox" }, input, list),
      el("button", { type: "submit", class: "primary" }, "Log in"),
      this.#asksForCode ? el("p", { id: "name-note", class: "note" }, TOO_SHORT) : null,
    );
  }

  get #asksForCode() {
    return !this.session.guestsAdmitted;
  }

  #isTooShort(text) {
    return this.#asksForCode && (text.match(/[\p{L}\p{N}]/gu) ?? []).length < FEWEST_LETTERS;
  }

  async #search(text, signal) {
    if (this.#isTooShort(text)) return [];
    const { users } = await get(`api/slack/users?q=${encodeURIComponent(text)}`, signal);
    this.#showProblem("");
    return users;
  }

  #guest() {
    if (!this.session.guestsAdmitted) {
      const all = this.session.slackEnabled;
      return all
        ? null
        : el("p", {}, "Nobody can log in here: Slack is off, and guests are not admitted.");
    }
    const note = this.session.slackEnabled
      ? "A guest sees everything, but gets no Slack alerts."
      : "Slack is off here: everybody is a guest.";
    return el(
      "div",
      { class: "guest" },
      el(
        "button",
        { type: "button", onclick: () => this.#try(() => this.#enter({ slackId: "" })) },
        "Continue as guest",
      ),
      el("p", { class: "note" }, note),
    );
  }

  #submitted(event, act) {
    event.preventDefault();
    this.#try(act);
  }

  async #enterWith(box) {
    const person = await box.choice();
    if (person) return this.#enterAs(person);
    if (box.isBehind) return; // the search has failed, and its error is shown
    if (this.#isTooShort(box.input.value)) return this.#showProblem(TOO_SHORT);
    this.#showProblem(
      box.items.length ? "Choose your name from the list." : "No Slack user by that name.",
    );
  }

  async #enterAs(person) {
    const { status } = await this.#enter({ slackId: person.id });
    if (status === 202) this.#showCode(person);
  }

  async #enter(body) {
    const answer = await post("api/auth", body);
    if (answer.status === 200) this.entered(answer.body.session);
    return answer;
  }

  #showCode(person) {
    const input = el("input", {
      id: "code",
      type: "text",
      inputmode: "numeric",
      autocomplete: "one-time-code",
      maxlength: "8",
      "aria-describedby": "code-note login-problem",
    });
    const send = () => this.#enter({ slackId: person.id, code: input.value.trim() });
    this.section.replaceChildren(
      el("h2", { id: "login-title", tabindex: "-1" }, "Enter the code"),
      el(
        "p",
        { id: "code-note", class: "note" },
        "A code of eight digits was sent by Slack to ",
        el("bdi", {}, person.name),
        ".",
      ),
      el(
        "form",
        { novalidate: true, onsubmit: (event) => this.#submitted(event, send) },
        el("label", { for: "code" }, "Code"),
        input,
        el("button", { type: "submit", class: "primary" }, "Log in"),
      ),
      this.problem,
      el(
        "p",
        { class: "row" },
        el(
          "button",
          { type: "button", class: "quiet", onclick: () => this.#try(() => this.#enterAs(person)) },
          "Send a new code",
        ),
        el(
          "button",
          { type: "button", class: "quiet", onclick: () => this.#showName() },
          "Another name",
        ),
      ),
    );
    this.#showProblem("");
    input.focus();
  }

  /** Do one thing at a time, and say what went wrong. */
  async #try(act) {
    if (this.busy) return;
    this.busy = true;
    this.#showProblem("");
    try {
      await act();
    } catch (error) {
      this.#showProblem(sentence(error.message));
    } finally {
      this.busy = false;
    }
  }

  #showProblem(words) {
    setText(this.problem, words);
  }
}

function drawn(person) {
  const more = [person.realName, person.userName && `@${person.userName}`];
  const others = more.filter((text) => text && text !== person.name);
  return [
    el("bdi", { class: "person" }, person.name),
    others.length > 0 && el("bdi", { class: "person-more" }, others.join(" · ")),
  ].filter(Boolean);
}
