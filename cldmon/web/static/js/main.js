// The page: switches between the login box and the dashboard.

import { get, post } from "./api.js";
import { Dashboard } from "./dashboard.js";
import { byId, el, setText } from "./dom.js";
import { Login } from "./login.js";
import { SECOND } from "./time.js";

const RETRY_MS = 5 * SECOND;

const login = new Login((session) => enter(session, { focus: true }));
const dashboard = new Dashboard(() => {
  close();
  start("Your session has ended. Log in again.");
});
let lastSession = null;

byId("logout").addEventListener("click", logOut);
start();

/** Ask who is logged in; `message` says why the login box appears, if a session has ended. */
async function start(message = "") {
  try {
    const session = await get("api/session");
    byId("notices").replaceChildren();
    lastSession = session;
    if (session.authenticated && !message) enter(session, { focus: false });
    else login.show(session, message);
  } catch (error) {
    byId("notices").replaceChildren(el("p", { class: "notice" }, `${error.message} Trying again.`));
    setTimeout(() => start(message), RETRY_MS);
  }
}

async function enter(session, { focus }) {
  lastSession = session;
  login.hide();
  byId("who").hidden = false;
  setText(byId("who-name"), session.slackId ? session.slackName : "Guest");
  await dashboard.open();
  if (focus) byId("main").focus({ preventScroll: true });
}

async function logOut() {
  try {
    await post("api/logout");
    leave();
  } catch (error) {
    if (error.isLoggedOut) leave();
    else
      byId("notices").replaceChildren(
        el("p", { class: "notice" }, `Not logged out: ${error.message}`),
      );
  }
}

function leave() {
  close();
  login.show({ ...lastSession, authenticated: false });
}

function close() {
  dashboard.close();
  byId("who").hidden = true;
  document.title = "cldmon";
}
