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
  /**
   * When it was filed, as Jira writes times.
   */
  created: string;
  /**
   * The display name of the person who filed it. Null when Jira shows none, and for a caller who isn't known.
   */
  reporter: string | null;
  /**
   * The display name of the person it is assigned to, or null likewise.
   */
  assignee: string | null;
  score: number;
  /**
   * The key of the issue that has exactly the query clip's file, or null.
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
 * One part of the evidence behind a score.
 */
export interface Reason {
  kind: "recording" | "pictures" | "words" | "nearest";
  /**
   * For a bar: above 0.5 it raises the score, below it lowers it.
   */
  strength: number;
  /**
   * The reason as a sentence.
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
 * Two clips, and a time of each.
 */
export interface HeatMapPair {
  /**
   * Id of one clip.
   */
  here: string;
  /**
   * Time in that clip, in seconds; the nearest kept frame is used.
   */
  here_at: number;
  /**
   * Id of the other clip.
   */
  there: string;
  /**
   * Time in the other clip, in seconds.
   */
  there_at: number;
}
/**
 * The heat maps of both frames. They are illustrations; scores do not depend on them.
 */
export interface HeatMaps {
  here: HeatMap;
  there: HeatMap;
}
/**
 * The heat maps of one frame. `at` is its time in seconds, `width` and `height` its size in
 * pixels. The maps are rows of numbers from 0 to 1, from the top left, for patches that cover
 * the whole frame. `matching`: how much more similar a patch is to the other frame than is
 * usual. `unusual`: how different it is from the clips of other tickets of its project; null if
 * that is not known, and `reason` says why.
 */
export interface HeatMap {
  at: number;
  width: number;
  height: number;
  matching: number[][];
  unusual: number[][] | null;
  reason: string | null;
}
