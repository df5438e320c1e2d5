/**
 * Clips in step: the arithmetic, without a screen (as the panel's player/clock.ts).
 *
 * All clips hang on one shared clock whose zero is the matching moment: at shared time t a clip shows
 * its `at + t`. All times are seconds.
 */

/** Below this clips look in step. */
const TOLERATED_DRIFT = 0.03;
/** Above this a video jumps; below, it runs a little faster or slower until it is back in step. */
const LARGEST_NUDGED_DRIFT = 0.25;
const NUDGE = 0.1;

export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

/** Where on the shared clock a clip lies. */
export function trackOf(clip, at) {
  const duration = Math.max(clip.duration || 0, clip.times.at(-1) ?? 0);
  return { at: clamp(at, 0, duration), duration };
}

/** The shared times at which at least one of the clips has footage. */
export function extent(tracks) {
  return [
    0 - Math.max(...tracks.map(({ at }) => at)),
    Math.max(...tracks.map(({ at, duration }) => duration - at)),
  ];
}

/** A clip's own time at a shared time, within its footage. */
export function shownAt(track, shared) {
  return clamp(track.at + shared, 0, track.duration);
}

/** The shared time `elapsed` seconds of wall time later; null at the end. */
export function advance(time, elapsed, [, last]) {
  const next = time + Math.max(0, elapsed);
  return next >= last ? null : next;
}

/** What to do with a video that shows `actual` where it should show `wanted`. */
export function correct(wanted, actual) {
  const ahead = actual - wanted;
  if (Math.abs(ahead) > LARGEST_NUDGED_DRIFT) return { seek: true, rate: 1 };
  if (Math.abs(ahead) <= TOLERATED_DRIFT) return { seek: false, rate: 1 };
  return { seek: false, rate: ahead > 0 ? 1 - NUDGE : 1 + NUDGE };
}

/** The picture nearest to a clip's time, or null where there is none. */
export function nearestPicture(times, time) {
  let best = null;
  for (const candidate of times) {
    if (best === null || Math.abs(candidate - time) < Math.abs(best - time)) best = candidate;
  }
  return best;
}
