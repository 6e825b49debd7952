// What this browser remembers. Where storage is blocked or full, the page does without.

/** Return what is stored under a key; null if nothing is. */
export function getStored(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

/** Store a value; null removes it. */
export function store(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // The choice lasts as long as the page.
  }
}
