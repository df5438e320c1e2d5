/** Answers of the service, as in its description of the API. */

import type { Clip, HeatMap, HeatMaps, Match, Moment, Similar } from "../src/answer";

export function aClip(change: Partial<Clip> = {}): Clip {
  return {
    clip_id: "20001",
    filename: "a.mp4",
    duration: 9.5,
    times: Array.from({ length: 20 }, (_, index) => index / 2),
    media: "https://svc.test/media/here",
    video: "none",
    ...change,
  };
}

export function aMoment(change: Partial<Moment> = {}): Moment {
  return { here: [1, 3.5], there: [0, 2.5], here_at: 2, there_at: 1, similarity: 0.91, ...change };
}

export function aMatch(change: Partial<Match> = {}): Match {
  return {
    issue_id: "10002",
    key: "GAME-3",
    url: "https://studio.test/browse/GAME-3",
    summary: "Cows float above the field",
    status: "Done",
    status_category: "done",
    resolution: "Fixed",
    fix_versions: ["0.9"],
    regression: "fixed in 0.9",
    score: 0.97,
    strength: "Very likely the same bug",
    same_file: null,
    same_recording: null,
    reasons: [
      { kind: "pictures", strength: 0.74, text: "The frames are very similar." },
      { kind: "words", strength: 0.31, text: "The tickets' text has little in common." },
    ],
    weak: false,
    kinds: ["Floating object"],
    linked: false,
    clip_on: null,
    also: ["GAME-9"],
    created: "2025-03-03T23:30:00.000-0500",
    reporter: "Ann Lee",
    assignee: "Bo",
    by: "clip",
    moments: [aMoment()],
    here: aClip(),
    there: aClip({ clip_id: "20002", filename: "b.mp4", media: "https://svc.test/media/there", duration: 6 }),
    ...change,
  };
}

export function aSimilar(change: Partial<Similar> = {}): Similar {
  return {
    issue: { id: "10001", key: "GAME-7" },
    state: "ready",
    progress: { done: 3, total: 3 },
    failed: [],
    clips: 2,
    muted: false,
    matches: [aMatch()],
    encoder: "openai/clip-vit-base-patch32, fp16, cuda",
    link_type: "Duplicate",
    ...change,
  };
}

export function aHeatMap(change: Partial<HeatMap> = {}): HeatMap {
  return {
    at: 2,
    width: 320,
    height: 180,
    matching: [[0, 0.1, 0.2], [0, 0, 0.1], [0.1, 0, 0.9]],
    unusual: [[0.8, 0.1, 0], [0, 0, 0], [0, 0, 0]],
    reason: null,
    ...change,
  };
}

export function someHeatMaps(change: Partial<HeatMaps> = {}): HeatMaps {
  return { here: aHeatMap(), there: aHeatMap({ at: 1 }), ...change };
}
