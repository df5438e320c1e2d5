/** One clip at a given time: its video where there is one, else its pictures as a flip-book. */

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import type { Clip } from "../answer";
import { webAddress } from "../text";
import { correct, nearestPicture, pictureName, type Shown } from "./clock";

/** Pictures loaded ahead of the one on screen. */
const PICTURES_AHEAD = 8;

interface Props {
  clip: Clip;
  /** Whose clip: "GAME-7, this issue". */
  label: string;
  shown: Shown;
  playing: boolean;
  rate: number;
  /** The clip has nothing to show yet: the clock waits. */
  onWaiting: (waiting: boolean) => void;
  onMediaError: () => void;
  /** What lies over the clip. */
  children?: ComponentChildren;
}

export function Screen(props: Props) {
  const media = webAddress(props.clip.media);
  const [broken, setBroken] = useState<string | null>(null);
  const fail = () => {
    setBroken(media);
    props.onWaiting(false);
    props.onMediaError();
  };
  const outside = props.shown.outside;
  return (
    <div class={`screen${outside ? " screen-outside" : ""}`}>
      {!media || broken === media ? (
        <p class="screen-note">This clip could not be loaded.</p>
      ) : props.clip.video === "ready" ? (
        <VideoScreen key={media} {...props} media={media} onFail={fail} />
      ) : (
        <PictureScreen {...props} media={media} onFail={fail} />
      )}
      {props.children}
      {outside && (
        <span class="screen-badge">
          {outside === "before" ? "Not started yet" : "Clip has ended"}
        </span>
      )}
    </div>
  );
}

interface Inner extends Props {
  media: string;
  onFail: () => void;
}

function VideoScreen({ clip, media, label, shown, playing, rate, onWaiting, onFail }: Inner) {
  const video = useRef<HTMLVideoElement>(null);
  const runs = playing && shown.outside === null;
  const firstPicture = useRef(nearestPicture(clip.times, shown.time)).current;

  useLayoutEffect(() => {
    const element = video.current;
    if (!element || element.readyState < HTMLMediaElement.HAVE_METADATA) return;
    const wanted = withinVideo(element, shown.time);
    if (!runs) {
      if (!element.paused) element.pause();
      seek(element, wanted, 1e-3);
      return;
    }
    const correction = correct(wanted, element.currentTime, rate);
    if (correction.seek) seek(element, wanted, 0);
    if (element.playbackRate !== correction.rate) element.playbackRate = correction.rate;
    // A browser may refuse to play (a hidden tab); the clock goes on and drift is corrected.
    if (element.paused && !element.ended) element.play().catch(() => undefined);
  }, [shown.time, runs, rate]);

  useEffect(() => {
    const element = video.current;
    const nearEnd = element && element.duration - shown.time < 0.3;
    onWaiting(
      Boolean(runs && element && !nearEnd && element.readyState < HTMLMediaElement.HAVE_FUTURE_DATA),
    );
  });
  useEffect(() => () => onWaiting(false), []);

  return (
    <video
      ref={video}
      class="screen-media"
      src={`${media}/video.mp4`}
      poster={firstPicture === null ? undefined : `${media}/${pictureName(firstPicture)}`}
      muted
      playsInline
      preload="auto"
      disablePictureInPicture
      aria-label={`Clip of ${label}`}
      onLoadedMetadata={({ currentTarget }) =>
        seek(currentTarget, withinVideo(currentTarget, shown.time), 0)
      }
      onSeeked={({ currentTarget }) => {
        // While one seek runs, the wish may have moved on.
        if (!runs) seek(currentTarget, withinVideo(currentTarget, shown.time), 1e-3);
      }}
      onError={onFail}
    />
  );
}

/** The last frame lies a little before the end; at the very end some browsers show nothing. */
function withinVideo(element: HTMLVideoElement, time: number): number {
  if (!Number.isFinite(element.duration)) return time;
  return Math.min(time, Math.max(0, element.duration - 0.01));
}

function seek(element: HTMLVideoElement, time: number, tolerance: number): void {
  if (!element.seeking && Math.abs(element.currentTime - time) > tolerance) {
    element.currentTime = time;
  }
}

function PictureScreen({ clip, media, label, shown, onWaiting, onFail }: Inner) {
  const picture = nearestPicture(clip.times, shown.time);
  const loaded = useRef(new Map<string, HTMLImageElement>());

  useEffect(() => {
    if (picture === null) return;
    const next = clip.times.filter((time) => time >= picture).slice(0, PICTURES_AHEAD);
    for (const time of next) {
      const address = `${media}/${pictureName(time)}`;
      if (loaded.current.has(address)) continue;
      const image = new Image();
      image.src = address;
      loaded.current.set(address, image);
    }
  }, [media, picture]);
  useEffect(() => () => onWaiting(false), []);

  if (picture === null) return <p class="screen-note">This clip has no pictures.</p>;
  return (
    <img
      class="screen-media"
      src={`${media}/${pictureName(picture)}`}
      alt={`Clip of ${label}`}
      draggable={false}
      onError={onFail}
    />
  );
}
