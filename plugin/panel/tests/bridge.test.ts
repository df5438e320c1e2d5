import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, type MockInstance, vi } from "vitest";

import { askService, currentIssue, linkIssues, openInNewTab } from "../src/bridge";
import { jira } from "./fake-jira";

let call: MockInstance<typeof jira.answer>;
beforeEach(() => {
  call = vi.spyOn(jira, "answer");
});

describe("askService", () => {
  it("speaks Forge's invokeRemote, which carries the viewer's token", async () => {
    await askService("PUT", "/forge/v1/issues/10001/mute", { muted: true });
    expect(call).toHaveBeenCalledWith("invoke", {
      invokeType: "ui-remote-fetch",
      path: "/forge/v1/issues/10001/mute",
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: { muted: true },
    });
  });

  it("tells the service's problem", async () => {
    call.mockResolvedValue({
      success: false,
      error: { status: 404, headers: {}, body: { title: "Not Found", detail: "Reload the page." } },
    });
    await expect(askService("GET", "/x")).rejects.toMatchObject({
      title: "Déjà Bug has nothing to show here.",
      todo: "Reload the page.",
      status: 404,
    });
  });

  it.each([
    [{ success: false, error: { status: 500, headers: {}, body: undefined } }, "status 500"],
    [{ success: false, error: { message: "An unexpected error happened" } }, "An unexpected error happened"],
    [undefined, "no status"],
  ])("does not take %j for an answer", async (answer, says) => {
    call.mockResolvedValue(answer);
    await expect(askService("GET", "/x")).rejects.toMatchObject({ todo: expect.stringContaining(says) });
  });
});

describe("linkIssues", () => {
  it("posts the link to Jira, from this issue to the other one", async () => {
    await linkIssues("Duplicate", "GAME-7", "GAME-3");
    const [command, payload] = call.mock.calls[0] as [string, { restPath: string; fetchRequestInit: RequestInit }];
    expect(command).toBe("fetchProduct");
    expect(payload).toMatchObject({ product: "jira", restPath: "/rest/api/3/issueLink" });
    expect(payload.fetchRequestInit.method).toBe("POST");
    expect(Object.fromEntries(payload.fetchRequestInit.headers as [string, string][])).toMatchObject({
      "content-type": "application/json",
    });
    expect(JSON.parse(payload.fetchRequestInit.body as string)).toEqual({
      type: { name: "Duplicate" },
      inwardIssue: { key: "GAME-7" },
      outwardIssue: { key: "GAME-3" },
    });
  });

  it.each([
    [{ status: 404, body: { errorMessages: [], errors: {} } }, "Link Issues permission"],
    [{ status: 400, body: { errors: { type: "No link type 'Duplicate'" } } }, "No link type 'Duplicate'"],
    [{ status: 500 }, "status 500"],
    [new Error("bridge away"), "bridge away"],
  ])("says why Jira refused: %j", async (reply, says) => {
    jira.replies.link = reply;
    await expect(linkIssues("Duplicate", "A-1", "A-2")).rejects.toMatchObject({
      title: "Jira did not create the link.",
      todo: expect.stringContaining(says),
    });
  });
});

it("says when Jira names no issue", async () => {
  call.mockResolvedValue({ extension: {} });
  await expect(currentIssue()).rejects.toMatchObject({ title: "Jira did not say which issue is open." });
});

it("opens nothing but addresses of the web", async () => {
  await openInNewTab("javascript:alert(1)");
  expect(call).not.toHaveBeenCalled();
  await openInNewTab("https://a.test/");
  expect(call).toHaveBeenCalledWith("navigate", { url: "https://a.test/", type: "new-tab" });
});

it("is the only border: nothing else imports @forge/bridge, nothing writes HTML", () => {
  const folder = join(import.meta.dirname, "../src");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /\.tsx?$/.test(name));
  const holding = (words: RegExp) => files.filter((name) => words.test(readFileSync(join(folder, name), "utf8")));
  expect(files.length).toBeGreaterThan(10);
  expect(holding(/from "@forge\/bridge"|__bridge/)).toEqual(["bridge.ts"]);
  expect(holding(/innerHTML|outerHTML|insertAdjacentHTML|document\.write/)).toEqual([]);
});
