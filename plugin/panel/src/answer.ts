/** The service's answers, and what is read from them. All times are seconds. */

import type { Match, ShownClip, ShownMoment, Similar } from "./answer.generated";

export type { HeatMap, HeatMapPair, HeatMaps, Match, Similar } from "./answer.generated";
export type { ShownClip as Clip, ShownMoment as Moment } from "./answer.generated";

export type Span = ShownMoment["here"];

/** Both clips of a match, or null where there is nothing to compare. */
export function pairOf(match: Match): { here: ShownClip; there: ShownClip } | null {
  return match.here && match.there ? { here: match.here, there: match.there } : null;
}

/** True while a preview is being generated that a player could show. */
export function isVideoPreparing(similar: Similar): boolean {
  return similar.matches.some(
    ({ here, there }) => here?.video === "preparing" || there?.video === "preparing",
  );
}
