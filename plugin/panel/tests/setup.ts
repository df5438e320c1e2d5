/** Jira around the panel, before any module loads: @forge/bridge looks for it while it is imported. */

import { afterEach, beforeEach, vi } from "vitest";
import { render } from "preact";

import { jira } from "./fake-jira";

Object.assign(globalThis, {
  __bridge: { callBridge: (name: string, payload?: unknown) => jira.answer(name, payload) },
});

// @forge/bridge makes a Request with an empty address, which only a page can resolve.
const NodeRequest = globalThis.Request;
globalThis.Request = class extends NodeRequest {
  constructor(input: RequestInfo | URL, init?: RequestInit) {
    super(typeof input === "string" ? new URL(input, "http://jira.test") : input, init);
  }
};

beforeEach(() => {
  vi.useFakeTimers();
  jira.reset();
  document.body.innerHTML = '<div id="panel"></div>';
});

afterEach(() => {
  const root = document.getElementById("panel");
  if (root) render(null, root);
  if (vi.isFakeTimers()) vi.runOnlyPendingTimers(); // Preact waits for its own timers: none may get lost
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
});
