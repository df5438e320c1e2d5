/** Runs a search, whatever it is by (words, a ticket key or a clip), and returns a page of results. */

import { ProblemError, get } from "./api.js";
import { keyIn, narrowed } from "./address.js";
import { byId } from "./dom.js";
import { awaitEnd } from "./upload.js";

/** Results on a page: full rows of the grid at most widths. */
const LIMIT = 24;
/** How the service answers for what has expired (RFC 9110, 15.5.11). */
const GONE = 410;
const JOB = /^[0-9a-f]{32}$/;

/** A page of results, from a cursor on, with the `reason` why there are few, if it is known. `told`
 * gets each state of a clip that is still being processed. Throws ProblemError. */
export async function ask(question, cursor, signal, told) {
  const parameters = narrowed(question.filters);
  parameters.set("limit", LIMIT);
  if (cursor) parameters.set("cursor", cursor);
  try {
    return await page(question, parameters, signal, told);
  } catch (error) {
    if (cursor && [404, GONE].includes(error.status)) throw expiredResults();
    if (question.job && [404, GONE].includes(error.status)) throw expiredClip(error.status);
    throw error;
  }
}

async function page(question, parameters, signal, told) {
  if (question.job) {
    if (!JOB.test(question.job)) throw new ProblemError(404);
    const path = `/jobs/${question.job}`;
    let job = await get(path, parameters, signal);
    if (!job.results) {
      await awaitEnd(job, told, signal);
      job = await get(path, parameters, signal);
    }
    return { ...job.results, reason: job.reason && `About your clip: ${job.reason}.` };
  }
  const key = keyIn(question.q);
  if (key) return get(`/issues/${key}/similar`, parameters, signal);
  parameters.set("q", question.q);
  if (question.unlikely) parameters.set("unlikely", "true");
  return get("/search", parameters, signal);
}

function expiredResults() {
  const { pageMinutes } = byId("form").dataset;
  const text = `These results have expired: they are kept for ${pageMinutes} minutes. Search again.`;
  return new ProblemError(GONE, text, "Search again");
}

/** A job that is not found was somebody else's, or its address is wrong: the service does not say. */
function expiredClip(status) {
  const { jobMinutes } = byId("form").dataset;
  const text =
    status === GONE
      ? `This clip search has expired: clips are deleted once they are compared, and results after ${jobMinutes} minutes. Drop the clip again.`
      : "Clip search not found: only the person who uploads a clip sees its results. Drop the clip to search with it.";
  return new ProblemError(GONE, text, "Choose a clip");
}

/** What a search is called. */
export function nameOf(question) {
  if (question.job) return "your clip";
  return keyIn(question.q) ?? `“${question.q.trim()}”`;
}
