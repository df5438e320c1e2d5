/** One clip of the player: its video, or else its frames as a flip-book. */

import { correct, nearestPicture, pictureName } from "./clock.js";
import { make } from "./dom.js";

/** @typedef {import("./clock.js").Shown} Shown */

/**
 * A clip, and where its media are: a video at `media`/video.mp4 when `video` is ready, and images of its frames at
 * `times`. A file of this browser has no `id`, and an address of its own in `local`.
 *
 * @typedef {object} Clip
 * @property {string | null} id
 * @property {string} filename
 * @property {number} duration seconds; 0 for a still image
 * @property {readonly number[]} times seconds
 * @property {string | null} media null where nothing may be loaded
 * @property {"none" | "preparing" | "ready"} video
 * @property {string} [local] a `blob:` address
 * @property {boolean} [still] the local file is an image
 */

/** Images loaded ahead of the one on screen. */
const PICTURES_AHEAD = 8;

const NOT_LOADED = "This clip could not be loaded.";
const NOT_PLAYABLE = "Your browser can't play this clip.";
const NO_FRAMES = "This clip has no frames to show.";
const OUTSIDE = { before: "Not started yet", after: "Clip has ended" };

/** A clip's screen; `show` brings it to a time. */
export class Screen {
  /**
   * @param {Clip} clip
   * @param {string} name the accessible name: "Clip of GAME-3"
   * @param {{failed: () => void, measured: (duration: number) => void}} heard what is called when the media can't be
   *   loaded, and when the length of a local file is known
   */
  constructor(clip, name, heard) {
    this._clip = clip;
    this._name = name;
    this._heard = heard;
    this._shown = /** @type {Shown} */ ({ time: 0, outside: null });
    this._playing = false;
    this._rate = 1;
    /** @type {HTMLVideoElement | null} */
    this._video = null;
    /** @type {HTMLImageElement | null} */
    this._picture = null;
    /** @type {Map<string, HTMLImageElement>} */
    this._loaded = new Map();
    this._badge = make("span", { class: "screen-badge", hidden: "" });
    this.element = make("div", { class: "screen" }, this._badge);
    this._load();
  }

  /** Take the clip's current addresses: a new source is loaded, and shows the same time.
   *
   * @param {Clip} clip
   */
  update(clip) {
    const before = sourceOf(this._clip);
    this._clip = clip;
    if (sourceOf(clip) !== before) this._load();
  }

  /**
   * @param {Shown} shown
   * @param {boolean} playing
   * @param {number} rate
   */
  show(shown, playing, rate) {
    [this._shown, this._playing, this._rate] = [shown, playing, rate];
    this.element.classList.toggle("screen-outside", shown.outside !== null);
    this._badge.hidden = shown.outside === null;
    this._badge.textContent = shown.outside ? OUTSIDE[shown.outside] : "";
    this._steer();
    this._flip();
  }

  /** Whether there is nothing to show yet, so that the shared clock should wait. */
  get waiting() {
    const video = this._video;
    if (!video || !this._runs) return false;
    const nearEnd = video.duration - this._shown.time < 0.3;
    return !nearEnd && video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
  }

  /** Whether the clip is shown as a video, and not as a flip-book of its frames. */
  get isVideo() {
    return this._video !== null;
  }

  end() {
    this._clear();
  }

  get _runs() {
    return this._playing && this._shown.outside === null;
  }

  _clear() {
    const video = this._video;
    [this._video, this._picture] = [null, null];
    video?.removeAttribute("src"); // stops the download
    video?.load();
    for (const old of this.element.querySelectorAll(".screen-media, .screen-note")) old.remove();
  }

