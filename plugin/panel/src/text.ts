/** Small texts: times, spans, addresses. */

import { webAddress } from "@player/dom.js";
import { span } from "@player/times.js";

import type { Moment } from "./answer";

export { webAddress } from "@player/dom.js";
export { clock, clockTenths, scoreText, span } from "@player/times.js";

/** "1:07–1:10 here, 0:02–0:05 there" */
export function momentText(moment: Moment): string {
  return `${span(moment.here)} here, ${span(moment.there)} there`;
}

/** One thing, several things: count(1, "clip") → "1 clip". */
export function count(n: number, thing: string, things = `${thing}s`): string {
  return `${n} ${n === 1 ? thing : things}`;
}

/** Address of the issue `other`, made from that of `key`; null if it cannot be told. */
export function addressBeside(url: string, key: string, other: string): string | null {
  if (!url.endsWith(`/browse/${key}`)) return null;
  return webAddress(url.slice(0, -key.length) + encodeURIComponent(other));
}
