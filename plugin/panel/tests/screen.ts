/** Looks at the rendered panel as its reader does: by words, roles and names. */

import { render } from "preact";
import { h } from "preact";
import { vi } from "vitest";

import { App } from "../src/app";

/** Lets answers arrive and the panel draw itself; far less than a poll's two seconds. */
export async function settle(ms = 300): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

export async function openPanel(): Promise<HTMLElement> {
  const root = document.getElementById("panel") as HTMLElement;
  render(h(App, {}), root);
  await settle();
  return root;
}

export function panelText(): string {
  const copy = document.getElementById("panel")?.cloneNode(true) as HTMLElement;
  for (const hidden of copy.querySelectorAll(".visually-hidden")) hidden.remove();
  return copy.textContent ?? "";
}

export function announced(): string {
  return document.querySelector('[role="status"]')?.textContent ?? "";
}

export function buttons(): HTMLButtonElement[] {
  return [...document.querySelectorAll("button")];
}

export function nameOf(element: Element): string {
  return element.getAttribute("aria-label") ?? element.textContent?.trim() ?? "";
}

export function findButton(name: RegExp): HTMLButtonElement | undefined {
  return buttons().find((button) => name.test(nameOf(button)));
}

export function button(name: RegExp): HTMLButtonElement {
  const found = findButton(name);
  if (!found) throw new Error(`no button ${name} among: ${buttons().map(nameOf).join(" | ")}`);
  return found;
}

export async function click(name: RegExp): Promise<void> {
  button(name).click();
  await settle();
}

export function isOff(element: Element): boolean {
  return element.getAttribute("aria-disabled") === "true";
}
