import { describe, expect, it } from "vitest";

import type { Match } from "../src/answer";
import { jira } from "./fake-jira";
import { aClip, aMatch, aMoment, aSimilar } from "./samples";
import { announced, button, click, findButton, openPanel, panelText, settle } from "./screen";

describe("a match", () => {
  it("is told with everything a triage lead decides on", async () => {
    await openPanel();
    const text = panelText();
    expect(text).toContain("1 earlier issue may show the same bug");
    expect(text).toContain("Very likely the same bug");
    expect(text).toContain("score 0.97");
    expect(text).toContain("Cows float above the field");
    expect(text).toContain("Fixed");
    expect(text).toContain("Possible regression: fixed in 0.9");
    expect(text).toContain("Floating object");
    expect(text).toContain("also GAME-9");
    expect(text).toContain("0:01–0:03 here, 0:00–0:02 there");
    expect(text).toContain("Compared with openai/clip-vit-base-patch32, fp16, cuda");
  });

  it("shows the picture of the moment of both clips", async () => {
    await openPanel();
    const pictures = [...document.querySelectorAll<HTMLImageElement>(".thumbnail img")];
    expect(pictures.map((each) => each.src)).toEqual([
      "https://svc.test/media/here/pictures/2000.jpg",
      "https://svc.test/media/there/pictures/1000.jpg",
    ]);
    expect(pictures.map((each) => each.alt)).toEqual(["GAME-7, this issue at 0:02", "GAME-3 at 0:01"]);
  });

  it("opens in a new tab through Jira's router", async () => {
    await openPanel();
    const link = document.querySelector<HTMLAnchorElement>("a.match-key");
    expect(link?.getAttribute("rel")).toContain("noopener");
    link?.click();
    await settle();
    expect(jira.log).toContain("open https://studio.test/browse/GAME-3");
  });

  it("names further moments by their number only", async () => {
    const moments = [1, 2, 3, 4].map((at) => aMoment({ here: [at, at + 1] }));
    jira.similar = aSimilar({ matches: [aMatch({ moments })] });
    await openPanel();
    expect(panelText()).toContain("0:02–0:03 here, 0:00–0:02 there, and 2 more");
  });

  it("found by words has nothing to compare, and the found clip to watch", async () => {
    const there = aClip({ media: "https://svc.test/media/there", video: "ready", times: [0, 2, 4], duration: 5 });
    jira.similar = aSimilar({ matches: [aMatch({ by: "words", moments: [], here: null, there })] });
    await openPanel();
    expect(panelText()).toContain("Found by the tickets' text.");
    expect(findButton(/^Compare/)).toBeUndefined();
    const video = document.querySelector("video");
    expect(video?.src).toBe("https://svc.test/media/there/video.mp4");
    expect(video?.poster).toBe("https://svc.test/media/there/pictures/2000.jpg");
    expect(video?.getAttribute("aria-label")).toBe("Clip of GAME-3");
    expect(video?.controls).toBe(true);
  });

  it("found by words shows a picture until the video is there, and nothing from elsewhere", async () => {
    const there = aClip({ media: "https://svc.test/media/there", video: "preparing" });
    jira.similar = aSimilar({ matches: [aMatch({ by: "words", moments: [], here: null, there })] });
    await openPanel();
    expect(document.querySelector("video")).toBeNull();
    expect(document.querySelector(".lone-clip img")).not.toBeNull();
    expect(panelText()).toContain("the preview is being generated");
  });

  it("found by words without a clip that can be shown says so", async () => {
    const there = aClip({ media: "javascript:alert(1)" });
    jira.similar = aSimilar({ matches: [aMatch({ by: "words", moments: [], here: null, there })] });
    await openPanel();
    expect(document.querySelector("video, .lone-clip img")).toBeNull();
    expect(panelText()).toContain("This clip could not be loaded.");
  });

  it.each([
    ["done", "done"],
    ["new", "new"],
    ["indeterminate", "progress"],
    ["", "progress"],
  ])("with a status of the category '%s' has the lozenge of %s", async (status_category, colour) => {
    jira.similar = aSimilar({ matches: [aMatch({ status_category })] });
    await openPanel();
    expect(document.querySelector(".lozenge")?.className).toContain(`lozenge-${colour}`);
  });
});

