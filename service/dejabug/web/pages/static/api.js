/** Calls the API with the page's session, whose cookie no script can read. */

export const API = "/api/v1";

/** What went wrong, as the service's problem details say it. `action` names the button that helps:
 * "Try again", or null where trying again does not help. */
export class ProblemError extends Error {
  constructor(status, detail, action = "Try again") {
    super(detail || "Something went wrong. Try again.");
    this.status = status;
    this.action = action;
  }
}

const AWAY = "Can't reach the service. Check your connection, then try again.";

/** The JSON at an address of the API; `parameters` as URLSearchParams. Throws ProblemError. */
export async function get(path, parameters, signal) {
  const query = parameters?.toString();
  return read(`${API}${path}${query ? `?${query}` : ""}`, { signal });
}

/** Change something, with a body that is sent as JSON; returns the answer's JSON, or null. Throws ProblemError. */
export function post(address, body) {
  if (body === undefined) return read(address, { method: "POST" });
  const headers = { "Content-Type": "application/json" };
  return read(address, { method: "POST", headers, body: JSON.stringify(body) });
}

/** Delete something if possible: nobody waits for the answer. */
export function remove(path) {
  fetch(`${API}${path}`, { method: "DELETE", credentials: "same-origin", keepalive: true }).catch(() => {});
}

/** Throw the error that an answer reports. A session that has ended leads to the sign-in page. */
export function refuse(status, told) {
  if (status === 401) {
    location.assign(`/sign-in?ended=1&next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  throw new ProblemError(status, told?.detail);
}

async function read(address, options) {
  let answer;
  try {
    answer = await fetch(address, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ProblemError(0, AWAY);
  }
  const told = await answer.json().catch(() => null);
  if (!answer.ok) refuse(answer.status, told);
  return told;
}
