import { beforeEach, describe, expect, it, vi } from "vitest";

import type { Similar } from "../src/answer";
import { jira } from "./fake-jira";
import { aClip, aMatch, aMoment, aSimilar } from "./samples";
import { button, click, findButton, openPanel, panelText, settle } from "./screen";
import { aBrowserWithVideo } from "./video";

beforeEach(aBrowserWithVideo);

const pressed = (name: RegExp) => button(name).getAttribute("aria-pressed");

/** Both clips' own times, in seconds, as the player writes them. */
function times(): [number, number] {
  const [here, there] = [...document.querySelectorAll(".player-time")].map((each) => {
    const [minutes, seconds] = (each.textContent?.split(" ")[0] ?? "").split(":").map(Number);
    return (minutes ?? NaN) * 60 + (seconds ?? NaN);
  });
  return [here as number, there as number];
}

async function key(name: string, target: Element = document.querySelector(".player")!): Promise<KeyboardEvent> {
  const event = new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true });
  target.dispatchEvent(event);
  await settle(50);
  return event;
}

/** Opens the player and holds it at the moment. */
async function openPaused(answer: Similar = aSimilar()): Promise<void> {
  vi.stubGlobal("matchMedia", () => ({ matches: true })); // who wants less motion starts paused
  jira.similar = answer;
  await openPanel();
  await click(/^Compare/);
}

