/** jsdom has no video. This one knows its time and whether it plays, no more. */

import { vi } from "vitest";

export function aBrowserWithVideo(): void {
  const clocks = new WeakMap<HTMLMediaElement, number>();
  const playing = new WeakSet<HTMLMediaElement>();
  const proto = window.HTMLMediaElement.prototype;
  vi.spyOn(proto, "readyState", "get").mockReturnValue(4);
  vi.spyOn(proto, "duration", "get").mockReturnValue(60);
  vi.spyOn(proto, "paused", "get").mockImplementation(function (this: HTMLMediaElement) {
    return !playing.has(this);
  });
  vi.spyOn(proto, "currentTime", "get").mockImplementation(function (this: HTMLMediaElement) {
    return clocks.get(this) ?? 0;
  });
  vi.spyOn(proto, "currentTime", "set").mockImplementation(function (this: HTMLMediaElement, time) {
    clocks.set(this, time);
  });
  vi.spyOn(proto, "play").mockImplementation(async function (this: HTMLMediaElement) {
    playing.add(this);
  });
  vi.spyOn(proto, "load").mockImplementation(() => undefined);
  vi.spyOn(proto, "pause").mockImplementation(function (this: HTMLMediaElement) {
    playing.delete(this);
  });
}
