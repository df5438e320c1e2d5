/** A result's clip that plays from its moment while it is pointed at or has the focus. */

import { clamp } from "./player/clock.js";
import { make } from "./dom.js";
import { clipOf, pictureOf, videoOf } from "./media.js";

/** Seconds that are played at least before it begins again. */
const SHORTEST = 3;
/** Milliseconds that a picture of a flip-book stays. */
const FLIP = 350;
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** Have `button` play; `found` is the result's clip, `told` is called with the time shown, or null. */
export function playOnHover(button, found, [start, end], told) {
  let stop = null;
  const begin = () => {
    if (stop || still.matches) return;
    const ending = new AbortController();
    stop = () => ending.abort();
    play(button, found.id, [start, Math.max(end, start + SHORTEST)], told, ending.signal).catch(() => {});
  };
  const finish = () => {
    if (button.matches(":hover, :focus-visible")) return;
    stop?.();
    stop = null;
  };
  for (const name of ["pointerenter", "focus"]) button.addEventListener(name, begin);
  for (const name of ["pointerleave", "blur"]) button.addEventListener(name, finish);
}

async function play(button, id, [start, end], told, signal) {
  const clip = await clipOf(id);
  if (!clip || signal.aborted) return;
  signal.addEventListener("abort", () => told(null));
  const span = [start, Math.min(end, clip.duration || end)];
  const address = videoOf(clip);
  if (address) playVideo(button, address, span, told, signal);
  else flip(button, clip, span, told, signal);
}

function playVideo(button, address, [start, end], told, signal) {
  const video = make("video", { ".muted": true, ".playsInline": true, tabindex: "-1" });
  video.addEventListener("loadedmetadata", () => (video.currentTime = start));
  video.addEventListener("seeked", () => {
    if (!signal.aborted) video.play().catch(() => {});
  });
  video.addEventListener("playing", () => video.classList.add("shown"));
  video.addEventListener("timeupdate", () => {
    if (video.currentTime >= end) video.currentTime = start;
    told(video.currentTime);
  });
  video.addEventListener("ended", () => (video.currentTime = start));
  signal.addEventListener("abort", () => {
    video.removeAttribute("src");
    video.remove();
  });
  video.src = address;
  button.append(video);
}

function flip(button, clip, [start, end], told, signal) {
  const times = clip.times.filter((time) => time >= start - 0.01 && time <= end + 0.01);
  if (times.length < 2) return;
  const picture = make("img", { class: "flip", alt: "" });
  button.append(picture);
  let number = 0;
  const next = () => {
    const time = times[number++ % times.length];
    picture.src = pictureOf(clip, time);
    told(clamp(time, 0, clip.duration));
  };
  next();
  const timer = setInterval(next, FLIP);
  signal.addEventListener("abort", () => {
    clearInterval(timer);
    picture.remove();
  });
}
