/** The shared player by itself, as the search page uses it: one clip, files of the browser, verdicts. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { ComparePlayer, type PlayerOptions, type Side } from "@player/player.js";
import { TryAgain, VerdictControls, type VerdictOptions } from "@player/verdict.js";
import { beforeEach, describe, expect, it, vi } from "vitest";

import { button, findButton, isOff, settle } from "./screen";
import { aBrowserWithVideo } from "./video";

beforeEach(aBrowserWithVideo);
beforeEach(() => vi.stubGlobal("matchMedia", () => ({ matches: true })));

const FOLDER = join(import.meta.dirname, "../../../service/dejabug/web/pages/static/player");

function aSide(change: Partial<Side["clip"]> = {}, name = "GAME-3"): Side {
  const clip = {
    id: "20002", filename: "b.mp4", duration: 6, times: [0, 1, 2, 3, 4, 5],
    media: "/media/there", video: "none" as const, ...change,
  };
  return { name, clipName: `Clip of ${name}`, url: `https://studio.test/browse/${name}`, clip };
}

function open(change: Partial<PlayerOptions> = {}): ComparePlayer {
  const player = new ComparePlayer({
    label: "Clips", sides: [aSide()], moments: [{ at: [2], spans: [[1, 4]] }], score: null, scoreLabel: "Why",
    heatMaps: null, verdict: null, mediaFailed: () => undefined, ...change,
  });
  document.body.append(player.element);
  return player;
}

const times = () => [...document.querySelectorAll(".player-time")].map((each) => each.textContent);

describe("a player of one clip", () => {
  it("starts at the moment, and does not speak of both clips", () => {
    open();
    expect(times()).toEqual(["0:02.0 / 0:06.0 · frames only"]);
    expect(findButton(/^Play$/)).toBeDefined();
    expect(document.querySelector("img")?.getAttribute("src")).toBe("/media/there/pictures/2000.jpg");
    expect(document.querySelector("a.player-name")?.getAttribute("href")).toBe("https://studio.test/browse/GAME-3");
  });

  it("has no heat map, even where one could be asked for", () => {
    open({ heatMaps: vi.fn() });
    expect(findButton(/^What matches/)).toBeUndefined();
  });

  it("without a moment goes back to the start, and has no loop", () => {
    open({ moments: [] });
    expect(findButton(/^Start$/)).toBeDefined();
    expect(findButton(/^Loop/)).toBeUndefined();
  });

  it("shows a score without a number where it is no probability", () => {
    const reasons = [{ strength: null, text: "The ticket's text matches your words." }];
    open({ score: { label: "Likely match", value: null, reasons } });
    expect(document.querySelector(".player-score")?.textContent).toBe(
      "Likely matchThe ticket's text matches your words.",
    );
    expect(document.querySelector(".player-score svg")).toBeNull();
  });

  it("leaves Escape to the dialog around it", () => {
    const player = open();
    const event = new KeyboardEvent("keydown", { key: "Escape", bubbles: true, cancelable: true });
    player.element.dispatchEvent(event);
    expect(event.defaultPrevented).toBe(false);
  });
});

describe("a file of the browser", () => {
  const own = (change: Partial<Side["clip"]> = {}): Side => ({
    ...aSide({ id: null, media: null, duration: 0, times: [], local: "blob:clip", ...change }),
    name: "Your clip", clipName: "Your clip", url: null,
  });
  const moments = [{ at: [3, 2], spans: [[3, 3], [2, 2]] as const }];

  it("plays from the moment once its length is known", () => {
    open({ sides: [own(), aSide()], moments });
    expect(document.querySelector("video")?.getAttribute("src")).toBe("blob:clip");
    expect(document.querySelector("a[href^=blob]")).toBeNull();
    document.querySelector("video")?.dispatchEvent(new Event("loadedmetadata"));
    expect(times()[0]).toBe("0:03.0 / 1:00.0");
    expect(document.querySelector("video")?.currentTime).toBe(3);
  });

  it("that is an image is shown as one", () => {
    open({ sides: [own({ still: true }), aSide()], moments });
    expect(document.querySelector("img")?.getAttribute("src")).toBe("blob:clip");
    expect(times()[0]).toContain("still image");
  });

  it("that can't be played says so, and asks nobody for a new address", () => {
    const mediaFailed = vi.fn();
    open({ sides: [own(), aSide()], moments, mediaFailed });
    document.querySelector("video")?.dispatchEvent(new Event("error"));
    expect(document.querySelector(".screen-note")?.textContent).toBe("Your browser can't play this clip.");
    expect(mediaFailed).not.toHaveBeenCalled();
  });
});

describe("a player that is over", () => {
  it("stops its clock and its downloads", async () => {
    vi.stubGlobal("matchMedia", () => ({ matches: false }));
    const player = open({ sides: [aSide({ video: "ready" })] });
    const video = document.querySelector("video")!;
    await settle(200);
    player.end();
    expect(video.hasAttribute("src")).toBe(false);
    expect(document.querySelector(".player")).toBeNull();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a verdict", () => {
  const save = { same: vi.fn(), not: vi.fn() };

  function controls(change: Partial<VerdictOptions> = {}): VerdictControls {
    const made = new VerdictControls({
      there: "GAME-3",
      same: { text: "Same bug", label: "Same bug: GAME-7 and GAME-3" },
      sameDone: { text: "Marked as the same bug", label: "Marked as the same bug: GAME-3" },
      notDone: { text: "Marked as not a duplicate", label: "Marked as not a duplicate: GAME-3" },
      saving: "Saving…", onSame: save.same, onNot: save.not, final: false,
      saved: (same) => (same ? "Saved: the same bug." : "Saved: not a duplicate."),
      ...change,
    });
    document.body.append(made.element);
    return made;
  }

  const said = () => document.querySelector('.player-verdict [role="status"]')?.textContent;
  const problem = () => document.querySelector<HTMLElement>('.player-verdict [role="alert"]');

  beforeEach(() => {
    save.same.mockReset().mockResolvedValue(undefined);
    save.not.mockReset().mockResolvedValue(undefined);
  });

  it("can be changed while the player is open", async () => {
    controls();
    button(/^Same bug/).click();
    await settle();
    expect(said()).toBe("Saved: the same bug.");
    expect(isOff(button(/^Marked as the same bug/))).toBe(true);
    button(/^Not a duplicate/).click();
    button(/^Confirm/).click();
    await settle();
    expect(said()).toBe("Saved: not a duplicate.");
    expect(findButton(/^Same bug/)).toBeDefined();
    expect(document.activeElement).toBe(button(/^Marked as not a duplicate/));
    expect([save.same, save.not].map((each) => each.mock.calls.length)).toEqual([1, 1]);
  });

  it("is not saved twice by a double click", async () => {
    save.same.mockReturnValue(new Promise((done) => setTimeout(done, 1000)));
    controls();
    button(/^Same bug/).click();
    button(/^Same bug/).click();
    expect(button(/^Same bug/).textContent).toBe("Saving…");
    await settle(1500);
    expect(save.same).toHaveBeenCalledTimes(1);
  });

  it("that could not be saved says why, and can be tried again", async () => {
    save.not.mockRejectedValueOnce(new Error("Wait 5 s."));
    controls();
    button(/^Not a duplicate/).click();
    button(/^Confirm/).click();
    await settle();
    expect(problem()?.hidden).toBe(false);
    expect(problem()?.textContent).toBe("Wait 5 s.");
    button(/^Confirm/).click();
    await settle();
    expect(problem()?.hidden).toBe(true);
    expect(said()).toBe("Saved: not a duplicate.");
  });

  it("that is saved in part offers the rest under its own name", async () => {
    save.same.mockRejectedValueOnce(new TryAgain("Half done.", { text: "Finish", label: "Finish GAME-3" }));
    controls();
    button(/^Same bug/).click();
    await settle();
    expect(button(/^Finish GAME-3/).textContent).toBe("Finish");
  });

  it("that is known is shown", () => {
    controls().update({}, true);
    expect(isOff(button(/^Marked as the same bug/))).toBe(true);
  });
});

it("is plain modules: a browser loads them as they are, and nothing writes HTML", () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(".js"));
  expect(files).toContain("player.js");
  for (const name of files) {
    const text = readFileSync(join(FOLDER, name), "utf8");
    for (const [, address] of text.matchAll(/^(?:import|export) [^;]*from "([^"]+)"/gm)) {
      expect(address).toMatch(/^\.\/[a-z-]+\.js$/);
    }
    expect(text).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\.style\./);
  }
});
