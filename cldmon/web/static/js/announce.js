// Screen reader announcements.

import { byId } from "./dom.js";

/** Announce a message politely. The same message twice is read twice. */
export function announce(message) {
  const announcer = byId("announcer");
  announcer.textContent = "";
  requestAnimationFrame(() => {
    announcer.textContent = message;
  });
}