describe("the player", () => {
  it("plays both clips from the matching moment, and keeps their offset", async () => {
    vi.stubGlobal("matchMedia", () => ({ matches: false }));
    await openPanel();
    await click(/^Compare/);
    await settle(1000);
    const [here, there] = times();
    expect(here).toBeGreaterThan(2.9);
    expect(here).toBeLessThan(3.6);
    expect(here - there).toBeCloseTo(1, 5);
  });

  it("starts paused, at the moment, for who wants less motion", async () => {
    await openPaused();
    await settle(1000);
    expect(times()).toEqual([2, 1]);
    expect(button(/^Play both clips/)).toBeDefined();
  });

  it("steps by a frame with comma, dot and the buttons, and pauses", async () => {
    await openPaused(); // a frame every half second
    await key(" ");
    await key(".");
    expect(findButton(/^Play both clips/)).toBeDefined();
    const [here] = times();
    await key(".");
    expect(times()[0]).toBeCloseTo(here + 0.5, 5);
    await key(",");
    await key(",");
    await click(/^Previous frame/);
    await click(/^Next frame/);
    expect(times()[0]).toBeCloseTo(here - 0.5, 5);
  });

  it("moves by a second with the arrow keys, by five with Shift, and goes on playing", async () => {
    await openPaused();
    await key("ArrowRight");
    expect(times()).toEqual([3, 2]);
    await key("ArrowLeft");
    await key("ArrowLeft");
    expect(times()).toEqual([1, 0]);
    const far = { key: "ArrowRight", shiftKey: true, bubbles: true, cancelable: true };
    document.querySelector(".player")?.dispatchEvent(new KeyboardEvent("keydown", far));
    expect(times()).toEqual([6, 5]);
    await key(" ");
    await key("ArrowLeft");
    expect(findButton(/^Pause both clips/)).toBeDefined();
  });

  it("goes back to the matching moment with a button and with M", async () => {
    await openPaused();
    await key("ArrowRight");
    await click(/^Matching moment/);
    expect(times()).toEqual([2, 1]);
    await key("ArrowLeft");
    await key("m");
    expect(times()).toEqual([2, 1]);
  });

  it("has keys for the loop, the speed and the list of keys", async () => {
    await openPaused();
    await key(">");
    expect(pressed(/^1.5×/)).toBe("true");
    await key(">");
    await key(">");
    expect(pressed(/^2×/)).toBe("true");
    await key("<");
    expect(pressed(/^1.5×/)).toBe("true");
    await key("L");
    expect(pressed(/^Loop moment/)).toBe("true");
    const help = document.querySelector<HTMLDetailsElement>(".player-help")!;
    expect(help.open).toBe(false);
    await key("?");
    expect(help.open).toBe(true);
    expect(help.textContent).toContain("Previous or next frame");
  });

  it("says which ticket each clip is from, with links that Jira's router opens", async () => {
    await openPaused();
    const captions = [...document.querySelectorAll("figcaption.player-caption")];
    expect(captions.map((each) => each.textContent)).toEqual(["GAME-7 this issuea.mp4", "GAME-3b.mp4"]);
    for (const caption of captions) caption.querySelector("a")?.click();
    await settle();
    expect(jira.log.slice(-2)).toEqual([
      "open https://studio.test/browse/GAME-7",
      "open https://studio.test/browse/GAME-3",
    ]);
  });

  it("names the duplicate whose clip it is, where that is not the match itself", async () => {
    await openPaused(aSimilar({ matches: [aMatch({ clip_on: "GAME-9" })] }));
    const caption = document.querySelectorAll("figcaption.player-caption")[1];
    expect(caption?.textContent).toBe("GAME-9b.mp4");
    expect(caption?.querySelector("a")?.href).toBe("https://studio.test/browse/GAME-9");
  });

  it("shows the score, its label, and what it is based on, in its frame and not twice", async () => {
    await openPaused();
    const score = document.querySelector(".player .player-score");
    expect(score?.textContent).toContain("Very likely the same bugscore 0.97");
    expect(score?.querySelector("ul")?.getAttribute("aria-label")).toBe("Why GAME-3 has this score");
    const bars = [...score!.querySelectorAll(".player-reason .player-bar-value")];
    expect(bars.map((each) => each.getAttribute("width"))).toEqual(["74%", "31%"]);
    expect(panelText().split("Very likely the same bug")).toHaveLength(2);
    expect(panelText().split("The tickets' text has little in common.")).toHaveLength(2);
  });

  it("plays and pauses with the space bar, but leaves it to a button that has the focus", async () => {
    await openPaused();
    expect((await key(" ")).defaultPrevented).toBe(true);
    expect(findButton(/^Pause both clips/)).toBeDefined();
    await key(" ");
    expect(findButton(/^Play both clips/)).toBeDefined();
    expect((await key(" ", button(/^Next frame/))).defaultPrevented).toBe(false);
    expect(findButton(/^Play both clips/)).toBeDefined();
  });

  it("takes the keys back after a click with the mouse on one of its buttons", async () => {
    await openPaused();
    button(/^0.5×/).focus();
    button(/^0.5×/).dispatchEvent(new MouseEvent("click", { bubbles: true, detail: 1 }));
    expect(document.activeElement?.className).toBe("player");
  });

  it("leaves the focus to the question about a verdict, also after a click with the mouse", async () => {
    await openPaused();
    button(/^Not a duplicate/).dispatchEvent(new MouseEvent("click", { bubbles: true, detail: 1 }));
    expect(document.activeElement).toBe(button(/^Cancel/));
  });

  it("leaves keys of the browser alone", async () => {
    await openPaused();
    const event = new KeyboardEvent("keydown", { key: "ArrowLeft", altKey: true, bubbles: true, cancelable: true });
    document.querySelector(".player")?.dispatchEvent(event);
    expect(event.defaultPrevented).toBe(false);
  });

  it("closes with Esc and gives the focus back to Compare", async () => {
    await openPaused();
    expect(document.activeElement?.className).toBe("player");
    await key("Escape");
    await settle();
    expect(document.querySelector(".player")).toBeNull();
    expect(document.activeElement).toBe(button(/^Compare/));
  });

  it("has the verdict in its frame, which goes on as it was when the player closes", async () => {
    await openPaused();
    const frame = () => document.querySelector(".player .player-verdict");
    expect(frame()?.textContent).toBe("Same bugNot a duplicate");
    await click(/^Not a duplicate: GAME-3/);
    expect(frame()?.textContent).toContain("Mark GAME-3 as not a duplicate?ConfirmCancel");
    await click(/^Close the clips/);
    expect(document.querySelectorAll(".player-verdict")).toHaveLength(1);
    expect(panelText()).toContain("Mark GAME-3 as not a duplicate?");
    await click(/^Compare/);
    const escape = new KeyboardEvent("keydown", { key: "Escape", bubbles: true, cancelable: true });
    button(/^Cancel/).dispatchEvent(escape);
    await settle();
    expect(panelText()).not.toContain("Mark GAME-3 as not a duplicate?");
    expect(document.querySelector(".player")).not.toBeNull();
    await click(/^Same bug/);
    expect(frame()?.textContent).toBe("Linked as duplicate");
  });

  it("plays slower", async () => {
    await openPaused();
    await click(/^0.25×/);
    expect(pressed(/^0.25×/)).toBe("true");
    expect(pressed(/^1×/)).toBe("false");
    await key(" ");
    await settle(1950);
    expect(times()[0]).toBeCloseTo(2.5, 1);
  });

  it("is moved by one slider, which tells both times", async () => {
    await openPaused();
    const slider = document.querySelector<HTMLInputElement>('input[type="range"]')!;
    expect([slider.min, slider.max]).toEqual(["-2", "8.5"]);
    slider.value = "3.5";
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await settle();
    expect(times()).toEqual([5.5, 4.5]);
    expect(slider.getAttribute("aria-valuetext")).toBe("GAME-7 0:05.5, GAME-3 0:04.5");
  });

  it("shows the first or last frame, dimmed, where a clip has no footage", async () => {
    await openPaused();
    const slider = document.querySelector<HTMLInputElement>('input[type="range"]')!;
    slider.value = "-2";
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await settle();
    expect(times()).toEqual([0, 0]);
    const [here, there] = [...document.querySelectorAll(".screen")];
    expect(here?.className).toBe("screen");
    expect(there?.className).toContain("screen-outside");
    expect(there?.textContent).toContain("Not started yet");
    expect(there?.querySelector("img")?.src).toContain("/pictures/0.jpg");
  });

  it("plays faster", async () => {
    await openPaused();
    await click(/^2×/);
    await key(" ");
    await settle(950);
    expect(times()[0]).toBeCloseTo(4, 0);
  });

  it("loops over the moment", async () => {
    await openPaused();
    await click(/^Loop moment/);
    expect(pressed(/^Loop moment/)).toBe("true");
    const seen: number[] = [];
    for (let turn = 0; turn < 60; turn++) {
      await settle(100);
      seen.push(times()[0]);
    }
    expect(Math.max(...seen)).toBeLessThanOrEqual(3.5);
    expect(Math.min(...seen)).toBeGreaterThanOrEqual(1);
    expect(seen.filter((time, index) => time < (seen[index - 1] ?? 0))).toHaveLength(2);
  });

  it("offers the moments when there are several", async () => {
    const later = aMoment({ here: [5, 6], there: [4, 5], here_at: 5.5, there_at: 4.5 });
    await openPaused(aSimilar({ matches: [aMatch({ moments: [aMoment(), later] })] }));
    await click(/^Moment 2: 0:05–0:06 ↔ 0:04–0:05/);
    expect(times()).toEqual([5.5, 4.5]);
    expect(pressed(/^Moment 2/)).toBe("true");
  });

  it("does not offer a choice of one, nor a loop without a moment", async () => {
    await openPaused(aSimilar({ matches: [aMatch({ moments: [] })] }));
    expect(findButton(/^Moment/)).toBeUndefined();
    expect(findButton(/^Loop/)).toBeUndefined();
    expect(times()).toEqual([0, 0]);
  });
});