describe("matches below every label's floor", () => {
  const weak = aMatch({
    issue_id: "10004", key: "GAME-4", summary: "A shed without a roof", score: 0.31,
    strength: "Weak match", weak: true, regression: null,
  });
  const unlikely = () => document.querySelector("details.unlikely");

  it("are folded away as unlikely, and not counted as earlier issues that may show the bug", async () => {
    jira.similar = aSimilar({ matches: [aMatch(), weak] });
    await openPanel();
    expect(panelText()).toContain("1 earlier issue may show the same bug");
    expect(unlikely()?.hasAttribute("open")).toBe(false);
    expect(unlikely()?.querySelector("summary")?.textContent).toBe("1 unlikely match");
    expect(unlikely()?.textContent).toContain("Weak match");
    expect(unlikely()?.textContent).toContain("A shed without a roof");
    expect(unlikely()?.textContent).toContain("Fix version: 0.9");
    expect(unlikely()?.textContent).not.toContain("regression");
    expect(unlikely()?.textContent).not.toContain("Cows float above the field");
    expect(announced()).toBe("1 similar issue found.");
  });

  it("alone are no likely match, and are not left out either", async () => {
    jira.similar = aSimilar({ matches: [weak, { ...weak, issue_id: "10005", key: "GAME-5" }] });
    await openPanel();
    expect(panelText()).toContain("No likely match.");
    expect(panelText()).toContain("2 unlikely matches");
    expect(panelText()).not.toContain("may show the same bug");
    expect(panelText()).not.toContain("No similar issues");
    expect(announced()).toBe("No likely match. 2 unlikely matches.");
  });

  it("can be rejected like others", async () => {
    jira.similar = aSimilar({ matches: [weak] });
    await openPanel();
    await click(/^Not a duplicate: GAME-4/);
    await click(/^Confirm: GAME-4 is not a duplicate/);
    expect(unlikely()).toBeNull();
    expect(panelText()).toContain("No similar issues found.");
  });
});

describe("the same file", () => {
  it("is told as such, without moments: all of it matches", async () => {
    const match = aMatch({ score: 1, strength: "Same file as GAME-3", same_file: "GAME-3" });
    jira.similar = aSimilar({ matches: [match] });
    await openPanel();
    expect(panelText()).toContain("Same file as GAME-3");
    expect(panelText()).toContain("score 1.00");
    expect(document.querySelector(".moments")).toBeNull();
    expect(findButton(/^Compare/)).toBeDefined();
  });
});

describe("who filed a match", () => {
  const filed = () => document.querySelector(".filed")?.textContent;

  it.each([
    [{}, "Filed 3 Mar 2025 by Ann Lee · assigned to Bo"],
    [{ assignee: null }, "Filed 3 Mar 2025 by Ann Lee"],
    [{ reporter: null, assignee: null }, "Filed 3 Mar 2025"],
    [{ created: "", reporter: null }, "Assigned to Bo"],
    [{ created: "soon", reporter: "<b>Ann</b>", assignee: null }, "Filed by <b>Ann</b>"],
    [{ created: "", reporter: null, assignee: null }, undefined],
    // An earlier version of the service does not say.
    [{ created: undefined, reporter: undefined, assignee: undefined }, undefined],
  ])("is shown as far as it is known: %o", async (facts, shown) => {
    jira.similar = aSimilar({ matches: [aMatch(facts as Partial<Match>)] });
    await openPanel();
    expect(filed()).toBe(shown);
  });
});

