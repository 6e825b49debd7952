// The login box: by Slack name or as a guest, with a one-time code if required.

import { get, post } from "./api.js";
import { Combobox } from "./combobox.js";
import { byId, el, setText } from "./dom.js";
import { toSentence } from "./messages.js";

const FEWEST_LETTERS = 3; // the server's minimum for a search if codes are required
const TOO_SHORT = "Type at least three letters of your name.";

export class Login {
  /** `onLogin(session)` is called after a login. */
  constructor(onLogin) {
    this.onLogin = onLogin;
    this.section = byId("login");
    this.problem = el("p", { class: "problem", role: "alert", id: "login-problem" });
  }

  /** Show what the server admits; `message` says why the box appears, if nobody asked for it. */
  show(session, message = "") {
    this.section.hidden = false;
    this.session = session;
    this.#showName(message);
  }

  hide() {
    this.section.hidden = true;
    this.section.replaceChildren();
  }

  #showName(message = "") {
    const parts = [
      el("h2", { id: "login-title", tabindex: "-1" }, "Log in"),
      this.session.slackEnabled ? this.#buildNameForm() : null,
      this.problem,
      this.#buildGuestSection(),
    ];
    this.section.replaceChildren(...parts.filter(Boolean));
    this.#showProblem(message);
    (this.section.querySelector("input") ?? byId("login-title")).focus();
  }

  #buildNameForm() {
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
      render: renderPerson,
      getName: (person) => person.name,
      onError: (error) => this.#showProblem(toSentence(error.message)),
    });
    return el(
      "form",
      {
        novalidate: true,
        onsubmit: (event) => this.#onSubmit(event, () => this.#logInWith(box)),
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
    const { users } = await get(`api/slack/users?q=${encodeURIComponent(text)}`, { signal });
    this.#showProblem("");
    return users;
  }

  #buildGuestSection() {
    if (!this.session.guestsAdmitted) {
      const all = this.session.slackEnabled;
      return all
        ? null
        : el("p", {}, "Login is disabled: Slack is off and guests aren't admitted.");
    }
    const note = this.session.slackEnabled
      ? "Guests see everything but get no Slack alerts."
      : "Slack is off, so everyone is a guest.";
    return el(
      "div",
      { class: "guest" },
      el(
        "button",
        { type: "button", onclick: () => this.#run(() => this.#logIn({ slackId: "" })) },
        "Continue as guest",
      ),
      el("p", { class: "note" }, note),
    );
  }

  #onSubmit(event, act) {
    event.preventDefault();
    this.#run(act);
  }

  async #logInWith(box) {
    const person = await box.resolveChoice();
    if (person) return this.#logInAs(person);
    if (box.isOutdated) return; // the search failed, and its error is shown
    if (this.#isTooShort(box.input.value)) return this.#showProblem(TOO_SHORT);
    this.#showProblem(
      box.items.length ? "Choose your name from the list." : "No Slack user by that name.",
    );
  }

  async #logInAs(person) {
    const { status } = await this.#logIn({ slackId: person.id });
    if (status === 202) this.#showCode(person);
  }

  async #logIn(body) {
    const response = await post("api/auth", body);
    if (response.status === 200) this.onLogin(response.body.session);
    return response;
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
    const send = () => this.#logIn({ slackId: person.id, code: input.value.trim() });
    this.section.replaceChildren(
      el("h2", { id: "login-title", tabindex: "-1" }, "Enter the code"),
      el(
        "p",
        { id: "code-note", class: "note" },
        "Slack sent an eight-digit code to ",
        el("bdi", {}, person.name),
        ".",
      ),
      el(
        "form",
        { novalidate: true, onsubmit: (event) => this.#onSubmit(event, send) },
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
          { type: "button", class: "quiet", onclick: () => this.#run(() => this.#logInAs(person)) },
          "Send a new code",
        ),
        el(
          "button",
          { type: "button", class: "quiet", onclick: () => this.#showName() },
          "Use another name",
        ),
      ),
    );
    this.#showProblem("");
    input.focus();
  }

  /** Run one action at a time, and show its error. */
  async #run(act) {
    if (this.busy) return;
    this.busy = true;
    this.#showProblem("");
    try {
      await act();
    } catch (error) {
      this.#showProblem(toSentence(error.message));
    } finally {
      this.busy = false;
    }
  }

  #showProblem(message) {
    setText(this.problem, message);
  }
}

function renderPerson(person) {
  const more = [person.realName, person.userName && `@${person.userName}`];
  const others = more.filter((text) => text && text !== person.name);
  return [
    el("bdi", { class: "person" }, person.name),
    others.length > 0 && el("bdi", { class: "person-more" }, others.join(" · ")),
  ];
}
