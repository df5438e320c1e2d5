/** The status page. */

import { API, get, post } from "./api.js";
import { byId, make, ticketLink } from "./dom.js";

/** Milliseconds between looks while the page is seen. */
const LOOK = 5000;
const number = new Intl.NumberFormat("en");

async function show() {
  try {
    draw(await get("/status"));
  } catch (error) {
    said(error.message, "bad");
  }
}

function said(text, how) {
  byId("state").className = `state ${how}`;
  if (byId("state").textContent !== text) byId("state").textContent = text;
}

function draw(status) {
  const bad = status.problems.length > 0;
  said(bad ? `Not everything works: ${status.problems.join("; ")}` : "Everything works.", bad ? "bad" : "good");
  byId("numbers").replaceChildren(...numbers(status));
  byId("queues").replaceChildren(...status.queues.map(queueRow));
  byId("failed").replaceChildren(...status.failed.map(failedRow));
  const count = status.failed.length + status.more_failed;
  if (status.more_failed) byId("failed").append(make("li", {}, `… and ${number.format(status.more_failed)} more`));
  byId("failed-none").hidden = count > 0;
  byId("retry-all").hidden = count < 2;
  drawNoted(status.noted);
  byId("report").hidden = false;
}

function numbers({ issues, clips, index, encoder, scores }) {
  const told = {
    Tickets: number.format(issues),
    "Clips indexed": number.format(clips.indexed),
    "Clips waiting": number.format(clips.queued),
    "Clips failed": number.format(clips.failed),
    "Clips purged": number.format(clips.purged),
    Frames: index ? number.format(index.frames) : "none yet",
    Index: index ? `${index.algorithm}${index.ready ? "" : ", being built"}` : "none yet",
    "Model and device": encoder,
    Scores: scores,
  };
  return Object.entries(told).map(([name, value]) =>
    make("div", { class: value.length > 16 ? "wide" : null }, make("dt", {}, name), make("dd", {}, value)),
  );
}

function queueRow({ name, waiting, workers }) {
  const cell = make("td", { class: workers ? null : "bad" }, workers ? String(workers) : "none");
  return make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, number.format(waiting)), cell);
}

function failedRow(clip) {
  const again = make("button", { type: "button", "aria-label": `Try ${clip.filename} of ${clip.issue} again` }, "Try again");
  again.addEventListener("click", () => retry(again, `/clips/${clip.id}/retry`));
  const text = make("div", {}, make("p", {}, ticketLink(clip.issue, clip.url), ` ${clip.filename}`));
  text.append(make("p", { class: "small" }, clip.reason));
  return make("li", {}, text, again);
}

/** Which clips are listed, and with what note, as they were drawn last. */
let listed = null;

/** The list is drawn again when it changes only: somebody may be about to follow a link. The links'
 * addresses last for minutes, so that they are renewed each time. */
function drawNoted(noted) {
  byId("noted-section").hidden = !noted.length;
  const said = JSON.stringify(noted.map(({ id, issue, note, sheet }) => [id, issue, note, Boolean(sheet)]));
  if (said !== listed) byId("noted").replaceChildren(...noted.map(notedRow));
  else for (const clip of noted) if (clip.sheet) byId(`sheet-${clip.id}`).href = clip.sheet;
  listed = said;
}

function notedRow(clip) {
  const text = make("div", {}, make("p", {}, ticketLink(clip.issue, clip.url), ` ${clip.filename}`));
  text.append(make("p", { class: "small" }, clip.note));
  if (!clip.sheet) return make("li", {}, text);
  const name = `Contact sheet of ${clip.filename} of ${clip.issue}`;
  const link = { id: `sheet-${clip.id}`, class: "button", href: clip.sheet, target: "_blank", rel: "noopener", "aria-label": name };
  return make("li", {}, text, make("a", link, "Contact sheet"));
}

async function retry(button, path) {
  button.disabled = true;
  try {
    await post(API + path);
    await show();
  } catch (error) {
    said(error.message, "bad");
  }
  button.disabled = false;
}

byId("retry-all").addEventListener("click", () => retry(byId("retry-all"), "/clips/retry"));
setInterval(() => {
  // Nothing is drawn again under somebody's fingers.
  if (!document.hidden && !byId("failed").contains(document.activeElement)) show();
}, LOOK);
show();
