// The time as the server has it: ages would be wrong on a machine whose clock is.

const TOLERATED_MS = 5000; // a Date header has whole seconds, and took its time to come here
let skewMs = 0;

/** Return the time in ms since the epoch. */
export function now() {
  return Date.now() + skewMs;
}

/** Set the clock by the Date header of an answer that has just arrived. */
export function setClock(date) {
  const served = Date.parse(date ?? "");
  if (Number.isNaN(served)) return;
  const difference = served - Date.now();
  skewMs = Math.abs(difference) > TOLERATED_MS ? difference : 0;
}
