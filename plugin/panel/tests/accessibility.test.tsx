import axe from "axe-core";
import { beforeEach, describe, expect, it, vi } from "vitest";

import { jira } from "./fake-jira";
import { aMatch, aMoment, aSimilar } from "./samples";
import { announced, buttons, click, nameOf, openPanel, settle } from "./screen";
import { aBrowserWithVideo } from "./video";

beforeEach(aBrowserWithVideo);
beforeEach(() => {
  // axe measures letters on a canvas, which jsdom lacks and complains about.
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(null);
});

/** What axe finds wrong. It cannot see colours in jsdom; a browser test looks at those. */
async function flaws(): Promise<string[]> {
  vi.runOnlyPendingTimers();
  vi.useRealTimers();
  const { violations } = await axe.run(document.body, { rules: { "color-contrast": { enabled: false } } });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
}

describe("every state is free of flaws that axe knows", () => {
  it.each([
    ["matches", aSimilar()],
    ["empty", aSimilar({ matches: [] })],
    ["unlikely matches", aSimilar({ matches: [aMatch({ weak: true })] })],
    ["reading", aSimilar({ state: "indexing", progress: { done: 1, total: 3 } })],
    ["unknown", aSimilar({ state: "unknown", progress: { done: 0, total: 0 }, matches: [] })],
    ["muted", aSimilar({ muted: true })],
    ["off", aSimilar({ state: "off" })],
    ["failed clips", aSimilar({ failed: [{ filename: "x.mp4", reason: "broken" }] })],
  ])("%s", async (_, answer) => {
    jira.similar = answer;
    await openPanel();
    expect(await flaws()).toEqual([]);
  });

  it("error", async () => {
    jira.similar = new Error("Invalid response from remote");
    await openPanel();
    expect(await flaws()).toEqual([]);
  });

  it("player and question", async () => {
    vi.stubGlobal("matchMedia", () => ({ matches: true })); // less motion: nothing moves meanwhile
    jira.similar = aSimilar({ matches: [aMatch({ moments: [aMoment(), aMoment({ here_at: 3 })] })] });
    await openPanel();
    await click(/^Compare/);
    await click(/^Not a duplicate/);
    expect(await flaws()).toEqual([]);
  });

  it("heat maps", async () => {
    vi.stubGlobal("matchMedia", () => ({ matches: true }));
    await openPanel();
    await click(/^Compare/);
    await click(/^What matches/);
    expect(document.querySelectorAll("canvas")).toHaveLength(2);
    expect(await flaws()).toEqual([]);
  });
});

it("names the issue on every button of a match, with the text on it", async () => {
  await openPanel();
  const ofMatch = buttons().filter((button) => button.closest(".match"));
  expect(ofMatch).toHaveLength(3);
  for (const button of ofMatch) {
    expect(nameOf(button)).toContain("GAME-3");
    expect(nameOf(button).toLowerCase()).toContain(button.textContent?.trim().toLowerCase());
  }
});

it("has a landmark, a list of matches and headings", async () => {
  await openPanel();
  expect(document.querySelector("main h1")?.textContent).toBe("Déjà Bug");
  expect(document.querySelectorAll("ol[role=list] > li.match")).toHaveLength(1);
  expect(document.querySelector("h2")?.textContent).toContain("1 earlier issue");
  expect(document.querySelector("h3")?.textContent).toContain("GAME-3");
});

it("tells a screen reader when the answer changes", async () => {
  jira.similar = aSimilar({ state: "indexing", progress: { done: 0, total: 1 }, matches: [] });
  await openPanel();
  expect(announced()).toBe("Still analysing.");
  jira.similar = aSimilar();
  await settle(2000);
  expect(announced()).toBe("1 similar issue found.");
});
