/** The status page. */

import { API, get, post } from "./api.js";
import { byId, make, ticketLink } from "./dom.js";

/** Milliseconds between two requests while the page is visible. */
const LOOK = 5000;
const number = new Intl.NumberFormat("en");

async function show() {
  try {
    draw(await get("/status"));
  } catch (error) {
    said(error.message, "bad");
  }
}

function said(text, how, items = []) {
  byId("state").className = `state ${how}`;
  if (byId("state").textContent === text + items.join("")) return; // or it would be read out again
  const list = items.length ? [make("ul", {}, ...items.map((item) => make("li", {}, item)))] : [];
  byId("state").replaceChildren(text, ...list);
}

function draw(status) {
  const problems = status.problems.map((each) => `${each[0].toUpperCase()}${each.slice(1)}`);
  if (problems.length > 1) said(`${problems.length} problems:`, "bad", problems);
  else said(problems.length ? `${problems[0]}.` : "All systems are working.", problems.length ? "bad" : "good");
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
    Index: index ? `${index.algorithm}${index.ready ? "" : ", still building"}` : "none yet",
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
  const again = make("button", { type: "button", "aria-label": `Retry ${clip.filename} of ${clip.issue}` }, "Retry");
  again.addEventListener("click", () => retry(again, `/clips/${clip.id}/retry`));
  const text = make("div", {}, make("p", {}, ticketLink(clip.issue, clip.url), ` ${clip.filename}`));
  text.append(make("p", { class: "small" }, clip.reason));
  return make("li", {}, text, again);
}

/** The clips that are listed, and their notes, as last drawn. */
let listed = null;

/** Draws the list again only if it has changed: someone may be about to click a link. The links
 * expire after minutes, so their addresses are replaced each time. */
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
  // Never redraw a button that has the focus.
  if (!document.hidden && !byId("failed").contains(document.activeElement)) show();
}, LOOK);
// After a while in the background the links to contact sheets have expired.
document.addEventListener("visibilitychange", () => !document.hidden && show());
show();
