/** The service's API for one issue, as functions. */

import type { HeatMapPair, HeatMaps, Similar } from "./answer";
import { askService, type Issue, linkIssues } from "./bridge";

export interface Service {
  similar(): Promise<Similar>;
  heatMaps(pair: HeatMapPair): Promise<HeatMaps>;
  /** Creates the duplicate link in Jira, as the viewer: this issue duplicates `otherKey`. */
  link(type: string, otherKey: string): Promise<void>;
  verdict(otherId: string, same: boolean): Promise<void>;
  mute(muted: boolean): Promise<void>;
  lookAgain(): Promise<void>;
}

/** For an issue that is not indexed yet, an earlier version of the service sends the state only. */
const NOTHING_KNOWN: Omit<Similar, "issue" | "state"> = {
  progress: { done: 0, total: 0 },
  failed: [],
  clips: 0,
  muted: false,
  matches: [],
  encoder: "",
  link_type: "Duplicate",
};

export function serviceFor(issue: Issue): Service {
  const path = `/forge/v1/issues/${encodeURIComponent(issue.id)}`;
  return {
    async similar() {
      const answer = await askService<Partial<Similar>>("GET", `${path}/similar`);
      return { issue, state: "unknown", ...NOTHING_KNOWN, ...answer };
    },
    heatMaps: (pair) => askService<HeatMaps>("POST", `${path}/heat-maps`, pair),
    link: (type, otherKey) => linkIssues(type, issue.key, otherKey),
    async verdict(other, same) {
      await askService("POST", `${path}/verdicts`, { other, same });
    },
    async mute(muted) {
      await askService("PUT", `${path}/mute`, { muted });
    },
    async lookAgain() {
      await askService("POST", `${path}/again`, {});
    },
  };
}