describe("what a score rests on", () => {
  const reasons = () => document.querySelector(".reasons");

  it("is told in words, with a bar beside each", async () => {
    await openPanel();
    expect(reasons()?.getAttribute("aria-label")).toBe("Why GAME-3 has this score");
    const rows = [...document.querySelectorAll(".reason")];
    expect(rows.map((row) => row.textContent)).toEqual([
      "The frames are very similar.",
      "The tickets' text has little in common.",
    ]);
    expect(rows.map((row) => row.querySelector(".bar-value")?.getAttribute("width"))).toEqual(["74%", "31%"]);
    expect(rows.map((row) => row.classList.contains("reason-against"))).toEqual([false, true]);
    expect(rows.every((row) => row.querySelector("svg")?.getAttribute("aria-hidden") === "true")).toBe(true);
  });

  it("is shown for a copy of the same recording, with its moments", async () => {
    const text = "The same recording as on GAME-3: the motion in both clips matches.";
    const match = aMatch({
      strength: "Same recording as GAME-3",
      same_recording: "GAME-3",
      reasons: [{ kind: "recording", strength: 0.99, text }],
    });
    jira.similar = aSimilar({ matches: [match] });
    await openPanel();
    expect(panelText()).toContain("Same recording as GAME-3");
    expect(panelText()).toContain(text);
    expect(document.querySelector(".moments")).not.toBeNull();
  });

  it.each([
    ["of the same file, whose label says it", { same_file: "GAME-3" }],
    ["where the service tells none", { reasons: [] }],
    ["by an earlier version of the service", { reasons: undefined }],
  ])("is not told %s", async (_, change) => {
    jira.similar = aSimilar({ matches: [aMatch(change)] });
    await openPanel();
    expect(panelText()).toContain("Cows float above the field");
    expect(reasons()).toBeNull();
  });
});

describe("the panel", () => {
  it("shows a skeleton until the answer is there", async () => {
    const opened = openPanel();
    expect(document.querySelector('.skeleton[aria-busy="true"]')).not.toBeNull();
    await opened;
    expect(document.querySelector(".skeleton")).toBeNull();
  });

  it("says that there are no similar issues", async () => {
    jira.similar = aSimilar({ matches: [] });
    await openPanel();
    expect(panelText()).toContain("No similar issues found.");
    expect(announced()).toBe("No similar issues.");
  });

  it("says that of an issue without clips only the text was compared", async () => {
    jira.similar = aSimilar({ clips: 0 });
    await openPanel();
    expect(panelText()).toContain("This issue has no clip, so only its text was compared.");
  });

  it("does not say that no issue shows the bug when the clips could not be used", async () => {
    const failed = [{ filename: "x.mp4", reason: "the file is no video that can be read" }];
    jira.similar = aSimilar({ clips: 1, failed, matches: [] });
    await openPanel();
    expect(panelText()).not.toContain("shows this bug");
    expect(panelText()).toContain("None of this issue's clips could be used, so only its text was compared.");
    expect(panelText()).toContain("the file is no video that can be read");
  });

  it("says so beside what the words have found, too", async () => {
    const failed = [{ filename: "x.mp4", reason: "the file is no video that can be read" }];
    jira.similar = aSimilar({ clips: 1, failed });
    await openPanel();
    expect(panelText()).toContain("None of this issue's clips could be used, so only its text was compared.");
  });

  it("shows how far reading has come", async () => {
    jira.similar = aSimilar({ state: "indexing", progress: { done: 1, total: 3 }, matches: [] });
    await openPanel();
    const bar = document.querySelector('[role="progressbar"]');
    expect(bar?.getAttribute("aria-valuenow")).toBe("1");
    expect(bar?.getAttribute("aria-valuemax")).toBe("3");
    expect(panelText()).toContain("1 of 3 done");
    expect(panelText()).not.toContain("No similar issues");
  });

  it("shows matches that are there already while it still reads", async () => {
    jira.similar = aSimilar({ state: "indexing", progress: { done: 1, total: 3 } });
    await openPanel();
    expect(panelText()).toContain("Cows float above the field");
    expect(document.querySelector('[role="progressbar"]')).not.toBeNull();
  });

  it("shows no number for an issue that was not read yet", async () => {
    jira.similar = aSimilar({ state: "unknown", progress: { done: 0, total: 0 }, matches: [] });
    await openPanel();
    expect(document.querySelector('[role="progressbar"]')?.hasAttribute("aria-valuenow")).toBe(false);
    expect(panelText()).toContain("Waiting in the queue");
  });

  it("takes an answer that knows no more than that the issue was not read", async () => {
    jira.replies.similar = {
      status: 200,
      body: { issue: { id: "10001", key: "GAME-7" }, state: "unknown", matches: [] },
    };
    await openPanel();
    expect(panelText()).toContain("Waiting in the queue");
    expect(button(/^Mute on this issue/)).toBeDefined();
  });

  it("goes from reading to matches by itself", async () => {
    jira.similar = aSimilar({ state: "indexing", progress: { done: 1, total: 3 }, matches: [] });
    await openPanel();
    jira.similar = aSimilar();
    await settle(2000);
    expect(panelText()).toContain("Cows float above the field");
    expect(announced()).toBe("1 similar issue found.");
  });

  it("says that the project is off, without buttons", async () => {
    jira.similar = aSimilar({ state: "off" });
    await openPanel();
    expect(panelText()).toContain("Déjà Bug is turned off for this project.");
    expect(findButton(/./)).toBeUndefined();
  });

  it("names the clips that failed and why", async () => {
    jira.similar = aSimilar({
      failed: [{ filename: "x.mp4", reason: "the file is no video that can be read" }],
    });
    await openPanel();
    expect(panelText()).toContain("1 clip could not be used");
    expect(panelText()).toContain("x.mp4: the file is no video that can be read");
  });

  it("tells an error of the service in its own words, and tries again", async () => {
    jira.replies.similar = {
      status: 503,
      body: { type: "about:blank", title: "Service Unavailable", status: 503, detail: "Try again in a minute." },
    };
    await openPanel();
    expect(document.querySelector('[role="alert"]')?.textContent).toContain("Déjà Bug cannot answer right now.");
    expect(panelText()).toContain("Try again in a minute.");
    jira.replies.similar = null;
    await click(/^Try again$/);
    expect(panelText()).toContain("Cows float above the field");
  });

  it.each([
    ["Remote could not verify the Forge Invocation Token", "DEJABUG_FORGE_APP_ID"],
    ["Invalid response from remote", "ask your administrator whether the service is running"],
    ["Remote invocation timed out after 25 seconds", "took too long"],
  ])("turns Forge's error '%s' into what to do", async (message, todo) => {
    jira.similar = new Error(message);
    await openPanel();
    expect(panelText()).toContain(todo);
    expect(button(/^Try again$/)).toBeDefined();
  });
});

