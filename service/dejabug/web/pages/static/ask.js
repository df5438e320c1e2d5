/** A question → a page of results, whatever was asked: words, a ticket's key, or a clip. */

import { ProblemError, get } from "./api.js";
import { keyIn, narrowed } from "./address.js";
import { awaitEnd } from "./upload.js";

/** Results of a page: full rows of the grid at most widths. */
const LIMIT = 24;
const CLIP_OVER =
  "This search with a clip is over: what a clip was like is kept for 15 minutes. Drop the clip again.";
const PAGES_OVER = "More of these results was kept for five minutes only. Search again.";

/** A page of results, from a cursor on, with the `reason` why there are few, if any is known. `told`
 * gets each state of a clip that is still being read. Throws ProblemError. */
export async function ask(question, cursor, signal, told) {
  const parameters = narrowed(question.filters);
  parameters.set("limit", LIMIT);
  if (cursor) parameters.set("cursor", cursor);
  try {
    return await page(question, parameters, signal, told);
  } catch (error) {
    if (error.status === 404 && cursor) throw new ProblemError(404, PAGES_OVER);
    if (error.status === 404 && question.job) throw new ProblemError(404, CLIP_OVER, true);
    throw error;
  }
}

async function page(question, parameters, signal, told) {
  if (question.job) {
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

/** What a question is called. */
export function nameOf(question) {
  if (question.job) return "your clip";
  return keyIn(question.q) ?? `“${question.q.trim()}”`;
}
