/** The search page: what is asked stands in its address, and its results below. */

import { addressOf, isWords, keyIn, narrowed, questionOf, sameQuestion } from "./address.js";
import { ProblemError } from "./api.js";
import { ask, nameOf } from "./ask.js";
import { cardOf, momentOf, showPicture } from "./card.js";
import { hideDetail, showDetail } from "./detail.js";
import { byId } from "./dom.js";
import { onFile } from "./drop.js";
import { clearFilters, fill, offer, read } from "./form.js";
import { clipOf, learn, pictureOf } from "./media.js";
import { STEPS, awaitEnd, send } from "./upload.js";

/** Placeholders while a question is being answered. */
const SKELETONS = 8;
const NOT_KEPT = "Your clip itself is not kept: only what was found can be played.";
let question = questionOf("");
let results = [];
let cursor = null;
let reason = null;
let own = null; // the clip that was sent from here: {job, clip}
const rejected = new Set(); // keys of results marked as not a duplicate
let again = answer;
let work = new AbortController();

// What is asked

function go(next) {
  const address = addressOf(next);
  if (address === location.pathname + location.search) question = questionOf(""); // asked again
  else history.pushState(null, "", address);
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
  again = answer;
  title();
  if (!(question.q.trim() || question.job)) return;
  wait(true);
  await guarded(async (signal) => add(await ask(question, null, signal, step)));
}

async function more() {
  byId("more").disabled = true;
  const before = results.length;
  await guarded(async (signal) => add(await ask(question, cursor, signal)));
  byId("more").disabled = false;
  byId("results").children[before]?.querySelector(".clip").focus();
}

async function take(file) {
  reset();
  again = () => take(file);
  byId("q").value = "";
  question = read();
  byId("search").classList.add("asked");
  await guarded(async (signal) => {
    check(file);
    progress(`Sending ${file.name}…`, 0);
    const sent = await send(file, (part) => part < 1 && progress(`Sending ${file.name}…`, 100 * part), signal);
    await awaitEnd(sent, step, signal);
    own = { job: sent.id, clip: ownClip(file) };
    question = { ...read(), q: "", job: sent.id };
    history.pushState(null, "", addressOf(question));
    title();
    await add(await ask(question, null, signal, step));
  });
}

/** Throw what is wrong with a file that need not be sent to know it. */
function check(file) {
  const most = Number(byId("file").dataset.most);
  if (file.size <= most) return;
  const size = (bytes) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  const told = `This clip has ${size(file.size)}, and ${size(most)} at most can be sent. Send only the part with the bug.`;
  throw new ProblemError(413, told, true);
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
    byId("again").hidden = Boolean(error.final);
  } finally {
    if (!signal.aborted) {
      wait(false);
      byId("upload").hidden = true;
    }
  }
}

// What is shown

function title() {
  const asked = Boolean(question.q.trim() || question.job);
  byId("search").classList.toggle("asked", asked);
  document.title = asked ? `${nameOf(question)} · Déjà Bug` : "Search · Déjà Bug";
}

function reset() {
  work.abort();
  work = new AbortController();
  hideDetail();
  [results, cursor, reason] = [[], null, null];
  byId("results").replaceChildren();
  for (const id of ["problem", "empty", "more", "unlikely", "upload", "note"]) byId(id).hidden = true;
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
  [cursor, reason] = [page.next, page.reason];
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
  const like = question.unlikely && isWords(question) ? ", unlikely ones included, for" : " like";
  byId("said").textContent = results.length ? `${count}${like} ${nameOf(question)}` : "";
  byId("empty").hidden = results.length > 0;
  // Whether there are any is not told: some of them may not be this reader's to know of.
  const cut = isWords(question) && !question.unlikely;
  byId("unlikely").hidden = !cut || Boolean(cursor);
  byId("empty-title").textContent = cut ? "No likely matches" : "Nothing found";
  note(reason, question.job && !mine() && NOT_KEPT);
  const filtered = narrowed(question.filters).size > 0;
  byId("empty-text").textContent = filtered
    ? `No earlier clip ${cut ? "matches and " : ""}passes these filters. Clear some of them, then search again.`
    : `No earlier ${cut ? "ticket or clip clearly matches" : "clip shows this"}. Try other words for what is seen, or search with a clip.`;
}

function note(...told) {
  byId("note").textContent = told.filter(Boolean).join(" ");
  byId("note").hidden = !byId("note").textContent;
}

/** The clip that was asked with, while this page has it. */
function mine() {
  return own?.job === question.job ? own?.clip : null;
}

function step(state) {
  if (STEPS[state]) progress(STEPS[state], null);
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
  const key = question.job ? null : keyIn(question.q);
  return guarded(() => showDetail(result, mine(), key, (rejectedKey) => rejected.add(rejectedKey)));
}

byId("compare").addEventListener("close", () => {
  const left = question.open;
  if (!left || questionOf(location.search).open !== left) return;
  question.open = "";
  history.pushState(null, "", addressOf(question));
  const card = document.querySelector(`[data-key="${CSS.escape(left)}"]`);
  if (rejected.delete(left)) drop(left, card);
  else card?.querySelector(".clip").focus();
});

/** Take a result out of the list: it was marked as not a duplicate. */
function drop(key, card) {
  const next = card?.nextElementSibling ?? card?.previousElementSibling;
  results = results.filter((result) => result.key !== key);
  card?.remove();
  tell();
  (next?.querySelector(".clip") ?? byId("q")).focus();
}

/** What the form asks; without words, still what the clip that was sent asks. */
function asked() {
  const given = read();
  return given.q ? given : { ...given, job: question.job };
}

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  go(asked());
});
byId("filters").addEventListener("change", () => {
  const next = asked();
  if (next.q || next.job) go(next);
});
byId("clear").addEventListener("click", () => {
  clearFilters();
  go(asked());
});
byId("more").addEventListener("click", more);
byId("unlikely").addEventListener("click", () => go({ ...question, unlikely: true, open: "" }));
byId("again").addEventListener("click", () => again());
byId("cancel").addEventListener("click", () => {
  reset();
  question = questionOf("");
  arrive(); // at what was asked before
  byId("q").focus();
});
addEventListener("popstate", arrive);
onFile(take);
arrive();
