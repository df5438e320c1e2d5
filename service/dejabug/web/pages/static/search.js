/** The search page: what is asked stands in its address, and its results below. */

import { addressOf, questionOf, sameQuestion } from "./address.js";
import { ask, nameOf, uploadParameters } from "./ask.js";
import { cardOf, momentOf, showPicture } from "./card.js";
import { hideDetail, showDetail } from "./detail.js";
import { byId } from "./dom.js";
import { onFile } from "./drop.js";
import { clearFilters, fill, offer, read } from "./form.js";
import { clipOf, learn, pictureOf } from "./media.js";
import { STEPS, awaitResults, send } from "./upload.js";

/** Placeholders while a question is being answered. */
const SKELETONS = 8;
let question = questionOf("");
let results = [];
let cursor = null;
let own = null; // the clip that was sent from here: {job, clip}
let work = new AbortController();

// What is asked

function go(next) {
  history.pushState(null, "", addressOf(next));
  return arrive();
}

async function arrive() {
  const next = questionOf(location.search);
  const same = sameQuestion(next, question) && results.length > 0;
  question = next;
  fill(question);
  if (!same) await answer();
  look();
}

async function answer() {
  reset();
  const asked = question.q.trim() || question.job;
  byId("search").classList.toggle("asked", Boolean(asked));
  document.title = asked ? `${nameOf(question)} · Déjà Bug` : "Search · Déjà Bug";
  if (!asked) return;
  wait(true);
  await guarded(async (signal) => add(await ask(question, null, signal)));
}

async function more() {
  byId("more").disabled = true;
  const before = results.length;
  await guarded(async (signal) => add(await ask(question, cursor, signal)));
  byId("more").disabled = false;
  byId("results").children[before]?.querySelector(".clip").focus();
}

async function take(file) {
  const asked = { ...read(), q: "" };
  reset();
  byId("q").value = "";
  byId("search").classList.add("asked");
  await guarded(async (signal) => {
    progress(`Sending ${file.name}…`, 0);
    const told = (part) => progress(part < 1 ? `Sending ${file.name}…` : STEPS.queued, part < 1 ? 100 * part : null);
    const sent = await send(file, uploadParameters(asked), told, signal);
    const job = await awaitResults(sent, (state) => progress(STEPS[state], null), signal);
    own = { job: job.id, clip: ownClip(file) };
    question = { ...asked, job: job.id };
    history.pushState(null, "", addressOf(question));
    document.title = `${nameOf(question)} · Déjà Bug`;
    await add(job.results);
  });
}

function ownClip(file) {
  if (own) URL.revokeObjectURL(own.clip.local);
  const local = URL.createObjectURL(file);
  const still = file.type.startsWith("image/");
  return { local, still, duration: 0, times: [], filename: file.name };
}

/** Do something that a later question cuts short, and tell what went wrong with it. */
async function guarded(doing) {
  const { signal } = work;
  try {
    await doing(signal);
  } catch (error) {
    if (error.name === "AbortError" || signal.aborted) return;
    byId("said").textContent = ""; // whatever it was about is over
    byId("problem-text").textContent = error.message;
    byId("problem").hidden = false;
    byId("again").hidden = !(question.q || question.job);
  } finally {
    if (!signal.aborted) {
      wait(false);
      byId("upload").hidden = true;
    }
  }
}

// What is shown

function reset() {
  work.abort();
  work = new AbortController();
  hideDetail();
  [results, cursor] = [[], null];
  byId("results").replaceChildren();
  for (const id of ["problem", "empty", "more", "upload"]) byId(id).hidden = true;
  byId("said").textContent = "";
  wait(false);
}

function wait(on) {
  const list = byId("results");
  list.setAttribute("aria-busy", String(on));
  for (const each of list.querySelectorAll(".skeleton")) each.remove();
  if (!on) return;
  for (let number = 0; number < SKELETONS; number++) {
    const place = document.createElement("li");
    place.className = "skeleton";
    place.setAttribute("aria-hidden", "true");
    list.append(place);
  }
  byId("said").textContent = "Searching…";
}

async function add(page) {
  wait(false);
  results = [...results, ...page.results];
  cursor = page.next;
  const cards = page.results.map((result) => cardOf(result, open));
  byId("results").append(...cards);
  byId("more").hidden = !cursor;
  offer(page.results);
  tell();
  await learn(page.results.flatMap(({ clip }) => (clip ? [clip.id] : [])));
  for (const [number, result] of page.results.entries()) {
    const clip = result.clip ? await clipOf(result.clip.id) : null;
    showPicture(cards[number], clip && pictureOf(clip, momentOf(result).at));
  }
}

function tell() {
  const count = `${results.length}${cursor ? " or more" : ""} ${results.length === 1 ? "ticket" : "tickets"}`;
  byId("said").textContent = results.length ? `${count} like ${nameOf(question)}` : "";
  byId("empty").hidden = results.length > 0;
  const filtered = Object.values(question.filters).some(Boolean);
  byId("empty-text").textContent = filtered
    ? "No earlier clip passes these filters. Clear some of them, then search again."
    : "No earlier clip shows this. Try other words for what is seen, or search with a clip.";
}

function progress(text, percent) {
  byId("upload").hidden = false;
  byId("upload-text").textContent = text;
  byId("said").textContent = text;
  if (percent === null) byId("upload-bar").removeAttribute("value");
  else byId("upload-bar").value = percent;
}

// What is looked at

function open(result) {
  history.pushState(null, "", addressOf({ ...question, open: result.key }));
  question.open = result.key;
  look();
}

function look() {
  const result = results.find(({ key }) => key === question.open);
  if (!result) return hideDetail();
  const mine = own?.job === question.job ? own.clip : null;
  const asked = mine ? `Your clip · ${mine.filename}` : `${nameOf(question)} · ${result.asked?.filename ?? ""}`;
  return guarded(() => showDetail(result, mine, asked));
}

byId("compare").addEventListener("close", () => {
  const left = question.open;
  if (!left || questionOf(location.search).open !== left) return;
  question.open = "";
  history.pushState(null, "", addressOf(question));
  document.querySelector(`[data-key="${CSS.escape(left)}"] .clip`)?.focus();
});

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  go(read());
});
byId("filters").addEventListener("change", () => {
  if (read().q) go(read());
});
byId("clear").addEventListener("click", () => {
  clearFilters();
  go(read());
});
byId("more").addEventListener("click", more);
byId("again").addEventListener("click", answer);
byId("cancel").addEventListener("click", () => {
  reset();
  byId("q").focus();
});
addEventListener("popstate", arrive);
onFile(take);
arrive();
