// Announcements to screen readers.

import { byId } from "./dom.js";

/** Announce a message politely; the same one twice is read twice. */
export function announce(message) {
  const announcer = byId("announcer");
  announcer.textContent = "";
  requestAnimationFrame(() => {
    announcer.textContent = message;
  });
}
