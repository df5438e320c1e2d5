import { describe, expect, it } from "vitest";

import {
  advance,
  correct,
  extent,
  FRAME,
  loopOf,
  nearestPicture,
  pictureName,
  shownAt,
  type Span,
  step,
  type Track,
  tracksFor,
} from "@player/clock.js";

import type { Moment } from "../src/answer";
import { aClip, aMoment } from "./samples";

type Pair = [here: Track, there: Track];

/** A moment of an answer as the player takes it. */
function momentOf({ here, here_at, there, there_at }: Moment) {
  return { at: [here_at, there_at], spans: [here, there] };
}

function pairFor(here: ReturnType<typeof aClip>, there: ReturnType<typeof aClip>, moment: Moment | undefined): Pair {
  return tracksFor([here, there], moment && momentOf(moment)) as Pair;
}

/** A small seeded generator (mulberry32), so that a failure can be repeated. */
function numbers(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The property must hold for many pairs of clips and moments. */
function forPairs(check: (pair: Pair, random: () => number, seed: number) => void): void {
  for (let seed = 1; seed <= 300; seed++) {
    const random = numbers(seed);
    const clip = () => {
      const duration = 0.5 + random() * 60;
      return aClip({ duration, times: Array.from({ length: 1 + Math.floor(duration * 2) }, (_, i) => i / 2) });
    };
    const [here, there] = [clip(), clip()];
    const here_at = random() * here.duration;
    const there_at = random() * there.duration;
    const moment = aMoment({ here_at, there_at, here: [here_at, here_at], there: [there_at, there_at] });
    check(pairFor(here, there, moment), random, seed);
  }
}

/** A shared time, also some way outside of both clips. */
function anyTime(pair: Pair, random: () => number): number {
  const [first, last] = extent(pair);
  return first - 5 + random() * (last - first + 10);
}

describe("the shared clock", () => {
  it("starts both clips at the matching moment", () => {
    const pair = pairFor(aClip(), aClip({ duration: 6 }), aMoment({ here_at: 2, there_at: 1 }));
    expect(shownAt(pair[0], 0)).toEqual({ time: 2, outside: null });
    expect(shownAt(pair[1], 0)).toEqual({ time: 1, outside: null });
  });

  it("keeps the offset wherever both clips have footage", () => {
    forPairs((pair, random) => {
      const time = anyTime(pair, random);
      const [here, there] = [shownAt(pair[0], time), shownAt(pair[1], time)];
      if (here.outside || there.outside) return;
      expect(here.time - there.time).toBeCloseTo(pair[0].at - pair[1].at, 6);
    });
  });

  it("never shows a time that a clip does not have", () => {
    forPairs((pair, random) => {
      const time = anyTime(pair, random);
      for (const track of pair) {
        const shown = shownAt(track, time);
        expect(shown.time).toBeGreaterThanOrEqual(0);
        expect(shown.time).toBeLessThanOrEqual(track.duration);
        if (shown.outside === "before") expect(shown.time).toBe(0);
        if (shown.outside === "after") expect(shown.time).toBe(track.duration);
      }
    });
  });

  it("spans exactly the times at which a clip has footage", () => {
    forPairs((pair) => {
      const [first, last] = extent(pair);
      for (const edge of [first, last]) {
        const shown = [shownAt(pair[0], edge), shownAt(pair[1], edge)];
        expect(shown.some(({ outside }) => outside === null)).toBe(true);
      }
      for (const beyond of [first - 0.01, last + 0.01]) {
        const shown = [shownAt(pair[0], beyond), shownAt(pair[1], beyond)];
        expect(shown.every(({ outside }) => outside !== null)).toBe(true);
      }
    });
  });

  it("takes clips without a moment from their start", () => {
    const pair = pairFor(aClip({ duration: 4, times: [0] }), aClip({ duration: 9 }), undefined);
    expect(extent(pair)).toEqual([0, 9.5]); // the last picture lies behind the stated duration
    expect(shownAt(pair[0], 5)).toEqual({ time: 4, outside: "after" });
  });

  it("takes one clip alone from its moment", () => {
    const tracks = tracksFor([aClip({ duration: 9 })], { at: [4], spans: [[3, 5]] });
    expect(extent(tracks)).toEqual([-4, 5.5]);
    expect(shownAt(tracks[0]!, 0)).toEqual({ time: 4, outside: null });
    expect(loopOf(tracks, { at: [4], spans: [[3, 5]] })).toEqual([-1, 1]);
  });

  it("shows a still at every time", () => {
    const pair = pairFor(aClip({ duration: 0, times: [0] }), aClip({ duration: 9 }), undefined);
    expect(shownAt(pair[0], 5)).toEqual({ time: 0, outside: null });
  });

  it("bends a moment outside of a clip into it", () => {
    const pair = pairFor(aClip({ duration: 4, times: [] }), aClip(), aMoment({ here_at: 99 }));
    expect(pair[0].at).toBe(4);
  });
});

describe("pictures", () => {
  it("are the nearest to the time", () => {
    forPairs((pair, random) => {
      const time = random() * 60;
      const found = nearestPicture(pair[0].times, time) as number;
      const distances = pair[0].times.map((each) => Math.abs(each - time));
      expect(Math.abs(found - time)).toBe(Math.min(...distances));
    });
  });

  it("may be missing", () => expect(nearestPicture([], 1)).toBeNull());

  it("are named by whole milliseconds", () => {
    expect(pictureName(0)).toBe("pictures/0.jpg");
    expect(pictureName(1.0005)).toBe("pictures/1001.jpg");
    expect(pictureName(0.1 + 0.2)).toBe("pictures/300.jpg");
  });
});

describe("playing", () => {
  const whole: Span = [-2, 8];
  const from = (time: number) => ({ time, playing: true });

  it("goes on by the time that passed, at its speed", () => {
    expect(advance(from(0), 0.1, 0.25, whole, null).time).toBeCloseTo(0.025);
  });

  it("stops at the end", () => {
    expect(advance(from(7.95), 0.1, 1, whole, null)).toEqual({ time: 8, playing: false });
  });

  it("stands still while it is paused", () => {
    expect(advance({ time: 1, playing: false }, 5, 1, whole, null).time).toBe(1);
  });

  it("stays between both ends, whatever passes", () => {
    forPairs((pair, random) => {
      const [first, last] = extent(pair);
      let playback = from(first);
      for (let turn = 0; turn < 50; turn++) {
        const before = playback.time;
        playback = advance(playback, random() * 3 - 0.5, 1, [first, last], null);
        expect(playback.time).toBeGreaterThanOrEqual(before);
        expect(playback.time).toBeLessThanOrEqual(last);
      }
    });
  });

  it("runs round in a loop, and only who runs over its end is sent back", () => {
    expect(advance(from(1.95), 0.1, 1, whole, [-1, 2])).toEqual(from(-1));
    expect(advance(from(3), 0.1, 1, whole, [-1, 2]).time).toBeCloseTo(3.1);
  });

  it("can leave a loop that reaches to the end only backwards", () => {
    expect(advance(from(7.99), 0.1, 1, whole, [5, 7.995])).toEqual(from(5));
  });
});

describe("the loop of a moment", () => {
  it("covers the moment in both clips", () => {
    const moment = aMoment({ here: [1, 3.5], there: [0, 4], here_at: 2, there_at: 1 });
    expect(loopOf(pairFor(aClip(), aClip(), moment), momentOf(moment))).toEqual([-1, 3]);
  });

  it("lasts two seconds where there are two, and never leaves the clips", () => {
    forPairs((pair) => {
      const moment = aMoment({ here: [pair[0].at, pair[0].at], there: [pair[1].at, pair[1].at] });
      const [start, end] = loopOf(pair, momentOf(moment));
      const [first, last] = extent(pair);
      expect(start).toBeGreaterThanOrEqual(first);
      expect(end).toBeLessThanOrEqual(last);
      expect(end).toBeGreaterThan(start);
      if (first < -1 && last > 1) expect(end - start).toBeCloseTo(2, 6);
    });
  });
});

describe("a step", () => {
  it("is one frame of a video", () => {
    const pair = pairFor(aClip(), aClip(), aMoment());
    expect(step(pair, 0, 1, false)).toBeCloseTo(FRAME);
    expect(step(pair, 0, -1, false)).toBeCloseTo(-FRAME);
  });

  it("goes to the next picture of either clip", () => {
    const pair = pairFor(aClip({ times: [0, 1, 2] }), aClip({ times: [0, 0.7] }), aMoment({ here_at: 0, there_at: 0 }));
    expect(step(pair, 0, 1, true)).toBeCloseTo(0.7);
    expect(step(pair, 0.7, 1, true)).toBeCloseTo(1);
    expect(step(pair, 1, -1, true)).toBeCloseTo(0.7);
  });

  it("always moves on until the end", () => {
    forPairs((pair, random) => {
      const [first, last] = extent(pair);
      const time = first + random() * (last - first);
      expect(step(pair, time, 1, true)).toBeGreaterThan(time);
      expect(step(pair, time, -1, true)).toBeLessThan(time);
      expect(step(pair, last, 1, true)).toBe(last);
      expect(step(pair, first, -1, true)).toBe(first);
    });
  });
});

describe("a video that drifts", () => {
  it("is left alone while nobody can see it", () => {
    expect(correct(5, 5.02, 1)).toEqual({ seek: false, rate: 1 });
  });

  it("runs a little slower when it is ahead, faster when it is behind", () => {
    expect(correct(5, 5.1, 0.5).rate).toBeCloseTo(0.45);
    expect(correct(5, 4.9, 0.5).rate).toBeCloseTo(0.55);
  });

  it("jumps when it is far off", () => {
    expect(correct(5, 6, 1)).toEqual({ seek: true, rate: 1 });
  });

  it("comes back into step and stays there", () => {
    for (const start of [-0.24, -0.1, 0.1, 0.24]) {
      for (const rate of [0.25, 0.5, 1]) {
        let wanted = 0;
        let actual = start;
        for (let tick = 0; tick < 60 * 20; tick++) {
          const correction = correct(wanted, actual, rate);
          wanted += rate / 60;
          actual = correction.seek ? wanted : actual + correction.rate / 60;
        }
        expect(Math.abs(actual - wanted)).toBeLessThan(0.035);
      }
    }
  });
});
