// Talks to the REST API: one way for reading, one for changing, errors that carry the server's sentence.

import { observe } from "./clock.js";

const PATIENCE = 20000;
let csrf = "";

/** An answer that is no success. `status` 0: there was no answer. */
export class ApiError extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }

  get away() {
    return this.status === 0;
  }
}

export function useCsrf(token) {
  csrf = token;
}

/** Return the JSON of a path, waiting `patience` ms at most. Raises ApiError. */
export async function get(path, parameters = {}, patience = PATIENCE) {
  return (await ask("GET", address(path, parameters), {}, patience)).json();
}

/** Return a list together with how many there are in all. Raises ApiError. */
export async function getPage(path, parameters = {}) {
  const response = await ask("GET", address(path, parameters));
  return { rows: await response.json(), total: Number(response.headers.get("X-Total-Count")) };
}

/** Change something; return {success, message, data}. `test`: only say what would be done. Raises ApiError. */
export async function change(method, path, parameters = {}) {
  const headers = { Prefer: "return=representation", "X-CSRF-Token": csrf };
  return (await ask(method, address(path, parameters), { headers })).json();
}

/** Send a JSON body. Raises ApiError. */
export async function post(path, body) {
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": csrf };
  return (await ask("POST", path, { headers, body: JSON.stringify(body) })).json();
}

/** Return a path of names, each of them quoted. */
export function at(...names) {
  return `/${names.map(encodeURIComponent).join("/")}`;
}

function address(path, parameters) {
  const known = Object.entries(parameters).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const query = new URLSearchParams(known).toString();
  return query ? `${path}?${query}` : path;
}

async function ask(method, path, options = {}, patience = PATIENCE) {
  let response;
  try {
    response = await fetch(path, { method, credentials: "same-origin", signal: AbortSignal.timeout(patience), ...options });
  } catch {
    throw new ApiError(0, "the engine does not answer");
  }
  const made = Date.parse(response.headers.get("Last-Modified") ?? "");
  if (made) observe(made / 1000);
  if (!response.ok) throw new ApiError(response.status, await explain(response));
  return response;
}

async function explain(response) {
  try {
    const { error, status } = await response.json();
    return error ?? String(status); // /healthz: "stale", "unusable" ...
  } catch {
    return response.statusText || `error ${response.status}`;
  }
}
