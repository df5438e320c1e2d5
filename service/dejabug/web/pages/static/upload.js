/** A clip's way to its results: sent, then read by a worker. */

import { API, ProblemError, get, refuse, remove } from "./api.js";

/** Milliseconds between looks where no stream can be had. */
const LOOK = 1500;
export const STEPS = {
  queued: "Waiting for a worker…",
  sampling: "Reading the clip…",
  embedding: "Looking at its pictures…",
  comparing: "Comparing with earlier clips…",
};

/** Send a clip, to be compared with all that one may see; the job. `told` gets the part that is
 * sent, 0 to 1. Throws ProblemError. */
export function send(file, told, signal) {
  return new Promise((done, fail) => {
    const call = new XMLHttpRequest();
    call.open("POST", `${API}/search/clip`);
    call.setRequestHeader("Prefer", "respond-async"); // its steps are listened to
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
    const lost = "The clip could not be sent. Check your connection, then try again.";
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

/** Wait until a clip is compared; `told` gets each state. Given up meanwhile, the service forgets
 * it. Throws ProblemError when the clip has failed. */
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
  if (seen.state === "failed") throw new ProblemError(0, why(seen.reason), true);
}

function ended({ state }) {
  return state === "done" || state === "failed";
}

/** Follow the job's events to its end, or to where they break off. */
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
  return `This clip cannot be searched with: ${said || "it could not be used"}. Try another clip, or describe the bug in words.`;
}
