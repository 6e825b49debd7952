// The server's time: with a wrong local clock, every age would be wrong.

const TOLERATED_MS = 5000; // a Date header has whole seconds and takes time to arrive
let skewMs = 0;

/** Return the time in ms since the epoch. */
export function now() {
  return Date.now() + skewMs;
}

/** Set the clock by the Date header of a response that has just arrived. */
export function setClock(date) {
  const served = Date.parse(date ?? "");
  if (Number.isNaN(served)) return;
  const difference = served - Date.now();
  skewMs = Math.abs(difference) > TOLERATED_MS ? difference : 0;
}
