/** Two clips side by side and in step, from the matching moment. */

import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import type { Clip, HeatMapPair, HeatMaps, Match } from "../answer";
import { Button } from "../button";
import { IconNext, IconPause, IconPlay, IconPrevious } from "../icons";
import { clockTenths, span } from "../text";
import { advance, extent, loopOf, pairFor, type Playback, shownAt, step } from "./clock";
import type { Kind } from "./heat";
import { HeatControls, HeatOverlay, useHeatMaps } from "./heat-maps";
import { Screen } from "./screen";
import { Scrubber } from "./scrubber";

const RATES = [0.25, 0.5, 1];

/** Both clips wait for one that loads, but not for ever: seconds. */
const PATIENCE = 5;

/** Seconds from the moment within which both clips stand at it. */
const AT_MOMENT = 0.02;

/** A tab that slept must not jump ahead by what it slept. */
const LONGEST_TICK = 0.1;

interface Props {
  issueKey: string;
  match: Match;
  here: Clip;
  there: Clip;
  heatMaps: (pair: HeatMapPair) => Promise<HeatMaps>;
  onClose: () => void;
  onMediaError: () => void;
}

export function Player({ issueKey, match, here, there, heatMaps, onClose, onMediaError }: Props) {
  const [chosen, setChosen] = useState(0);
  const [rate, setRate] = useState(1);
  const [looping, setLooping] = useState(false);
  const [playback, setPlayback] = useState<Playback>({ time: 0, playing: !prefersStillness() });
  const [heat, setHeat] = useState<Kind>("off");
  const waiting = useRef({ here: false, there: false });
  const region = useRef<HTMLElement>(null);
  const help = useId();

  const moment = match.moments[chosen];
  const pair = useMemo(
    () => pairFor(here, there, moment),
    [here.clip_id, there.clip_id, here.duration, there.duration, moment],
  );
  const whole = extent(pair);
  const loop = moment ? loopOf(pair, moment) : null;
  const shown = { here: shownAt(pair.here, playback.time), there: shownAt(pair.there, playback.time) };

  const hasMaps = moment !== undefined && here.times.length > 0 && there.times.length > 0;
  const drawn = useHeatMaps(heatMaps, here, there, moment, hasMaps && heat !== "off");
  const atMoment = !playback.playing && Math.abs(playback.time) <= AT_MOMENT;
  const maps = hasMaps && atMoment && drawn.phase === "ready" ? drawn.maps : null;

  useLayoutEffect(() => region.current?.focus({ preventScroll: true }), []);

  useEffect(() => {
    if (!playback.playing) return;
    let last = performance.now();
    let waited = 0;
    let frame = requestAnimationFrame(function tick(now) {
      const elapsed = Math.min((now - last) / 1000, LONGEST_TICK);
      last = now;
      const waits = waiting.current.here || waiting.current.there;
      waited = waits ? waited + elapsed : 0;
      const passed = waits && waited < PATIENCE ? 0 : elapsed;
      setPlayback((before) => ({ ...advance(before, passed, rate, whole, looping ? loop : null) }));
      frame = requestAnimationFrame(tick);
    });
    return () => cancelAnimationFrame(frame);
  }, [playback.playing, rate, looping, pair]);

  const goTo = (time: number) => setPlayback((before) => ({ ...before, time }));
  const toggle = () =>
    setPlayback(({ time, playing }) => ({
      time: !playing && time >= whole[1] ? 0 : time, // at the end, "play" starts from the moment
      playing: !playing,
    }));
  const stepBy = (direction: 1 | -1) =>
    setPlayback(({ time }) => ({
      time: step(pair, time, direction, {
        here: here.video !== "ready",
        there: there.video !== "ready",
      }),
      playing: false,
    }));
  const choose = (index: number) => {
    setChosen(index);
    setPlayback((before) => ({ time: 0, playing: before.playing }));
  };

  const holdAtMoment = () => setPlayback({ time: 0, playing: false });
  const chooseHeat = (kind: Kind) => {
    setHeat(kind);
    if (kind !== "off") holdAtMoment();
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const onButton = event.target instanceof HTMLButtonElement;
    if (event.key === "Escape") onClose();
    else if (event.key === "ArrowLeft" || event.key === ",") stepBy(-1);
    else if (event.key === "ArrowRight" || event.key === ".") stepBy(1);
    else if (event.key === " " && !onButton) toggle();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  /** After a click with the mouse the keys are the player's again, not those of the button. */
  const onClick = (event: MouseEvent) => {
    const byMouse = event.detail > 0;
    if (byMouse && (event.target as Element).closest("button")) region.current?.focus({ preventScroll: true });
  };

  const names = { here: `${issueKey}, this issue`, there: match.key };
  return (
    <section
      ref={region}
      class="player"
      tabIndex={-1}
      aria-label={`Clips of ${issueKey} and ${match.key}, side by side`}
      aria-describedby={help}
      onKeyDown={onKeyDown}
      onClick={onClick}
    >
      <div class="player-screens">
        {(["here", "there"] as const).map((side) => {
          const clip = side === "here" ? here : there;
          return (
            <figure class="player-side" key={side}>
              <figcaption class="player-caption">
                <span class="player-name">{side === "here" ? "This issue" : match.key}</span>
                <span class="player-file" title={clip.filename}>
                  {clip.filename}
                </span>
              </figcaption>
              <Screen
                clip={clip}
                label={names[side]}
                shown={shown[side]}
                playing={playback.playing}
                rate={rate}
                onWaiting={(is) => (waiting.current[side] = is)}
                onMediaError={onMediaError}
              >
                {maps && <HeatOverlay map={maps[side]} kind={heat} label={names[side]} />}
              </Screen>
              <p class="player-time" data-side={side}>
                {clockTenths(shown[side].time)}
                <span class="subtle"> / {clockTenths(pair[side].duration)}</span>
                <span class="subtle">{sourceNote(clip, pair[side].duration)}</span>
              </p>
            </figure>
          );
        })}
      </div>

      <Scrubber
        time={playback.time}
        extent={whole}
        moment={loop}
        valueText={`this issue ${clockTenths(shown.here.time)}, ${match.key} ${clockTenths(shown.there.time)}`}
        onInput={goTo}
      />

      <div class="player-controls">
        <div class="button-group">
          <button type="button" class="icon-button" onClick={() => stepBy(-1)} aria-label="Previous frame">
            <IconPrevious />
          </button>
          <button
            type="button"
            class="icon-button icon-button-primary"
            onClick={toggle}
            aria-label={playback.playing ? "Pause both clips" : "Play both clips"}
          >
            {playback.playing ? <IconPause /> : <IconPlay />}
          </button>
          <button type="button" class="icon-button" onClick={() => stepBy(1)} aria-label="Next frame">
            <IconNext />
          </button>
        </div>
        <div class="segments" role="group" aria-label="Speed">
          {RATES.map((each) => (
            <button
              type="button"
              class="segment"
              key={each}
              aria-pressed={rate === each}
              onClick={() => setRate(each)}
            >
              {each}×
            </button>
          ))}
        </div>
        {loop && (
          <button
            type="button"
            class="segment"
            aria-pressed={looping}
            onClick={() => {
              if (!looping) setPlayback({ time: loop[0], playing: true });
              setLooping(!looping);
            }}
          >
            Loop moment
          </button>
        )}
        <Button look="subtle" class="player-close" label={`Close the clips of ${match.key}`} onClick={onClose}>
          Close
        </Button>
      </div>

      {hasMaps && (
        <HeatControls
          kind={heat}
          drawn={drawn}
          atMoment={atMoment}
          names={{ here: "This issue", there: match.key }}
          onChoose={chooseHeat}
          onGoToMoment={holdAtMoment}
        />
      )}

      {match.moments.length > 1 && (
        <div class="player-moments" role="group" aria-label={`Moments of ${match.key} that match`}>
          {match.moments.map((each, index) => (
            <button
              type="button"
              class="segment"
              key={index}
              aria-pressed={index === chosen}
              onClick={() => choose(index)}
            >
              <span class="visually-hidden">Moment {index + 1}: </span>
              {span(each.here)} ↔ {span(each.there)}
            </button>
          ))}
        </div>
      )}
      <p class="small-print player-help" id={help}>
        Space plays and pauses, ← and → step by a frame, Esc closes.
      </p>
    </section>
  );
}

/** What the reader sees, where it is not a video. */
function sourceNote(clip: Clip, duration: number): string {
  if (duration === 0) return " · one picture";
  if (clip.video === "ready") return "";
  return clip.video === "preparing" ? " · pictures; video is on its way" : " · pictures";
}

function prefersStillness(): boolean {
  return window.matchMedia?.("(prefers-reduced-motion: reduce)").matches ?? false;
}
