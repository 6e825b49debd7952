// Screen reader announcements.

import { byId } from "./dom.js";

/**
 * Announce a message politely. The same message twice is read twice. While a dialog is open,
 * screen readers hear nothing of what lies below it.
 */
export function announce(message) {
  const announcer = document.querySelector("dialog[open] .announcer") ?? byId("announcer");
  announcer.textContent = "";
  requestAnimationFrame(() => {
    announcer.textContent = message;
  });
}
