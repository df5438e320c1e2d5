/**
 * Two clips in step: the arithmetic, without a screen.
 *
 * Both clips hang on one shared clock whose zero is the matching moment. At shared time t this
 * issue's clip shows `here_at + t` and the other one `there_at + t`, so that the offset between them
 * never changes. All times are seconds.
 */

import type { Clip, Moment, Span } from "../answer";

/** Where on the shared clock a clip lies. */
export interface Track {
  /** The clip's time at shared time zero. */
  at: number;
  duration: number;
  /** Times of its pictures, ascending. */
  times: readonly number[];
}

export interface Pair {
  here: Track;
  there: Track;
}

/** What a clip shows at a shared time. */
export interface Shown {
  /** The clip's own time, within its footage. */
  time: number;
  /** Where there is no footage at the shared time: before its first or after its last frame. */
  outside: "before" | "after" | null;
}

/** A moment may be a single frame; a loop shorter than this is a flicker. */
const SHORTEST_LOOP = 1;

/** One frame of a 30 fps recording. */
export const FRAME = 1 / 30;

/** Below this two clips look in step. */
const TOLERATED_DRIFT = 0.03;

/** Above this a video jumps; below, it runs a little faster or slower until it is back in step. */
const LARGEST_NUDGED_DRIFT = 0.25;

const NUDGE = 0.1;

export function trackOf(clip: Pick<Clip, "duration" | "times">, at: number): Track {
  const times = [...clip.times].sort((a, b) => a - b);
  const duration = Math.max(clip.duration || 0, times.at(-1) ?? 0);
  return { at: clamp(at, 0, duration), duration, times };
}

/** Both tracks for a moment; without one (the clips match as a whole) both start at their start. */
export function pairFor(
  here: Pick<Clip, "duration" | "times">,
  there: Pick<Clip, "duration" | "times">,
  moment: Moment | undefined,
): Pair {
  return {
    here: trackOf(here, moment?.here_at ?? 0),
    there: trackOf(there, moment?.there_at ?? 0),
  };
}

/** The shared times at which at least one of both clips has footage. */
export function extent({ here, there }: Pair): Span {
  return [
    0 - Math.max(here.at, there.at),
    Math.max(here.duration - here.at, there.duration - there.at),
  ];
}

export function shownAt(track: Track, shared: number): Shown {
  if (track.duration === 0) return { time: 0, outside: null }; // a still: the same at every time
  const time = track.at + shared;
  const slack = 1e-6; // sums of floats: the last frame is still footage
  if (time < -slack) return { time: 0, outside: "before" };
  if (time > track.duration + slack) return { time: track.duration, outside: "after" };
  return { time: clamp(time, 0, track.duration), outside: null };
}

/** The stretch to loop over, on the shared clock: what the moment covers in either clip. */
export function loopOf(pair: Pair, moment: Moment): Span {
  const start = Math.min(moment.here[0] - pair.here.at, moment.there[0] - pair.there.at);
  const end = Math.max(moment.here[1] - pair.here.at, moment.there[1] - pair.there.at);
  const missing = Math.max(0, SHORTEST_LOOP - (end - start)) / 2;
  const [first, last] = extent(pair);
  return [clamp(start - missing, first, last), clamp(end + missing, first, last)];
}

/** The picture nearest to a clip's time, or null where there is none. */
export function nearestPicture(times: readonly number[], time: number): number | null {
  let best: number | null = null;
  for (const candidate of times) {
    if (best === null || Math.abs(candidate - time) < Math.abs(best - time)) best = candidate;
  }
  return best;
}

/** The picture's address below the clip's: milliseconds, rounded. */
export function pictureName(time: number): string {
  return `pictures/${Math.round(time * 1000)}.jpg`;
}

export interface Playback {
  /** Shared time. */
  time: number;
  playing: boolean;
}

/** The playback `elapsed` seconds of wall time later. */
export function advance(
  playback: Playback,
  elapsed: number,
  rate: number,
  [first, last]: Span,
  loop: Span | null,
): Playback {
  if (!playback.playing) return playback;
  const time = playback.time + Math.max(0, elapsed) * rate;
  // Only who runs over the loop's end is sent back: whoever moved behind it plays on.
  if (loop && loop[1] > loop[0] && playback.time <= loop[1] && time > loop[1]) {
    return { time: loop[0], playing: true };
  }
  if (time >= last) return { time: last, playing: false };
  return { time: Math.max(time, first), playing: true };
}

/** Shared time one frame on: of a video one thirtieth of a second, of pictures the next picture. */
export function step(
  pair: Pair,
  shared: number,
  direction: 1 | -1,
  byPictures: { here: boolean; there: boolean },
): number {
  const [first, last] = extent(pair);
  if (!byPictures.here || !byPictures.there) {
    return clamp(shared + direction * FRAME, first, last);
  }
  const stops = [
    ...pair.here.times.map((time) => time - pair.here.at),
    ...pair.there.times.map((time) => time - pair.there.at),
  ];
  const beyond = stops
    .map((stop) => (stop - shared) * direction)
    .filter((distance) => distance > 1e-3);
  if (beyond.length === 0) return direction > 0 ? last : first;
  return clamp(shared + direction * Math.min(...beyond), first, last);
}

/** What to do with a video that shows `actual` where it should show `wanted`. */
export interface Correction {
  seek: boolean;
  rate: number;
}

export function correct(wanted: number, actual: number, rate: number): Correction {
  const ahead = actual - wanted;
  if (Math.abs(ahead) > LARGEST_NUDGED_DRIFT * Math.max(1, rate)) return { seek: true, rate };
  if (Math.abs(ahead) <= TOLERATED_DRIFT) return { seek: false, rate };
  return { seek: false, rate: rate * (ahead > 0 ? 1 - NUDGE : 1 + NUDGE) };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
