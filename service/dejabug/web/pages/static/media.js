/** Signed addresses of clips' thumbnails and previews, which expire after minutes. */

import { get } from "./api.js";
import { nearestPicture, pictureName } from "./player/clock.js";

/** Milliseconds after which an address is requested again: it expires after five minutes. */
const STALE = 4 * 60 * 1000;
/** Milliseconds between two checks whether a preview is ready. */
const PREPARING = 2500;
/** Clips in one request. */
const MOST = 50;

const known = new Map();

/** Get the addresses of these clips, in few requests. Throws ProblemError. */
export async function learn(ids) {
  const wanted = [...new Set(ids)].filter((id) => !fresh(known.get(id)));
  for (let from = 0; from < wanted.length; from += MOST) {
    const asked = new URLSearchParams(wanted.slice(from, from + MOST).map((id) => ["id", id]));
    const { clips } = await get("/clips", asked);
    for (const clip of clips) known.set(clip.id, { clip, when: Date.now() });
  }
}

/** Get a clip's addresses again: those that are known have failed. Throws ProblemError. */
export function renewed(id) {
  known.delete(id);
  return clipOf(id);
}

/** A clip with its addresses, or null where the user can't see it (any more). Throws ProblemError. */
export async function clipOf(id) {
  await learn([id]);
  return known.get(id)?.clip ?? null;
}

/** Have a clip's addresses requested again: they did not work. */
export function forget(id) {
  known.delete(id);
}

/** A clip for the player: one of ours, or a file of this browser. */
export function playable({ id = null, filename, duration, times, media = null, video = "none", local, still }) {
  return { id, filename, duration, times, video, local, still, media: media && base({ media }) };
}

/** The address of a clip's frame nearest to a time, or null. */
export function pictureOf(clip, time) {
  const nearest = nearestPicture(clip.times, time);
  if (!clip.media || nearest === null) return null;
  return `${base(clip)}/${pictureName(nearest)}`;
}

/** The address of a clip's preview, or null while there is none. */
export function videoOf(clip) {
  if (clip.local) return clip.local;
  return clip.media && clip.video === "ready" ? `${base(clip)}/video.mp4` : null;
}

function base(clip) {
  return new URL(clip.media, location.href).pathname; // this page may load from its own host only
}

function fresh(kept) {
  if (!kept) return false;
  return Date.now() - kept.when < (kept.clip.video === "preparing" ? PREPARING : STALE);
}
