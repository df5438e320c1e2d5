/** The dialog with a result's clip in the player, beside the clip that was searched with. */

import { API, get, post } from "./api.js";
import { MATCH, momentOf } from "./card.js";
import { byId, clockTime, make, ticketLink } from "./dom.js";
import { clipOf, forget, playable } from "./media.js";
import { ComparePlayer } from "./player/player.js";
import { VerdictControls } from "./player/verdict.js";

/** Milliseconds after which a preview that is being generated is asked for again. */
const PREPARING = 3000;
/** Milliseconds within which a second media error is not about an address that expired. */
const FRESH = 60 * 1000;
/** Why a result was found, for a search by words. */
const FOUND_BY = { words: "The ticket's text matches your words.", picture: "Frames of the clip match your words." };

let player = null;
/** Counts the requests to show a result: an answer that comes after a later request, or after the dialog was
 * closed, must not open it. */
let latest = 0;
/** Verdicts given on this page, by both keys: true for the same bug. */
const given = new Map();

byId("compare").addEventListener("close", () => {
  latest += 1;
  player?.end();
  player = null;
  byId("compare").replaceChildren();
});

/** Open the dialog of a result. `own` is the uploaded clip, if this browser has it, and `key` the ticket that was
 * searched with, if any; `rejected` is called when the result was marked as not a duplicate. Throws ProblemError. */
export async function showDetail(result, own, key, rejected) {
  const dialog = byId("compare");
  latest += 1;
  const mine = latest;
  const sides = await sidesOf(result, own);
  if (!sides.length || dialog.open || mine !== latest) return;
  const close = make("button", { type: "button", class: "quiet close", "aria-label": "Close" }, "✕");
  close.addEventListener("click", () => dialog.close());
  const title = make("h2", { id: "compare-title" }, ticketLink(result.key, result.url), ` ${result.summary}`);
  const both = sides.length > 1;
  const moments = momentsOf(result, both);
  player = new ComparePlayer({
    label: both ? `${sides[0].name} and ${sides[1].name}, side by side` : sides[0].clipName,
    sides,
    moments,
    score: scoreOf(result),
    scoreLabel: `Why ${result.key} has this score`,
    heatMaps: (pair) => get("/heat-maps", new URLSearchParams(pair)),
    verdict: verdictOn(result, key, rejected),
    note: noteOn(result, both),
    mediaFailed: renewal(result, own, mine),
  });
  dialog.replaceChildren(make("header", {}, title, close), player.element);
  dialog.showModal();
  player.focus();
  awaitPreviews(result, own, sides, mine);
}

export function hideDetail() {
  latest += 1;
  if (byId("compare").open) byId("compare").close();
}

/** The clip that was searched with, and the one that was found. */
async function sidesOf(result, own) {
  const found = result.clip ? await clipOf(result.clip.id) : null;
  const asked = own ? null : result.asked && (await clipOf(result.asked.id));
  const sides = found ? [sideOf(found)] : [];
  // Words match a moment of one clip alone.
  if (result.moments[0]?.here_at === null) return sides;
  if (own) sides.unshift({ name: "Your clip", clipName: "Your clip", url: null, clip: playable(own) });
  else if (asked) sides.unshift(sideOf(asked));
  return sides;
}

function sideOf(clip) {
  const { key, url } = clip.issue;
  return { name: key, clipName: `Clip of ${key}`, url, clip: playable(clip) };
}

function momentsOf(result, both) {
  if (!result.moments.length && !both) {
    const { at, span } = momentOf(result);
    return [{ at: [at], spans: [span] }];
  }
  return result.moments.map(({ here, here_at, there, there_at }) =>
    both ? { at: [here_at, there_at], spans: [here, there] } : { at: [there_at], spans: [there] },
  );
}

/** For words the score is no probability, so only its label is shown. */
function scoreOf({ score, label, relevance, reasons, same_file, found_by }) {
  if (!relevance) return { label: label ?? "", value: score, reasons: same_file ? [] : reasons };
  const texts = found_by.map((by) => FOUND_BY[by]).filter(Boolean);
  return { label: MATCH[relevance], value: null, reasons: texts.map((text) => ({ strength: null, text })) };
}

function noteOn(result, both) {
  const matched = both ? null : result.moments[0]?.here;
  return matched ? `Your clip is not stored. It matches from ${clockTime(matched[0])} to ${clockTime(matched[1])}.` : "";
}

/** The controls of a verdict, between two tickets, where the reader may give one. */
function verdictOn(result, key, rejected) {
  if (!key || key === result.key || byId("compare").dataset.verdicts === undefined) return null;
  const pair = `${key} and ${result.key}`;
  const decide = async (same) => {
    await post(`${API}/issues/${key}/verdicts`, { other: result.key, same });
    given.set(pair, same);
    if (!same) rejected(result.key);
  };
  const controls = new VerdictControls({
    there: result.key,
    same: { text: "Same bug", label: `Same bug: ${pair}` },
    sameDone: { text: "Marked as the same bug", label: `Marked as the same bug: ${pair}` },
    notDone: { text: "Marked as not a duplicate", label: `Marked as not a duplicate: ${pair}` },
    saving: "Saving…",
    onSame: () => decide(true),
    onNot: () => decide(false),
    final: false,
    saved: (same) => (same ? `Saved: ${pair} are the same bug.` : `Saved: ${result.key} won't be suggested for ${key} again.`),
  });
  controls.update({}, given.get(pair) === true);
  return controls.element;
}

/** Ask for new addresses, once a minute at most, when a clip can't be loaded. */
function renewal(result, own, mine) {
  let last = -Infinity;
  return async () => {
    if (Date.now() - last < FRESH) return;
    last = Date.now();
    for (const clip of [result.clip, result.asked]) if (clip) forget(clip.id);
    await renew(result, own, mine);
  };
}

/** While previews are being generated, look for them, and play them as soon as they are there. */
async function awaitPreviews(result, own, sides, mine) {
  let known = sides;
  while (known.some(({ clip }) => clip.video === "preparing")) {
    await new Promise((done) => setTimeout(done, PREPARING));
    if (mine !== latest) return;
    known = (await renew(result, own, mine)) ?? known;
  }
}

async function renew(result, own, mine) {
  const sides = await sidesOf(result, own).catch(() => null); // what is shown stays
  if (!sides || mine !== latest || !player) return null;
  player.update(sides, momentsOf(result, sides.length > 1));
  return sides;
}
