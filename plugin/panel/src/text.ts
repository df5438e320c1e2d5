/** Small texts: times, spans, addresses. */

import type { Moment, Span } from "./answer";

/** Seconds as a player shows them: 67.4 → "1:07". */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds + 1e-6));
  const minutes = Math.floor(whole / 60);
  const rest = String(whole % 60).padStart(2, "0");
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

/** Seconds to the tenth: 67.44 → "1:07.4". */
export function clockTenths(seconds: number): string {
  const tenths = Math.max(0, Math.round(seconds * 10));
  return `${clock(Math.floor(tenths / 10))}.${tenths % 10}`;
}

/** A stretch of time: [67, 70.4] → "1:07–1:10", a single instant → "1:07". */
export function span([start, end]: Span): string {
  const [from, to] = [clock(start), clock(end)];
  return from === to ? from : `${from}–${to}`;
}

/** "1:07–1:10 here, 0:02–0:05 there" */
export function momentText(moment: Moment): string {
  return `${span(moment.here)} here, ${span(moment.there)} there`;
}

/** A score with two decimals, rounded down as in comments: 0.949 is no 0.95 yet. */
export function scoreText(score: number): string {
  return (Math.floor(100 * score + 1e-9) / 100).toFixed(2);
}

/** One thing, several things: count(1, "clip") → "1 clip". */
export function count(n: number, thing: string, things = `${thing}s`): string {
  return `${n} ${n === 1 ? thing : things}`;
}

/** The address if it is one of the web, else null: nothing else is ever linked or loaded. */
export function webAddress(address: string | null | undefined): string | null {
  if (!address || !/^https?:\/\//i.test(address)) return null;
  return URL.canParse(address) ? address : null;
}

/** Address of the issue `other`, made from that of `key`; null if it cannot be told. */
export function addressBeside(url: string, key: string, other: string): string | null {
  if (!url.endsWith(`/browse/${key}`)) return null;
  return webAddress(url.slice(0, -key.length) + encodeURIComponent(other));
}
