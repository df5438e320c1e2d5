import { describe, expect, it } from "vitest";

import { jira } from "./fake-jira";
import { aMatch, aSimilar } from "./samples";
import { announced, button, click, findButton, isOff, openPanel, panelText, settle } from "./screen";

const VERDICTS = "POST /forge/v1/issues/10001/verdicts";
const MUTE = "PUT /forge/v1/issues/10001/mute";

describe("Same bug", () => {
  it("links first, then tells the service", async () => {
    await openPanel();
    await click(/^Same bug/);
    expect(jira.log.slice(1)).toEqual(["link", VERDICTS]);
    expect(jira.bodies).toEqual([
      { type: { name: "Duplicate" }, inwardIssue: { key: "GAME-7" }, outwardIssue: { key: "GAME-3" } },
      { other: "10002", same: true },
    ]);
    expect(isOff(button(/^Linked as duplicate/))).toBe(true);
    expect(findButton(/^Not a duplicate/)).toBeUndefined();
    expect(announced()).toBe("GAME-7 is linked as a duplicate of GAME-3.");
  });

  it("says why the link failed, and posts no verdict", async () => {
    jira.replies.link = { status: 404, body: { errorMessages: ["No Link Issue Permission for issue 'GAME-3'"], errors: {} } };
    await openPanel();
    await click(/^Same bug/);
    expect(jira.count(VERDICTS)).toBe(0);
    expect(document.querySelector('[role="alert"]')?.textContent).toContain("No Link Issue Permission");
    expect(isOff(button(/^Same bug/))).toBe(false);
  });

  it("never links twice when only the verdict failed", async () => {
    jira.replies.verdicts = { status: 503, body: { title: "Service Unavailable", detail: "Try again." } };
    await openPanel();
    await click(/^Same bug/);
    expect(panelText()).toContain("The issues are linked, but Déjà Bug did not save the verdict.");
    jira.replies.verdicts = { status: 200, body: { saved: true } };
    await click(/^Save the verdict/);
    expect(jira.count("link")).toBe(1);
    expect(jira.count(VERDICTS)).toBe(2);
    expect(button(/^Linked as duplicate/)).toBeDefined();
    expect(panelText()).not.toContain("did not save");
  });

  it("cannot be clicked twice while it is under way", async () => {
    jira.linkTakes = 5000;
    await openPanel();
    const same = button(/^Same bug/);
    same.click();
    same.click();
    await settle();
    expect(isOff(button(/^Same bug/))).toBe(true);
    expect(same.textContent).toContain("Linking…");
    expect(isOff(button(/^Not a duplicate/))).toBe(true);
    same.click();
    await settle(5000);
    expect(jira.count("link")).toBe(1);
    expect(jira.count(VERDICTS)).toBe(1);
  });

  it("is not offered for an issue that is linked already", async () => {
    jira.similar = aSimilar({ matches: [aMatch({ linked: true })] });
    await openPanel();
    expect(findButton(/^Same bug/)).toBeUndefined();
    expect(isOff(button(/^Linked as duplicate/))).toBe(true);
  });
});

describe("Not a duplicate", () => {
  it("asks before it marks, with the focus on the harmless answer", async () => {
    await openPanel();
    await click(/^Not a duplicate/);
    expect(panelText()).toContain("Mark GAME-3 as not a duplicate?");
    expect(document.activeElement).toBe(button(/^Cancel: keep GAME-3/));
    expect(jira.count(VERDICTS)).toBe(0);
  });

  it("keeps the match when told so, and gives the focus back", async () => {
    await openPanel();
    await click(/^Not a duplicate/);
    await click(/^Cancel/);
    expect(jira.count(VERDICTS)).toBe(0);
    expect(panelText()).toContain("Cows float above the field");
    expect(document.activeElement).toBe(button(/^Not a duplicate/));
  });

  it("hides the match permanently", async () => {
    jira.similar = aSimilar({ matches: [aMatch(), aMatch({ issue_id: "10005", key: "GAME-5", summary: "Pigs fly" })] });
    await openPanel();
    await click(/^Not a duplicate: GAME-3/);
    await click(/^Confirm: GAME-3/);
    expect(jira.bodies).toEqual([{ other: "10002", same: false }]);
    expect(panelText()).not.toContain("Cows float");
    expect(panelText()).toContain("Pigs fly");
    expect(panelText()).toContain("1 earlier issue may show the same bug");
    expect(announced()).toBe("GAME-3 won't be suggested here again.");
  });

  it("keeps the match on screen when the service did not save it", async () => {
    jira.replies.verdicts = { status: 503, body: { title: "Service Unavailable", detail: "The store is away." } };
    await openPanel();
    await click(/^Not a duplicate/);
    await click(/^Confirm/);
    expect(panelText()).toContain("Cows float above the field");
    expect(document.querySelector('[role="alert"]')?.textContent).toContain("The store is away.");
  });
});

describe("Mute", () => {
  it("mutes the issue and can be taken back", async () => {
    await openPanel();
    jira.similar = aSimilar({ muted: true });
    await click(/^Mute on this issue/);
    expect(jira.count(MUTE)).toBe(1);
    expect(panelText()).toContain("Déjà Bug is muted on this issue.");
    expect(panelText()).not.toContain("Cows float");
    expect(announced()).toBe("Muted.");
    expect(document.activeElement).toBe(button(/^Unmute/));

    jira.similar = aSimilar();
    await click(/^Unmute/);
    expect(jira.bodies).toEqual([{ muted: true }, { muted: false }]);
    expect(panelText()).toContain("Cows float above the field");
  });

  it("shows what was saved even when the next question fails", async () => {
    await openPanel();
    jira.similar = new Error("Invalid response from remote");
    await click(/^Mute on this issue/);
    expect(panelText()).toContain("Déjà Bug is muted on this issue.");
  });

  it("says so when it did not work, and changes nothing", async () => {
    jira.replies.mute = { status: 400, body: { title: "Bad Request", detail: "Ask an administrator." } };
    await openPanel();
    await click(/^Mute on this issue/);
    expect(panelText()).toContain("Déjà Bug answered with an error. Ask an administrator.");
    expect(panelText()).toContain("Cows float above the field");
  });
});

describe("Search again", () => {
  it("queues the issue and follows its reading", async () => {
    jira.similar = aSimilar({ matches: [] });
    await openPanel();
    await click(/^Search again/);
    expect(jira.log).toContain("POST /forge/v1/issues/10001/again");
    jira.similar = aSimilar({ state: "indexing", progress: { done: 0, total: 2 } });
    await settle(2000);
    expect(panelText()).toContain("0 of 2 done");
    expect(announced()).toBe("Still analysing.");
  });
});
