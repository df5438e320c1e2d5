/** The search page. Its address holds the search; the results are listed below the form. */

import { addressOf, isWords, keyIn, narrowed, questionOf, sameQuestion } from "./address.js";
import { ProblemError } from "./api.js";
import { ask, nameOf } from "./ask.js";
import { cardOf, momentOf, showPicture } from "./card.js";
import { hideDetail, showDetail } from "./detail.js";
import { byId } from "./dom.js";
import { onFile } from "./drop.js";
import { clearFilters, fill, offer, read } from "./form.js";
import { onKeys } from "./keyboard.js";
import { clipOf, learn, pictureOf, renewed } from "./media.js";
import { hideOpening, onLeft, showOpening } from "./opening.js";
import { STEPS, awaitEnd, send } from "./upload.js";

/** Placeholders during a search. */
const SKELETONS = 8;
const NOT_KEPT = "Your clip was deleted after the comparison. You can play the clips that were found.";
let question = questionOf("");
let results = [];
let cursor = null;
let reason = null;
let own = null; // the clip that was uploaded from this page: {job, file, clip}
const rejected = new Set(); // keys of results marked as not a duplicate
let again = answer;
let work = new AbortController();

// The search

function go(next) {
  const address = addressOf(next);
  if (address === location.pathname + location.search) question = questionOf(""); // search again
  else history.pushState(null, "", address);
  return arrive();
}

async function arrive() {
  const next = questionOf(location.search);
  const same = sameQuestion(next, question) && results.length > 0;
  question = next;
  fill(question);
  if (!same) {
    if (question.open) showOpening(question.open, { soon: true });
    else hideOpening();
    await answer();
    if (question !== next) return; // a later search shows its own results
  }
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
  byId("problem").hidden = true;
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
    progress(`Uploading ${file.name}…`, 0);
    const sent = await send(file, (part) => part < 1 && progress(`Uploading ${file.name}…`, 100 * part), signal);
    await awaitEnd(sent, step, signal);
    own = { job: sent.id, file, clip: ownClip(file) };
    question = { ...read(), q: "", job: sent.id };
    history.pushState(null, "", addressOf(question));
    title();
    add(await ask(question, null, signal, step));
  });
}

/** Throw what is wrong with a file, if that is clear without uploading it. */
function check(file) {
  const most = Number(byId("file").dataset.most);
  if (file.size <= most) return;
  const size = (bytes) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  const told = `This clip has ${size(file.size)}; the limit is ${size(most)}. Cut it to the part with the bug.`;
  throw new ProblemError(413, told, "Choose a clip");
}

function ownClip(file) {
  if (own) URL.revokeObjectURL(own.clip.local);
  const local = URL.createObjectURL(file);
  const still = file.type.startsWith("image/");
  return { local, still, duration: 0, times: [], filename: file.name };
}

/** Do something that a later search cancels, and show what went wrong with it. */
async function guarded(doing) {
  const { signal } = work;
  try {
    await doing(signal);
  } catch (error) {
    if (error.name === "AbortError" || signal.aborted) return;
    hideOpening();
    byId("said").textContent = "";
    byId("problem-text").textContent = error.message;
    byId("problem").hidden = false;
    helpWith(error);
  } finally {
    if (!signal.aborted) {
      wait(false);
      byId("upload").hidden = true;
    }
  }
}

/** Name the button that helps after an error, and what it does. */
function helpWith({ status, action }) {
  const [button, sent] = [byId("again"), question.job && mine() ? own.file : null];
  button.hidden = !action;
  button.textContent = action ?? "";
  if (action !== "Choose a clip") return;
  if (status === 410 && sent) {
    button.textContent = "Search again"; // this page still has the file
    again = () => take(sent);
  } else again = () => byId("file").click();
}

// The page

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

function add(page) {
  wait(false);
  results = [...results, ...page.results];
  [cursor, reason] = [page.next, page.reason];
  const cards = page.results.map((result) => cardOf(result, open));
  byId("results").append(...cards);
  byId("more").hidden = !cursor;
  offer(page.results);
  tell();
  guarded(() => illustrate(page.results, cards));
}