describe("text of issues", () => {
  const nasty = '<img src=x onerror="alert(1)"><b>bold</b>';

  it("is shown as it is, never as HTML", async () => {
    jira.similar = aSimilar({
      matches: [aMatch({ summary: nasty, status: nasty, kinds: [nasty], strength: nasty, also: [nasty] })],
      failed: [{ filename: nasty, reason: nasty }],
      encoder: nasty,
    });
    const root = await openPanel();
    expect(root.querySelector("b, [onerror]")).toBeNull();
    expect(panelText().split(nasty).length - 1).toBeGreaterThanOrEqual(6);
  });

  it.each(["javascript:alert(1)", "data:text/html,x", "//evil.test/", ""])(
    "makes no link of the address %s",
    async (url) => {
      jira.similar = aSimilar({ matches: [aMatch({ url })] });
      await openPanel();
      expect(document.querySelector("a")).toBeNull();
      expect(panelText()).toContain("GAME-3");
    },
  );

  it("loads no media from an address that is none of the web", async () => {
    const match = aMatch();
    const bad = { ...match.here!, clip_id: "bad", media: "javascript:alert(1)" };
    jira.similar = aSimilar({ matches: [{ ...match, here: bad }] });
    const sources = () =>
      [...document.querySelectorAll("img, video")].map((each) => each.getAttribute("src") ?? "");
    await openPanel();
    expect(sources()).toEqual(["https://svc.test/media/there/pictures/1000.jpg"]);
    await click(/^Compare/);
    expect(sources()).toHaveLength(1);
    expect(sources()[0]).toMatch(/^https:/);
    expect(panelText()).toContain("This clip could not be loaded.");
  });
});
