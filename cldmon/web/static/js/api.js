// Requests to the server. Every failure is an `ApiError` whose message is one line.

import { setClock } from "./clock.js";

const TIMEOUT_MS = 15_000;
/** For a month of hundreds of accounts, which a busy server takes a while to thin. */
export const HISTORY_TIMEOUT_MS = 60_000;

class ApiError extends Error {
  /** `status` is HTTP's; 0 if there was no response. */
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

/** Return the response body of a GET request. */
export async function get(path, { signal, timeout } = {}) {
  return readBody(await request(path, { signal, timeout }));
}

/** Send a value as JSON; return the response's status and body. */
export async function post(path, value) {
  const sent =
    value === undefined
      ? {}
      : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) };
  const response = await request(path, { method: "POST", ...sent });
  return { status: response.status, body: await readBody(response) };
}

/** A resource that is polled: the server responds with 304 while it has not changed. */
export class PolledResource {
  constructor(path, timeout) {
    this.path = path;
    this.timeout = timeout;
    this.tag = null;
  }

  /** Return the body, or null if it has not changed. */
  async poll() {
    const headers = this.tag ? { "If-None-Match": this.tag } : {};
    const response = await request(this.path, { headers, timeout: this.timeout });
    if (response.status === 304) return null;
    const body = await readBody(response);
    this.tag = response.headers.get("ETag");
    return body;
  }
}

async function request(path, options) {
  const response = await send(path, options);
  setClock(response.headers.get("Date"));
  if (response.ok || response.status === 304) return response;
  const body = await response.json().catch(() => null);
  throw new ApiError(
    response.status,
    body?.error ?? `The server responded with status ${response.status}.`,
  );
}

async function send(path, { signal, timeout = TIMEOUT_MS, ...options }) {
  const signals = [AbortSignal.timeout(timeout), ...(signal ? [signal] : [])];
  try {
    return await fetch(path, { cache: "no-store", ...options, signal: AbortSignal.any(signals) });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "Server unreachable.");
  }
}

async function readBody(response) {
  try {
    return await response.json();
  } catch {
    throw new ApiError(0, "The server's response was incomplete.");
  }
}