/** Give each result's card its thumbnail. Throws ProblemError. */
async function illustrate(found, cards) {
  await learn(found.flatMap(({ clip }) => (clip ? [clip.id] : [])));
  for (const [number, result] of found.entries()) {
    const address = (clip) => clip && pictureOf(clip, momentOf(result).at);
    const id = result.clip?.id;
    showPicture(cards[number], id ? address(await clipOf(id)) : null, async () => address(await renewed(id)));
  }
}

function tell() {
  const count = `${results.length}${cursor ? " or more" : ""} ${results.length === 1 ? "ticket" : "tickets"}`;
  const like = question.unlikely && isWords(question) ? ", including unlikely matches, for" : " like";
  byId("said").textContent = results.length ? `${count}${like} ${nameOf(question)}` : "";
  byId("empty").hidden = results.length > 0;
  // Shown whether there are any or not: their number would reveal tickets that the user can't see.
  const cut = isWords(question) && !question.unlikely;
  byId("unlikely").hidden = !cut || Boolean(cursor);
  byId("empty-title").textContent = cut ? "No likely matches" : "No matches";
  note(reason, question.job && !mine() && NOT_KEPT);
  const filtered = narrowed(question.filters).size > 0;
  byId("empty-text").textContent = filtered
    ? `No earlier ${cut ? "ticket or clip clearly matches" : "clip matches"} with these filters. Remove a filter and search again.`
    : `No earlier ${cut ? "ticket or clip clearly matches" : "clip shows this"}. Try other words for what you see, or search with a clip.`;
}

function note(...told) {
  byId("note").textContent = told.filter(Boolean).join(" ");
  byId("note").hidden = !byId("note").textContent;
}

/** The clip that this search was started with, while this page has it. */
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

// The open result

function open(result) {
  history.pushState(null, "", addressOf({ ...question, open: result.key }));
  question.open = result.key;
  look();
}

async function look() {
  const { open: key } = question;
  const result = results.find((each) => each.key === key);
  if (!result) {
    hideOpening();
    if (key && results.length) note(byId("note").textContent, `${key} is not in these results.`);
    return hideDetail();
  }
  const asked = question.job ? null : keyIn(question.q);
  showOpening(key);
  await guarded(() => showDetail(result, mine(), asked, (rejectedKey) => rejected.add(rejectedKey)));
  if (question.open !== key) return;
  hideOpening();
  if (byId("compare").open || !byId("problem").hidden) return;
  question.open = "";
  history.replaceState(null, "", addressOf(question));
  note(byId("note").textContent, `The clip of ${key} is no longer available. Search again.`);
}

onLeft(() => {
  if (!question.open) return;
  const left = question.open;
  hideDetail();
  question.open = "";
  history.pushState(null, "", addressOf(question));
  focusOn(left);
});

byId("compare").addEventListener("close", () => {
  const left = question.open;
  if (!left || questionOf(location.search).open !== left) return;
  question.open = "";
  history.pushState(null, "", addressOf(question));
  const card = document.querySelector(`[data-key="${CSS.escape(left)}"]`);
  if (rejected.delete(left)) drop(left, card);
  else focusOn(left);
});

/** Put the focus on a result's clip. */
function focusOn(key) {
  document.querySelector(`[data-key="${CSS.escape(key)}"] .clip`)?.focus();
}

/** Take a result out of the list: it was marked as not a duplicate. */
function drop(key, card) {
  const next = card?.nextElementSibling ?? card?.previousElementSibling;
  results = results.filter((result) => result.key !== key);
  card?.remove();
  tell();
  (next?.querySelector(".clip") ?? byId("q")).focus();
}

/** The search in the form; without words, the search with the uploaded clip. */
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
  arrive(); // back to the search before
  byId("q").focus();
});
addEventListener("popstate", arrive);
onFile(take);
onKeys(() => go(asked()));
arrive();
