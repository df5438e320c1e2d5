/** The heat maps over both clips of a player: the choice, what is said of it, and the maps. */

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import type { Clip, HeatMap, HeatMaps, HeatMapPair, Moment } from "../answer";
import { Button } from "../button";
import { asProblem, type Problem } from "../problem";
import { inWords, type Kind, pixelsOf, sizeOf } from "./heat";

const NAMES: [Kind, string][] = [
  ["off", "Off"],
  ["matching", "What matches"],
  ["unusual", "What is unusual here"],
];
const ENDS = {
  matching: ["not alike, or usual in this project", "alike, and not usual"],
  unusual: ["seen in other tickets' clips", "not seen in other tickets' clips"],
};

export type Drawn =
  | { phase: "loading" }
  | { phase: "failed"; problem: Problem; again: () => void }
  | { phase: "ready"; maps: HeatMaps };

/** What two clips have in common at a moment, once it is wanted; it is asked for once a moment. */
export function useHeatMaps(
  ask: (pair: HeatMapPair) => Promise<HeatMaps>,
  here: Clip,
  there: Clip,
  moment: Moment | undefined,
  wanted: boolean,
): Drawn {
  const pair = moment && {
    here: here.clip_id,
    here_at: moment.here_at,
    there: there.clip_id,
    there_at: moment.there_at,
  };
  const key = JSON.stringify(pair);
  const [known, setKnown] = useState<Record<string, HeatMaps | Problem>>({});
  const [attempt, setAttempt] = useState(0);
  const found = known[key];
  useEffect(() => {
    if (!wanted || !pair || found) return;
    let left = false;
    const tell = (what: HeatMaps | Problem) => !left && setKnown((before) => ({ ...before, [key]: what }));
    ask(pair).then(tell, (thrown: unknown) => tell(asProblem(thrown)));
    return () => {
      left = true;
    };
  }, [wanted, key, attempt]);
  if (!found) return { phase: "loading" };
  if ("here" in found) return { phase: "ready", maps: found };
  const again = () => {
    setKnown(({ [key]: _, ...others }) => others);
    setAttempt((count) => count + 1);
  };
  return { phase: "failed", problem: found, again };
}

interface ControlsProps {
  kind: Kind;
  drawn: Drawn;
  /** Both clips are held at the matching moment. */
  atMoment: boolean;
  names: { here: string; there: string };
  onChoose: (kind: Kind) => void;
  onGoToMoment: () => void;
}

export function HeatControls({ kind, drawn, atMoment, names, onChoose, onGoToMoment }: ControlsProps) {
  return (
    <div class="heat">
      <div class="heat-choice">
        <span class="small-print" aria-hidden="true">
          Heat map
        </span>
        <div class="segments" role="group" aria-label="Heat map">
          {NAMES.map(([each, name]) => (
            <button
              type="button"
              class="segment"
              key={each}
              aria-pressed={kind === each}
              onClick={() => onChoose(each)}
            >
              {name}
            </button>
          ))}
        </div>
      </div>
      {/* It is there from the start, so that screen readers tell what comes into it. */}
      <div role="status">
        {kind !== "off" && drawn.phase === "loading" && (
          <p class="small-print">Drawing the heat map…</p>
        )}
        {kind !== "off" && drawn.phase === "failed" && (
          <p class="small-print heat-problem">
            There is no heat map now. {drawn.problem.todo}
          </p>
        )}
        {kind !== "off" && drawn.phase === "ready" && !atMoment && (
          <p class="small-print">The heat map is of the matching moment, and shows while both clips stand there.</p>
        )}
        {kind !== "off" && drawn.phase === "ready" && <Notes kind={kind} maps={drawn.maps} names={names} />}
      </div>
      {kind !== "off" && drawn.phase === "failed" && (
        <Button label="Try again to draw the heat map" onClick={drawn.again}>
          Try again
        </Button>
      )}
      {kind !== "off" && drawn.phase === "ready" && !atMoment && (
        <Button label="Show the heat map at the matching moment" onClick={onGoToMoment}>
          Show the heat map
        </Button>
      )}
      {kind !== "off" && drawn.phase === "ready" && <Legend kind={kind} />}
    </div>
  );
}

function Legend({ kind }: { kind: "matching" | "unusual" }) {
  const [low, high] = ENDS[kind];
  return (
    <div class="small-print">
      <p class="heat-legend">
        <span>{low}</span>
        <span class="heat-scale" aria-hidden="true" />
        <span>{high}</span>
      </p>
      <p>It illustrates; the score does not rest on it.</p>
    </div>
  );
}

/** What is not known of one or both clips. */
function Notes({ kind, maps, names }: { kind: Kind; maps: HeatMaps; names: ControlsProps["names"] }) {
  const lacking = (["here", "there"] as const).filter((side) => maps[side].reason);
  return (
    <>
      {lacking.map((side) => (
        <p class="small-print" key={side}>
          {names[side]}: {kind === "matching" ? USUAL_NOT_KNOWN : maps[side].reason}
        </p>
      ))}
    </>
  );
}

const USUAL_NOT_KNOWN = "what is usual in its project is not known yet, so all that is alike is shown.";

/** A map over a clip's picture: it lies as the picture does, whatever is left free around that. */
export function HeatOverlay({ map, kind, label }: { map: HeatMap; kind: Kind; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const grid = kind === "off" ? null : map[kind];
  const [width, height] = sizeOf(map);
  useLayoutEffect(() => {
    const pen = canvas.current?.getContext("2d");
    if (!pen || !grid) return;
    pen.putImageData(new ImageData(pixelsOf(grid, width, height), width, height), 0, 0);
  }, [grid, width, height]);
  if (!grid) return null;
  const name = kind === "matching" ? "What matches" : "What is unusual";
  return (
    <canvas
      ref={canvas}
      class="screen-heat"
      width={width}
      height={height}
      role="img"
      aria-label={`${name} in the clip of ${label}: ${inWords(grid)}`}
    />
  );
}
