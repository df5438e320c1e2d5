/** One clip on the compare view: its video, or pictures of it where there is none. */

import { correct } from "./clock.js";
import { make } from "./dom.js";
import { pictureOf, videoOf } from "./media.js";

/** A clip's screen; `show(time, playing)` brings it to a time of its own. */
export class Screen {
  constructor(clip, track) {
    this.track = track;
    this.element = make("div", { class: "screen" });
    this._clip = clip;
    const address = videoOf(clip);
    if (clip.still) this.element.append(make("img", { src: clip.local, alt: "The picture that was sent" }));
    else if (address) this._load(address);
    else this._flip();
  }

  show(time, playing) {
    if (this._video) this._steer(time, playing);
    else if (this._picture) {
      const address = pictureOf(this._clip, time);
      if (address && this._picture.getAttribute("src") !== address) this._picture.src = address;
    }
  }

  end() {
    this._video?.removeAttribute("src");
    this._video?.load();
  }

  _load(address) {
    this._video = make("video", { ".muted": true, ".playsInline": true, preload: "auto", tabindex: "-1" });
    this._video.addEventListener("loadedmetadata", () => {
      if (this._clip.local) this.track.duration = Math.max(this.track.at, this._video.duration || 0);
    });
    this._video.addEventListener("error", () => {
      if (!this._video?.getAttribute("src")) return;
      this._video.remove();
      this._video = null;
      this._flip();
    });
    this._video.src = address;
    this.element.append(this._video);
  }

  _flip() {
    if (!this._clip.times.length || !this._clip.media) {
      this.element.append(make("p", { class: "none" }, "This browser cannot play this clip."));
      return;
    }
    this._picture = make("img", { alt: "" });
    this.element.append(this._picture);
  }

  _steer(time, playing) {
    const video = this._video;
    if (video.readyState < 1) return;
    const inside = time < this.track.duration - 0.02 && time > 0.001;
    if (playing && inside) {
      if (video.paused) video.play().catch(() => {});
      const { seek, rate } = correct(time, video.currentTime);
      if (seek && !video.seeking) video.currentTime = time;
      if (video.playbackRate !== rate) video.playbackRate = rate;
    } else {
      if (!video.paused) video.pause();
      if (Math.abs(video.currentTime - time) > 0.02 && !video.seeking) video.currentTime = time;
    }
  }
}
