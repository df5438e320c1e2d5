/** What the service answers to `GET /forge/v1/issues/{issueId}/similar`. All times are seconds. */

export type Span = [start: number, end: number];

/** A stretch of this issue's clip that matches a stretch of the other clip. */
export interface Moment {
  here: Span;
  there: Span;
  here_at: number;
  there_at: number;
  similarity: number;
}

export interface Clip {
  clip_id: string;
  filename: string;
  duration: number;
  /** Times for which there is a picture. */
  times: number[];
  /** Signed address, bound to the viewer; good for five minutes. */
  media: string;
  video: "ready" | "preparing" | "none";
}

/** One thing that a score rests on. Its strength, 0 to 1, raises the score above 0.5 and lowers it
 * below. */
export interface Reason {
  kind: "recording" | "pictures" | "words" | "nearest";
  strength: number;
  text: string;
}

export interface Match {
  issue_id: string;
  key: string;
  url: string;
  summary: string;
  status: string;
  /** Jira's own: `new`, `indeterminate` or `done`; empty where Jira does not tell. */
  status_category: string;
  resolution: string | null;
  fix_versions: string[];
  regression: string | null;
  score: number;
  strength: string;
  /** Key of the issue that has the very same file; then `strength` says so. */
  same_file: string | null;
  /** Key of the issue whose clip is a copy of the same recording; then `strength` says so. */
  same_recording: string | null;
  /** What the score rests on; an earlier version of the service does not tell. */
  reasons?: Reason[];
  /** Below every label's floor: it is listed apart, as unlikely. */
  weak: boolean;
  kinds: string[];
  linked: boolean;
  also: string[];
  by: "clip" | "words";
  moments: Moment[];
  here: Clip | null;
  there: Clip | null;
}

export interface Similar {
  issue: { id: string; key: string };
  state: "ready" | "indexing" | "unknown" | "off";
  progress: { done: number; total: number };
  failed: { filename: string; reason: string }[];
  clips: number;
  muted: boolean;
  matches: Match[];
  encoder: string;
  link_type: string;
}

/** Two clips at times of their own, for `POST /forge/v1/issues/{issueId}/heat-maps`. */
export interface HeatMapPair {
  here: string;
  here_at: number;
  there: string;
  there_at: number;
}

/** What is drawn over one picture: rows of numbers from 0 to 1, from the top left of all of it. */
export interface HeatMap {
  at: number;
  /** The picture's, in pixels. */
  width: number;
  height: number;
  matching: number[][];
  /** Null where `reason` says why it is not known. */
  unusual: number[][] | null;
  reason: string | null;
}

export interface HeatMaps {
  here: HeatMap;
  there: HeatMap;
}

/** Both clips of a match, or null where there is nothing to compare. */
export function pairOf(match: Match): { here: Clip; there: Clip } | null {
  return match.here && match.there ? { here: match.here, there: match.there } : null;
}

/** True while the service still makes a video that a player could show. */
export function isVideoPreparing(similar: Similar): boolean {
  return similar.matches.some(
    ({ here, there }) => here?.video === "preparing" || there?.video === "preparing",
  );
}
