import { beforeEach, describe, expect, it, vi } from "vitest";

import type { Similar } from "../src/answer";
import { colourOf, inWords, pixelsOf, sizeOf, valueAt } from "@player/heat.js";
import { jira } from "./fake-jira";
import { aClip, aHeatMap, aMatch, aMoment, aSimilar, someHeatMaps } from "./samples";
import { button, click, findButton, openPanel, panelText, settle } from "./screen";
import { aBrowserWithVideo } from "./video";

beforeEach(aBrowserWithVideo);
beforeEach(() => {
  // jsdom draws nothing; a browser test looks at the colours.
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(null);
});

const ASK = "POST /forge/v1/issues/10001/heat-maps";
const maps = () => [...document.querySelectorAll("canvas")];
const pressed = (name: RegExp) => button(name).getAttribute("aria-pressed");

async function openPlaying(answer: Similar = aSimilar()): Promise<void> {
  vi.stubGlobal("matchMedia", () => ({ matches: false }));
  jira.similar = answer;
  await openPanel();
  await click(/^Compare/);
}

describe("heat maps in the player", () => {
  it("are off, and not asked for, until somebody chooses one", async () => {
    await openPlaying();
    expect([/^Off/, /^What matches/, /^What is unusual here/].map(pressed)).toEqual(["true", "false", "false"]);
    expect(document.querySelector('[role="group"][aria-label="Heat map"]')).not.toBeNull();
    expect(maps()).toEqual([]);
    expect(jira.count(ASK)).toBe(0);
  });

  it("hold both clips at the moment, lie over both, and say what they illustrate", async () => {
    await openPlaying();
    await settle(1000);
    await click(/^What matches/);
    expect(pressed(/^What matches/)).toBe("true");
    expect(jira.bodies).toEqual([{ here: "20001", here_at: 2, there: "20002", there_at: 1 }]);
    expect(findButton(/^Play both clips/)).toBeDefined();
    expect(maps().map((map) => map.getAttribute("aria-label"))).toEqual([
      "What matches, Clip of GAME-7: strongest at the lower right",
      "What matches, Clip of GAME-3: strongest at the lower right",
    ]);
    expect(maps().map(({ width, height }) => [width, height])).toEqual([[160, 90], [160, 90]]);
    expect(panelText()).toContain("alike and uncommon");
    expect(panelText()).toContain("The score doesn't use it");
  });

  it("change from one to the other without asking again, and go off", async () => {
    await openPlaying();
    await click(/^What matches/);
    await click(/^What is unusual here/);
    expect(maps()[0]?.getAttribute("aria-label")).toBe(
      "What is unusual here, Clip of GAME-7: strongest at the upper left",
    );
    expect(panelText()).toContain("not seen in clips of other tickets");
    await click(/^Off/);
    expect(maps()).toEqual([]);
    expect(panelText()).not.toContain("The score doesn't use it");
    expect(jira.count(ASK)).toBe(1);
  });

  it("are hidden away from the moment, with a way back", async () => {
    await openPlaying();
    await click(/^What matches/);
    await click(/^Next frame/);
    expect(maps()).toEqual([]);
    expect(panelText()).toContain("shows the matching moment only");
    await click(/^Show the heat map at the matching moment/);
    expect(maps()).toHaveLength(2);
    await click(/^Play both clips/);
    expect(maps()).toEqual([]);
  });

  it("are asked for each moment once", async () => {
    const later = aMoment({ here: [5, 6], there: [4, 5], here_at: 5.5, there_at: 4.5 });
    await openPlaying(aSimilar({ matches: [aMatch({ moments: [aMoment(), later] })] }));
    await click(/^What matches/);
    await click(/^Moment 2/);
    await click(/^Moment 1/);
    expect(jira.count(ASK)).toBe(2);
    expect(jira.bodies[1]).toMatchObject({ here_at: 5.5, there_at: 4.5 });
    expect(maps()).toHaveLength(2);
  });

  it("say what is not known, of which clip", async () => {
    const there = aHeatMap({ unusual: null, reason: "Not known: there are no other tickets' clips." });
    jira.replies["heat-maps"] = { status: 200, body: someHeatMaps({ there }) };
    await openPlaying();
    await click(/^What is unusual here/);
    expect(maps()).toHaveLength(1);
    expect(panelText()).toContain("GAME-3: Not known: there are no other tickets' clips.");
    await click(/^What matches/);
    expect(maps()).toHaveLength(2);
    expect(panelText()).toContain("GAME-3: not enough other clips in its project to tell what is common");
  });

  it("that cannot be drawn say so, and can be tried again", async () => {
    jira.replies["heat-maps"] = { status: 503, body: { detail: "No worker answered. Try again soon." } };
    await openPlaying();
    await click(/^What matches/);
    expect(panelText()).toContain("The heat map could not be drawn. No worker answered. Try again soon.");
    expect(maps()).toEqual([]);
    jira.replies["heat-maps"] = { status: 200, body: someHeatMaps() };
    await click(/^Try again to draw the heat map/);
    expect(maps()).toHaveLength(2);
    expect(panelText()).not.toContain("could not be drawn");
  });

  it.each([
    ["a moment", aMatch({ moments: [] })],
    ["pictures", aMatch({ here: aClip({ times: [] }) })],
  ])("are not offered without %s", async (_, match) => {
    await openPlaying(aSimilar({ matches: [match] }));
    expect(document.querySelector(".player")).not.toBeNull();
    expect(findButton(/^What matches/)).toBeUndefined();
  });
});

