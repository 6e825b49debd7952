// What is said to those who hear the page instead of seeing it.

import { byId } from "./dom.js";

/** Say something once the reader has finished; the same words twice are said twice. */
export function announce(words) {
  const announcer = byId("announcer");
  announcer.textContent = "";
  requestAnimationFrame(() => {
    announcer.textContent = words;
  });
}
