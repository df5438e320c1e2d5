/** A question → a page of results, whatever was asked: words, a ticket's key, or a clip. */

import { get } from "./api.js";
import { keyIn, narrowed } from "./address.js";

/** Results of a page: full rows of the grid at most widths. */
const LIMIT = 24;

/** A page of results, from a cursor on. Throws ProblemError. */
export async function ask(question, cursor, signal) {
  const parameters = question.job ? new URLSearchParams() : narrowed(question.filters);
  parameters.set("limit", LIMIT);
  if (cursor) parameters.set("cursor", cursor);
  if (question.job) return (await get(`/jobs/${question.job}`, parameters, signal)).results;
  const key = keyIn(question.q);
  if (key) return get(`/issues/${key}/similar`, parameters, signal);
  parameters.set("q", question.q);
  return get("/search", parameters, signal);
}

/** What an upload is asked with. */
export function uploadParameters(question) {
  const parameters = narrowed(question.filters);
  parameters.set("limit", LIMIT);
  return parameters;
}

/** What a question is called. */
export function nameOf(question) {
  if (question.job) return "your clip";
  return keyIn(question.q) ?? `“${question.q.trim()}”`;
}
