/**
 * Clips in step: the arithmetic, without a screen.
 *
 * All clips of a player, one or two, are on one shared clock whose zero is the matching moment: at
 * shared time t each clip shows its own `at + t`, so the offset between them never changes. All times
 * are seconds.
 */

/** @typedef {readonly [start: number, end: number]} Span */

/**
 * A clip's place on the shared clock: its time at shared time zero, its length, and the times of its
 * frames, ascending.
 *
 * @typedef {{at: number, duration: number, times: readonly number[]}} Track
 */

/**
 * A matching moment: for each clip its time, and the stretch around it that matches.
 *
 * @typedef {{at: readonly number[], spans: readonly Span[]}} Moment
 */

/**
 * What a clip shows: its own time, within its footage, and whether the shared time lies before its
 * first or after its last frame.
 *
 * @typedef {{time: number, outside: "before" | "after" | null}} Shown
 */

/** @typedef {{time: number, playing: boolean}} Playback */

/** @typedef {{duration: number, times: readonly number[]}} Footage */

/** A moment may be a single frame; a shorter loop flickers. Seconds. */
const SHORTEST_LOOP = 2;

/** One frame of a 30 fps recording. */
export const FRAME = 1 / 30;

/** Below this, clips look in step. */
const TOLERATED_DRIFT = 0.03;

/** Above this a video jumps; below, it runs a little faster or slower until it is back in step. */
const LARGEST_NUDGED_DRIFT = 0.25;

const NUDGE = 0.1;

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

/**
 * @param {Footage} clip
 * @param {number} at
 * @returns {Track}
 */
export function trackOf(clip, at) {
  const times = [...clip.times].sort((a, b) => a - b);
  const duration = Math.max(clip.duration || 0, times.at(-1) ?? 0);
  return { at: clamp(at, 0, duration), duration, times };
}

/**
 * The clips' tracks for a moment. Without one (the clips match as a whole) all begin at their start.
 *
 * @param {readonly Footage[]} clips
 * @param {Moment | undefined} moment
 */
export function tracksFor(clips, moment) {
  return clips.map((clip, number) => trackOf(clip, moment?.at[number] ?? 0));
}

/**
 * The shared times at which at least one of the clips has footage.
 *
 * @param {readonly Track[]} tracks
 * @returns {Span}
 */
export function extent(tracks) {
  return [
    0 - Math.max(...tracks.map(({ at }) => at)),
    Math.max(...tracks.map(({ at, duration }) => duration - at)),
  ];
}

/**
 * @param {Track} track
 * @param {number} shared
 * @returns {Shown}
 */
export function shownAt(track, shared) {
  if (track.duration === 0) return { time: 0, outside: null }; // a still: the same at every time
  const time = track.at + shared;
  const slack = 1e-6; // sums of floats: the last frame is still footage
  if (time < -slack) return { time: 0, outside: "before" };
  if (time > track.duration + slack) return { time: track.duration, outside: "after" };
  return { time: clamp(time, 0, track.duration), outside: null };
}

/**
 * The stretch to loop over, on the shared clock: what the moment covers in any of the clips, and at
 * least the seconds around it.
 *
 * @param {readonly Track[]} tracks
 * @param {Moment} moment
 * @returns {Span}
 */
export function loopOf(tracks, moment) {
  const covered = tracks.map(({ at }, number) => (moment.spans[number] ?? [at, at]).map((time) => time - at));
  const start = Math.min(...covered.flat());
  const end = Math.max(...covered.flat());
  const missing = Math.max(0, SHORTEST_LOOP - (end - start)) / 2;
  const [first, last] = extent(tracks);
  return [clamp(start - missing, first, last), clamp(end + missing, first, last)];
}

/**
 * The frame nearest to a clip's time, or null where there is none.
 *
 * @param {readonly number[]} times
 * @param {number} time
 */
export function nearestPicture(times, time) {
  /** @type {number | null} */
  let best = null;
  for (const candidate of times) {
    if (best === null || Math.abs(candidate - time) < Math.abs(best - time)) best = candidate;
  }
  return best;
}

/**
 * The address of a frame's image below the clip's: milliseconds, rounded.
 *
 * @param {number} time
 */
export function pictureName(time) {
  return `pictures/${Math.round(time * 1000)}.jpg`;
}

/**
 * The playback `elapsed` seconds of wall time later.
 *
 * @param {Playback} playback
 * @param {number} elapsed
 * @param {number} rate
 * @param {Span} whole
 * @param {Span | null} loop
 * @returns {Playback}
 */
export function advance(playback, elapsed, rate, [first, last], loop) {
  if (!playback.playing) return playback;
  const time = playback.time + Math.max(0, elapsed) * rate;
  // Playing over the loop's end goes back to its start. From behind the loop, playing goes on.
  if (loop && loop[1] > loop[0] && playback.time <= loop[1] && time > loop[1]) {
    return { time: loop[0], playing: true };
  }
  if (time >= last) return { time: last, playing: false };
  return { time: Math.max(time, first), playing: true };
}

/**
 * Shared time one frame on: a thirtieth of a second of a video. Where no clip has one, the next of
 * the frames that are kept as images.
 *
 * @param {readonly Track[]} tracks
 * @param {number} shared
 * @param {1 | -1} direction
 * @param {boolean} byPictures no clip is shown as a video
 */
export function step(tracks, shared, direction, byPictures) {
  const [first, last] = extent(tracks);
  if (!byPictures) return clamp(shared + direction * FRAME, first, last);
  const beyond = tracks
    .flatMap(({ at, times }) => times.map((time) => (time - at - shared) * direction))
    .filter((distance) => distance > 1e-3);
  if (beyond.length === 0) return direction > 0 ? last : first;
  return clamp(shared + direction * Math.min(...beyond), first, last);
}

/**
 * What to do with a video that shows `actual` where it should show `wanted`.
 *
 * @param {number} wanted
 * @param {number} actual
 * @param {number} rate
 * @returns {{seek: boolean, rate: number}}
 */
export function correct(wanted, actual, rate) {
  const ahead = actual - wanted;
  if (Math.abs(ahead) > LARGEST_NUDGED_DRIFT * Math.max(1, rate)) return { seek: true, rate };
  if (Math.abs(ahead) <= TOLERATED_DRIFT) return { seek: false, rate };
  return { seek: false, rate: rate * (ahead > 0 ? 1 - NUDGE : 1 + NUDGE) };
}
