/** Uploads a clip, and follows a worker's progress with it. */

import { API, ProblemError, get, refuse, remove } from "./api.js";

/** Milliseconds between requests where the event stream is not available. */
const LOOK = 1500;
export const STEPS = {
  queued: "Waiting for a worker…",
  sampling: "Reading the clip…",
  embedding: "Analysing frames…",
  comparing: "Comparing with earlier clips…",
};

/** Upload a clip, to be compared with all clips that the user may see. Resolves to the job; `told`
 * gets the share that is uploaded, 0 to 1. Throws ProblemError. */
export function send(file, told, signal) {
  return new Promise((done, fail) => {
    const call = new XMLHttpRequest();
    call.open("POST", `${API}/search/clip`);
    call.setRequestHeader("Prefer", "respond-async"); // its progress comes as events
    call.responseType = "json";
    call.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) told(event.loaded / event.total);
    });
    call.addEventListener("load", () => {
      if (call.status < 300) return done(call.response);
      try {
        refuse(call.status, call.response);
      } catch (error) {
        fail(error);
      }
    });
    const lost = "The upload was interrupted. Check your connection, then try again.";
    call.addEventListener("error", () => fail(new ProblemError(0, lost)));
    signal.addEventListener("abort", () => {
      call.abort();
      fail(new DOMException("cancelled", "AbortError"));
    });
    const body = new FormData();
    body.append("file", file);
    call.send(body);
  });
}

/** Wait until a clip is compared; `told` gets each state. When `signal` aborts, the service is asked
 * to delete the clip. Throws ProblemError when the clip has failed. */
export async function awaitEnd(job, told, signal) {
  const giveUp = () => remove(`/jobs/${job.id}`);
  signal.addEventListener("abort", giveUp);
  let seen = job;
  told(seen.state);
  if (!ended(seen)) {
    await listen(job.id, told, signal);
    seen = await get(`/jobs/${job.id}`, undefined, signal);
  }
  while (!ended(seen)) {
    told(seen.state);
    await new Promise((done) => setTimeout(done, LOOK));
    seen = await get(`/jobs/${job.id}`, undefined, signal);
  }
  signal.removeEventListener("abort", giveUp);
  if (seen.state === "failed") throw new ProblemError(0, why(seen.reason), null);
}

function ended({ state }) {
  return state === "done" || state === "failed";
}

/** Follow the job's events to the end, or until the stream is interrupted. */
function listen(id, told, signal) {
  return new Promise((done) => {
    const events = new EventSource(`${API}/jobs/${id}`);
    const finish = () => {
      events.close();
      done();
    };
    events.addEventListener("progress", (event) => told(JSON.parse(event.data).state));
    for (const name of ["end", "error"]) events.addEventListener(name, finish);
    signal.addEventListener("abort", finish);
  });
}

function why(reason) {
  const said = (reason ?? "").replace(/^[a-z_]+: /, "");
  return `Can't search with this clip: ${said || "it failed"}. Try another clip, or describe the bug in words.`;
}