  _load() {
    this._clear();
    const { local, still, media, video, times } = this._clip;
    if (local && still) this._put(make("img", { class: "screen-media", src: local, alt: this._name, draggable: "false" }));
    else if (local) this._loadVideo(local, null);
    else if (!media) this._say(NOT_LOADED);
    else if (video === "ready") {
      const first = nearestPicture(times, this._shown.time);
      this._loadVideo(`${media}/video.mp4`, first === null ? null : `${media}/${pictureName(first)}`);
    } else if (times.length) this._loadPictures();
    else this._say(NO_FRAMES);
    this._steer();
    this._flip();
  }

  /** @param {HTMLElement} media */
  _put(media) {
    this.element.prepend(media);
  }

  /** @param {string} words */
  _say(words) {
    this._put(make("p", { class: "screen-note" }, words));
  }

  _fail() {
    this._clear();
    this._say(this._clip.local ? NOT_PLAYABLE : NOT_LOADED);
    if (!this._clip.local) this._heard.failed();
  }

  /**
   * @param {string} address
   * @param {string | null} poster
   */
  _loadVideo(address, poster) {
    const video = make("video", {
      class: "screen-media",
      ".muted": true,
      ".playsInline": true,
      ".disablePictureInPicture": true,
      preload: "auto",
      tabindex: "-1",
      poster,
      "aria-label": this._name,
    });
    const mine = () => this._video === video;
    video.addEventListener("loadedmetadata", () => {
      if (!mine()) return;
      if (this._clip.local && Number.isFinite(video.duration)) this._heard.measured(video.duration);
      seek(video, withinVideo(video, this._shown.time), 0);
    });
    video.addEventListener("seeked", () => {
      // While one seek ran, another time may have been chosen.
      if (mine() && !this._runs) seek(video, withinVideo(video, this._shown.time), 1e-3);
    });
    video.addEventListener("error", () => {
      if (mine()) this._fail();
    });
    video.src = address;
    this._video = video;
    this._put(video);
  }

  _loadPictures() {
    const picture = make("img", { class: "screen-media", alt: this._name, draggable: "false" });
    picture.addEventListener("error", () => {
      if (this._picture === picture) this._fail();
    });
    this._picture = picture;
    this._put(picture);
  }

  _steer() {
    const video = this._video;
    if (!video || video.readyState < HTMLMediaElement.HAVE_METADATA) return;
    const wanted = withinVideo(video, this._shown.time);
    if (!this._runs) {
      if (!video.paused) video.pause();
      seek(video, wanted, 1e-3);
      return;
    }
    const correction = correct(wanted, video.currentTime, this._rate);
    if (correction.seek) seek(video, wanted, 0);
    if (video.playbackRate !== correction.rate) video.playbackRate = correction.rate;
    // A browser may refuse to play (a hidden tab); the clock goes on and drift is corrected.
    if (video.paused && !video.ended) video.play().catch(() => undefined);
  }

  _flip() {
    const { media, times } = this._clip;
    const time = nearestPicture(times, this._shown.time);
    if (!this._picture || time === null) return;
    const address = `${media}/${pictureName(time)}`;
    if (this._picture.getAttribute("src") === address) return;
    this._picture.src = address;
    for (const ahead of times.filter((each) => each >= time).slice(0, PICTURES_AHEAD)) {
      const next = `${media}/${pictureName(ahead)}`;
      if (this._loaded.has(next)) continue;
      const image = new Image();
      image.src = next;
      this._loaded.set(next, image);
    }
  }
}

/** @param {Clip} clip */
function sourceOf({ local, media, video }) {
  return `${local ?? ""} ${media ?? ""} ${video === "ready"}`;
}

/**
 * The last frame lies a little before the end; at the very end some browsers show nothing.
 *
 * @param {HTMLVideoElement} video
 * @param {number} time
 */
function withinVideo(video, time) {
  if (!Number.isFinite(video.duration)) return time;
  return Math.min(time, Math.max(0, video.duration - 0.01));
}

/**
 * @param {HTMLVideoElement} video
 * @param {number} time
 * @param {number} tolerance
 */
function seek(video, time, tolerance) {
  if (!video.seeking && Math.abs(video.currentTime - time) > tolerance) video.currentTime = time;
}
