/** The player of clips (`@player`, shared with the service's search page) for one match. */

import { ComparePlayer, type Moment, type Side } from "@player/player.js";
import { useLayoutEffect, useRef } from "preact/hooks";

import type { Clip, HeatMapPair, HeatMaps, Match } from "./answer";
import { openInNewTab } from "./bridge";
import { addressBeside, webAddress } from "./text";

interface Props {
  issueKey: string;
  match: Match;
  here: Clip;
  there: Clip;
  heatMaps: (pair: HeatMapPair) => Promise<HeatMaps>;
  /** The controls of a verdict, shown in the player's frame. */
  verdict: HTMLElement;
  onClose: () => void;
  onMediaError: () => void;
}

export function Player(props: Props) {
  const host = useRef<HTMLDivElement>(null);
  const player = useRef<ComparePlayer | null>(null);
  const latest = useRef(props); // the player lives on while its callbacks change
  latest.current = props;

  useLayoutEffect(() => {
    const { issueKey, match } = latest.current;
    const made = new ComparePlayer({
      label: `Clips of ${issueKey} and ${match.key}, side by side`,
      sides: sidesOf(latest.current),
      moments: momentsOf(match),
      // The label says already that it is the same file. An earlier version of the service sends no reasons.
      score: { label: match.strength, value: match.score, reasons: match.same_file ? [] : (match.reasons ?? []) },
      scoreLabel: `Why ${match.key} has this score`,
      heatMaps: (pair) => latest.current.heatMaps(pair),
      verdict: latest.current.verdict,
      closing: { label: `Close the clips of ${match.key}`, close: () => latest.current.onClose() },
      mediaFailed: () => latest.current.onMediaError(),
      openLink: (url) => void openInNewTab(url),
    });
    player.current = made;
    host.current?.append(made.element);
    made.focus();
    return () => made.end();
  }, []);
  useLayoutEffect(() => player.current?.update(sidesOf(props), momentsOf(props.match)));

  return <div class="player-host" ref={host} />;
}

function sidesOf({ issueKey, match, here, there }: Props): Side[] {
  const addressOf = (key: string) => addressBeside(match.url, match.key, key);
  // The clip may be a duplicate's. An earlier version of the service does not say.
  const found = match.clip_on ?? match.key;
  return [
    { ...sideOf(issueKey, addressOf(issueKey), here), note: "this issue" },
    sideOf(found, match.clip_on ? addressOf(found) : webAddress(match.url), there),
  ];
}

function sideOf(key: string, url: string | null, clip: Clip): Side {
  return { name: key, clipName: `Clip of ${key}`, url, clip: playable(clip) };
}

function playable({ clip_id, filename, duration, times, media, video }: Clip): Side["clip"] {
  return { id: clip_id, filename, duration, times, media: webAddress(media), video };
}

function momentsOf(match: Match): Moment[] {
  return match.moments.map(({ here, here_at, there, there_at }) => ({ at: [here_at, there_at], spans: [here, there] }));
}
