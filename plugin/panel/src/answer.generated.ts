/* Made by `make panel-types` from the service's models. Do not edit. */

export type Exchanged = Similar | HeatMapPair | HeatMaps;

/**
 * The answer to `GET /forge/v1/issues/{issueId}/similar`. All times are seconds.
 */
export interface Similar {
  issue: IssueName;
  state: "ready" | "indexing" | "unknown" | "off";
  progress: Progress;
  /**
   * How many clips the issue has.
   */
  clips: number;
  failed: FailedClip[];
  muted: boolean;
  matches: Match[];
  /**
   * The kind of link that "Same bug" makes.
   */
  link_type: string;
  encoder: string;
}
/**
 * The issue whose panel this is.
 */
export interface IssueName {
  id: string;
  key: string;
}
/**
 * How many of an issue's clips, and its words, are indexed.
 */
export interface Progress {
  done: number;
  total: number;
}
/**
 * A clip of this issue that could not be indexed.
 */
export interface FailedClip {
  filename: string;
  reason: string;
}
/**
 * An earlier issue that may show the same bug.
 */
export interface Match {
  /**
   * The issue's numeric id.
   */
  issue_id: string;
  key: string;
  url: string;
  summary: string;
  status: string;
  resolution: string | null;
  kinds: string[];
  score: number;
  /**
   * The key of the issue that has the very file that was asked with, or null.
   */
  same_file: string | null;
  /**
   * The key of the issue whose clip is a copy of the same recording, or null.
   */
  same_recording: string | null;
  /**
   * What the score rests on.
   */
  reasons: Reason[];
  /**
   * The clip that was found.
   */
  there: ShownClip | null;
  /**
   * This issue's clip; null for one without a clip.
   */
  here: ShownClip | null;
  moments: ShownMoment[];
  also: string[];
  status_category: string;
  fix_versions: string[];
  /**
   * The key of the duplicate whose clip was found; null for its own clip.
   */
  clip_on: string | null;
  /**
   * Whether this issue is linked to it as a duplicate.
   */
  linked: boolean;
  /**
   * What the match is called, also where words were compared.
   */
  strength: string;
  /**
   * Below every label's floor: it is listed apart, as unlikely.
   */
  weak: boolean;
  /**
   * How it was fixed, where its bug may be back: `fixed in 0.9`.
   */
  regression: string | null;
  /**
   * What was compared: clips, or the words of an issue without one.
   */
  by: "clip" | "words";
}
/**
 * One thing that a score rests on.
 */
export interface Reason {
  kind: "recording" | "pictures" | "words" | "nearest";
  /**
   * For a bar: above 0.5 it raises the score, below it lowers it.
   */
  strength: number;
  /**
   * The same as a sentence.
   */
  text: string;
}
/**
 * A clip: `duration` and the `times` of its pictures in seconds. `media` is a signed address,
 * for this viewer and five minutes.
 */
export interface ShownClip {
  clip_id: string;
  filename: string;
  duration: number;
  times: number[];
  media: string;
  video: "none" | "preparing" | "ready";
}
/**
 * A stretch of this issue's clip (`here`) that matches a stretch of the other clip (`there`),
 * and the best pair of frames within, in seconds.
 */
export interface ShownMoment {
  /**
   * @minItems 2
   * @maxItems 2
   */
  there: [number, number];
  there_at: number;
  /**
   * @minItems 2
   * @maxItems 2
   */
  here: [number, number];
  here_at: number;
  similarity: number;
}
/**
 * Which two clips, and when.
 */
export interface HeatMapPair {
  /**
   * One clip's id.
   */
  here: string;
  /**
   * A time of it in seconds; the nearest picture counts.
   */
  here_at: number;
  /**
   * The other clip's id.
   */
  there: string;
  /**
   * A time of that one.
   */
  there_at: number;
}
/**
 * Both pictures' heat maps. They illustrate; no score rests on them.
 */
export interface HeatMaps {
  here: HeatMap;
  there: HeatMap;
}
/**
 * What is drawn over one picture: `at` is its time in seconds, `width` and `height` its size in
 * pixels. The maps are rows of numbers from 0 to 1, from the top left, for patches that cover all
 * of it. `matching`: by how much more a patch is like one of the other picture than is usual;
 * `unusual`: how little it is like other tickets' clips of its project, null where `reason` says
 * why that is not known.
 */
export interface HeatMap {
  at: number;
  width: number;
  height: number;
  matching: number[][];
  unusual: number[][] | null;
  reason: string | null;
}
