// What the server is asked. Every failure is an `ApiError` that says what is wrong in one line.

import { setBy } from "./clock.js";

const PATIENCE_MS = 15_000;

export class ApiError extends Error {
  /** `status` is HTTP's; 0 where no answer came at all. */
  constructor(status, message) {
    super(message);
    this.status = status;
  }

  get isUnreachable() {
    return this.status === 0 || this.status === 502 || this.status === 504;
  }

  get isLoggedOut() {
    return this.status === 401;
  }
}

/** Return the body of an answer. */
export async function get(path, signal) {
  return bodyOf(await ask(path, { signal }));
}

/** Send a value as JSON; return the answer's status and body. */
export async function post(path, value) {
  const sent =
    value === undefined
      ? {}
      : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) };
  const response = await ask(path, { method: "POST", ...sent });
  return { status: response.status, body: await bodyOf(response) };
}

/** A resource that is read again and again: where it has not changed, the server says just that. */
export class Watched {
  constructor(path) {
    this.path = path;
    this.tag = null;
  }

  /** Return the body, or null where it is the same as before. */
  async news() {
    const headers = this.tag ? { "If-None-Match": this.tag } : {};
    const response = await ask(this.path, { headers });
    if (response.status === 304) return null;
    const body = await bodyOf(response);
    this.tag = response.headers.get("ETag");
    return body;
  }
}

async function ask(path, options) {
  const response = await fetched(path, options);
  setBy(response.headers.get("Date"));
  if (response.ok || response.status === 304) return response;
  const told = await response.json().catch(() => null);
  throw new ApiError(response.status, told?.error ?? `The server answered ${response.status}.`);
}

async function fetched(path, { signal, ...options }) {
  const signals = [AbortSignal.timeout(PATIENCE_MS), ...(signal ? [signal] : [])];
  try {
    return await fetch(path, { cache: "no-store", ...options, signal: AbortSignal.any(signals) });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "The server cannot be reached.");
  }
}

async function bodyOf(response) {
  try {
    return await response.json();
  } catch {
    throw new ApiError(0, "The server's answer was cut off.");
  }
}