describe("a map's pixels", () => {
  it("have the patches' values in their middles, and lie between them elsewhere", () => {
    const grid = [[0, 1], [0.5, 0.5]];
    expect(valueAt(grid, 0.25, 0.25)).toBe(0);
    expect(valueAt(grid, 0.75, 0.25)).toBe(1);
    expect(valueAt(grid, 0.5, 0.25)).toBe(0.5);
    expect([valueAt(grid, 0, 0), valueAt(grid, 1, 0), valueAt(grid, 1, 1)]).toEqual([0, 1, 0.5]);
    expect(valueAt([[0.3]], 0.9, 0.1)).toBe(0.3);
  });

  it("go from dark and faint to bright and strong, whatever comes", () => {
    const brightness = (value: number) => {
      const [red, green, blue] = colourOf(value);
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const steps = Array.from({ length: 21 }, (_, index) => index / 20);
    steps.slice(1).forEach((value, index) => {
      expect(brightness(value)).toBeGreaterThan(brightness(steps[index] as number));
      expect(colourOf(value)[3]).toBeGreaterThan(colourOf(steps[index] as number)[3]);
    });
    expect(colourOf(0)).toEqual([68, 1, 84, 0.35]);
    expect(colourOf(1)).toEqual([253, 231, 37, 0.75]);
    expect([colourOf(-1), colourOf(2)]).toEqual([colourOf(0), colourOf(1)]);
  });

  it("are as many as the picture's proportions want", () => {
    expect(sizeOf(aHeatMap({ width: 240, height: 180 }))).toEqual([160, 120]);
    const pixels = pixelsOf([[0, 1]], 4, 2);
    expect(pixels).toHaveLength(32);
    expect([...pixels.slice(0, 4)]).toEqual([68, 1, 84, 89]);
    expect([...pixels.slice(28)]).toEqual([253, 231, 37, 191]);
  });

  it.each([
    [[[0, 0], [0, 0.1]], "nothing stands out"],
    [[[0, 0, 0], [0, 0.5, 0], [0, 0, 0]], "strongest in the middle"],
    [[[0, 0.5, 0], [0, 0, 0], [0, 0, 0]], "strongest in the upper middle"],
    [[[0, 0, 0], [0.5, 0, 0], [0, 0, 0]], "strongest at the left"],
    [[[0, 0, 0], [0, 0, 0], [0, 0, 0.5]], "strongest at the lower right"],
  ])("are told in words: %j", (grid, words) => {
    expect(inWords(grid)).toBe(words);
  });
});
