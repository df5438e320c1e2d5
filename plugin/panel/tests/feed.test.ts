import { afterEach, describe, expect, it, vi } from "vitest";

import type { Similar } from "../src/answer";
import { type Feed, POLL_MS, QUIET_POLLS, SimilarFeed, VIDEO_POLLS } from "../src/feed";
import { Problem } from "../src/problem";
import { aClip, aMatch, aSimilar } from "./samples";

const indexing = (done: number) => aSimilar({ state: "indexing", progress: { done, total: 3 }, matches: [] });
const preparing = aSimilar({ matches: [aMatch({ here: aClip({ video: "preparing" }) })] });

let feed: SimilarFeed;
afterEach(() => {
  feed.stop();
  vi.restoreAllMocks();
});

/** A feed whose service gives these answers in turn, the last one for ever. */
function feedOf(...answers: (Similar | Error)[]) {
  let turn = 0;
  const shown: Feed[] = [];
  const ask = vi.fn(async () => {
    const answer = answers[Math.min(turn++, answers.length - 1)];
    if (answer instanceof Error) throw answer;
    return structuredClone(answer as Similar);
  });
  feed = new SimilarFeed(ask, (state) => shown.push(state));
  return { ask, shown, last: () => shown.at(-1) as Feed };
}

const polls = (n: number) => vi.advanceTimersByTimeAsync(n * POLL_MS);

describe("polling", () => {
  it("asks once when the answer is complete", async () => {
    const { ask, shown } = feedOf(aSimilar());
    await feed.start();
    await polls(100);
    expect(ask).toHaveBeenCalledTimes(1);
    expect(shown.map(({ phase }) => phase)).toEqual(["loading", "ready"]);
  });

  it("goes on while the issue is read, and stops then", async () => {
    const { ask } = feedOf(aSimilar({ state: "unknown" }), indexing(1), indexing(2), aSimilar());
    await feed.start();
    await polls(100);
    expect(ask).toHaveBeenCalledTimes(4);
  });

  it("gives up and says so when nothing moves", async () => {
    const { ask, last } = feedOf(indexing(1));
    await feed.start();
    await polls(QUIET_POLLS * 3);
    expect(ask).toHaveBeenCalledTimes(QUIET_POLLS + 1);
    expect(last()).toMatchObject({ phase: "ready", stalled: true });
  });

  it("is patient as long as something moves", async () => {
    const slow = Array.from({ length: 4 }, (_, done) => Array<Similar>(QUIET_POLLS - 1).fill(indexing(done)));
    const { ask, last } = feedOf(...slow.flat(), aSimilar());
    await feed.start();
    await polls(QUIET_POLLS * 5);
    expect(ask).toHaveBeenCalledTimes(4 * (QUIET_POLLS - 1) + 1);
    expect(last()).toMatchObject({ stalled: false, answer: { state: "ready" } });
  });

  it("stops with the panel", async () => {
    const { ask } = feedOf(indexing(1));
    await feed.start();
    feed.stop();
    await polls(10);
    expect(ask).toHaveBeenCalledTimes(1);
  });

  it.each([
    ["muted", aSimilar({ state: "indexing", muted: true })],
    ["off", aSimilar({ state: "off" })],
  ])("does not go on when %s", async (_, answer) => {
    const { ask } = feedOf(answer);
    await feed.start();
    await polls(10);
    expect(ask).toHaveBeenCalledTimes(1);
  });

  it("does not ask while nobody looks", async () => {
    const { ask } = feedOf(indexing(1));
    await feed.start();
    const visibility = vi.spyOn(document, "visibilityState", "get").mockReturnValue("hidden");
    await polls(10);
    expect(ask).toHaveBeenCalledTimes(1);
    visibility.mockReturnValue("visible");
    await polls(1);
    expect(ask).toHaveBeenCalledTimes(2);
  });

  it("takes two failures for a hiccup, three for an error", async () => {
    const away = new Problem("Away.", "Wait.", 503);
    const { last } = feedOf(indexing(1), away, away, indexing(2), away, away, away);
    await feed.start();
    await polls(3);
    expect(last()).toMatchObject({ phase: "ready", answer: { progress: { done: 2 } } });
    await polls(3);
    expect(last()).toEqual({ phase: "failed", problem: away });
  });

  it("keeps a complete answer when a later question fails", async () => {
    const { ask, last } = feedOf(aSimilar(), new Error("away"));
    await feed.start();
    for (let turn = 0; turn < 5; turn++) await feed.refresh();
    await polls(5);
    expect(last()).toMatchObject({ phase: "ready" });
    expect(ask).toHaveBeenCalledTimes(6);
  });

  it("takes only the newest answer when two questions overlap", async () => {
    const waiting: ((answer: Similar) => void)[] = [];
    const shown: Feed[] = [];
    feed = new SimilarFeed(
      () => new Promise((resolve) => waiting.push(resolve)),
      (state) => shown.push(state),
    );
    const both = [feed.start(), feed.refresh()];
    waiting[1]?.(aSimilar({ muted: true }));
    waiting[0]?.(aSimilar({ muted: false }));
    await Promise.all(both);
    expect(shown.at(-1)).toMatchObject({ answer: { muted: true } });
    expect(shown).toHaveLength(2);
  });
});

describe("videos that are being prepared", () => {
  it("are asked for only while a player is open", async () => {
    const { ask } = feedOf(preparing);
    await feed.start();
    await polls(5);
    expect(ask).toHaveBeenCalledTimes(1);
    feed.setPlayerOpen(true);
    await polls(5);
    expect(ask.mock.calls.length).toBeGreaterThan(4);
    feed.setPlayerOpen(false);
    await polls(1);
    const before = ask.mock.calls.length;
    await polls(5);
    expect(ask).toHaveBeenCalledTimes(before);
  });

  it("are asked for a limited number of times", async () => {
    const { ask } = feedOf(preparing);
    await feed.start();
    feed.setPlayerOpen(true);
    await polls(VIDEO_POLLS * 2);
    expect(ask).toHaveBeenCalledTimes(1 + 1 + VIDEO_POLLS);
  });
});

describe("addresses of media", () => {
  const signed = (token: string, video: "preparing" | "ready" = "ready") =>
    aSimilar({
      state: "indexing",
      matches: [aMatch({ here: aClip({ media: `https://svc.test/${token}`, video }) })],
    });
  const mediaOf = (state: Feed) => (state.phase === "ready" ? state.answer.matches[0]?.here?.media : undefined);

  it("stay while they are fresh, though every answer signs again", async () => {
    const { last } = feedOf(signed("first", "preparing"), signed("second"));
    await feed.start();
    await polls(1);
    expect(mediaOf(last())).toBe("https://svc.test/first");
    expect(last()).toMatchObject({ answer: { matches: [{ here: { video: "ready" } }] } });
  });

  it("are changed before they run out", async () => {
    const { last } = feedOf(signed("first"), signed("second"));
    await feed.start();
    await vi.advanceTimersByTimeAsync(0);
    vi.setSystemTime(Date.now() + 5 * 60_000);
    await polls(1);
    expect(mediaOf(last())).toBe("https://svc.test/second");
  });

  it("are asked for again, once, when one does not work", async () => {
    const { ask, last } = feedOf(signed("first"), signed("second"));
    await feed.start();
    expect(feed.mediaFailed()).toBe(true);
    expect(feed.mediaFailed()).toBe(false);
    await vi.advanceTimersByTimeAsync(0);
    expect(ask).toHaveBeenCalledTimes(2);
    expect(mediaOf(last())).toBe("https://svc.test/second");
  });
});
