/**
 * Every answer has new addresses of media. A clip on screen keeps its address while that is valid: a new
 * one would load the same video again and lose its place.
 */

import type { Clip, Similar } from "./answer";

/** Addresses are valid for five minutes; one minute is left for what still loads. */
const FRESH_MS = 4 * 60_000;

interface Known {
  media: string;
  since: number;
}

export class Addresses {
  private readonly known = new Map<string, Known>();

  /** The answer, with the addresses in use wherever they are still valid. */
  settle(answer: Similar, now: number): Similar {
    return {
      ...answer,
      matches: answer.matches.map((match) => ({
        ...match,
        here: match.here && this.clip(match.here, now),
        there: match.there && this.clip(match.there, now),
      })),
    };
  }

  /** An address did not work: use the next answer's. */
  forget(): void {
    this.known.clear();
  }

  private clip(clip: Clip, now: number): Clip {
    const known = this.known.get(clip.clip_id);
    if (known && now - known.since < FRESH_MS) return { ...clip, media: known.media };
    this.known.set(clip.clip_id, { media: clip.media, since: now });
    return clip;
  }
}