describe("media", () => {
  const videos = (here: "ready" | "preparing" = "ready") =>
    aSimilar({
      matches: [
        aMatch({
          here: aClip({ video: here }),
          there: aClip({ clip_id: "20002", media: "https://svc.test/media/there", video: "ready" }),
        }),
      ],
    });

  it("is the video where there is one, muted and in the page", async () => {
    await openPaused(videos());
    const all = [...document.querySelectorAll("video")];
    expect(all.map((video) => video.src)).toEqual([
      "https://svc.test/media/here/video.mp4",
      "https://svc.test/media/there/video.mp4",
    ]);
    expect(all.every((video) => video.muted && video.preload === "auto")).toBe(true);
    expect(all.map((video) => video.currentTime)).toEqual([2, 1]);
  });

  it("keeps both videos in step", async () => {
    await openPaused(videos());
    await key(" ");
    await settle(1000);
    const [here, there] = [...document.querySelectorAll("video")];
    expect([here?.paused, there?.paused]).toEqual([false, false]);
    // These videos do not move by themselves, so that only the correction keeps them up.
    expect(here!.currentTime).toBeGreaterThan(2.5);
    expect(Math.abs(here!.currentTime - there!.currentTime - 1)).toBeLessThan(0.3);
  });

  it("waits with both clips while one of them loads", async () => {
    const ready = vi.spyOn(HTMLMediaElement.prototype, "readyState", "get").mockReturnValue(1);
    await openPaused(videos());
    await key(" ");
    await settle(1000);
    expect(times()[0]).toBeLessThan(2.2);
    ready.mockReturnValue(4);
    await settle(1000);
    expect(times()[0]).toBeGreaterThan(2.8);
  });

  it("is a flip-book until the video is prepared", async () => {
    await openPaused(videos("preparing"));
    expect(document.querySelectorAll("video")).toHaveLength(1);
    expect(panelText()).toContain("frames only, the preview is being generated");
    await key("ArrowRight");
    const before = times();
    jira.similar = videos("ready");
    await settle(2500);
    expect(document.querySelectorAll("video")).toHaveLength(2);
    expect(times()).toEqual(before);
  });

  it("asks for new addresses once when one does not load", async () => {
    await openPaused(videos());
    const asked = () => jira.count("GET /forge/v1/issues/10001/similar");
    expect(asked()).toBe(1);
    jira.similar = aSimilar({
      matches: [aMatch({ here: aClip({ video: "ready", media: "https://svc.test/media/new" }) })],
    });
    document.querySelector("video")?.dispatchEvent(new Event("error"));
    await settle();
    expect(asked()).toBe(2);
    expect(document.querySelector("video")?.src).toBe("https://svc.test/media/new/video.mp4");
    document.querySelector("video")?.dispatchEvent(new Event("error"));
    await settle();
    expect(asked()).toBe(2);
    expect(panelText()).toContain("This clip could not be loaded.");
  });
});
