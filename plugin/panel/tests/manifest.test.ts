/** The manifest, before Forge's own rules: those that `forge lint` and `forge deploy` check. */

import { copyFileSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { validate } from "@forge/manifest";
import { beforeEach, describe, expect, it, vi } from "vitest";

const PLUGIN = resolve(import.meta.dirname, "../..");
const MANIFEST = join(PLUGIN, "manifest.yml");

/** What these tests look at. */
interface Manifest {
  modules: Record<string, { auth?: unknown }[]>;
  remotes: { baseUrl: string }[];
  permissions: { scopes: string[]; external: Record<string, unknown> };
}

async function check(path = MANIFEST) {
  const { errors = [], manifestObject } = await validate(false, path as never);
  // Before the first build there is nothing to upload; everything else can be checked all the same.
  const unbuilt = !existsSync(join(PLUGIN, "panel/dist"));
  const known = (message: string) => unbuilt && message.includes("missing resource 'panel/dist'");
  return {
    errors: errors.map(({ message }) => message).filter((message) => !known(message)),
    manifest: manifestObject?.typedContent as Manifest | undefined,
  };
}

beforeEach(() => {
  vi.useRealTimers();
  vi.stubEnv("DEJABUG_PUBLIC_URL", "https://bugs.studio.test");
});

it("is one that Forge takes", async () => {
  expect((await check()).errors).toEqual([]);
});

it("asks for the least: the viewer's token, to read issues, to write a link", async () => {
  const { manifest } = await check();
  expect(manifest?.permissions.scopes).toEqual(["read:app-user-token", "read:jira-work", "write:jira-work"]);
  expect(manifest?.modules.endpoint?.[0]?.auth).toEqual({ appUserToken: { enabled: true } });
  expect(Object.keys(manifest?.modules ?? {})).toEqual(["jira:issuePanel", "endpoint"]);
});

it("takes the service's address from the environment, everywhere", async () => {
  const { manifest } = await check();
  expect(manifest?.remotes[0]?.baseUrl).toBe("https://bugs.studio.test");
  expect(manifest?.permissions.external).toEqual({
    images: [{ address: "https://bugs.studio.test" }],
    media: [{ address: "https://bugs.studio.test" }],
  });
});

it("does not pass without that address", async () => {
  vi.unstubAllEnvs();
  const { errors } = await check();
  expect(errors.join()).toContain("DEJABUG_PUBLIC_URL");
});

describe("the check itself", () => {
  it.each([
    ["write:jira-work", "write:everything"],
    ["endpoint: service", "endpoint: nowhere"],
    ["icon: resource:panel;icon.svg", "picture: none"],
    ["address: ${DEJABUG_PUBLIC_URL}", "address: http://insecure.test"],
  ])("finds '%s' turned into '%s'", async (right, wrong) => {
    const folder = mkdtempSync(join(tmpdir(), "manifest-"));
    copyFileSync(join(PLUGIN, "package.json"), join(folder, "package.json"));
    const text = readFileSync(MANIFEST, "utf8");
    expect(text).toContain(right);
    writeFileSync(join(folder, "manifest.yml"), text.replace(right, wrong));
    const { errors } = await check(join(folder, "manifest.yml"));
    const others = errors.filter((message) => !message.includes("missing resource"));
    expect(others).not.toEqual([]);
  });
});
