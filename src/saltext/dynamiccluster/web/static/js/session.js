// Who is logged in, and what they may do.

import { get, post, useCsrf } from "./api.js";

let known = { authenticated: false, user: "", rights: [], eauth: [], anonymous_read: false };

export function session() {
  return known;
}

/** Ask the server who we are. Raises ApiError. */
export async function whoami() {
  return keep(await get("/session"));
}

/** Log in with {username, password, eauth} or {token}. Raises ApiError. */
export async function login(wanted) {
  return keep(await post("/login", wanted));
}

/** End the session, whatever the server says of it. */
export async function logout() {
  try {
    await post("/logout", {});
  } finally {
    keep({ ...known, authenticated: false, user: "", csrf: "", rights: [] });
  }
}

/** Tell whether this session may call a runner function. */
export function may(right) {
  return known.rights.includes(right);
}

/** Tell whether anything can be shown. */
export function maySee() {
  return known.authenticated || known.anonymous_read;
}

function keep(answer) {
  known = answer;
  useCsrf(answer.csrf ?? "");
  return answer;
}
