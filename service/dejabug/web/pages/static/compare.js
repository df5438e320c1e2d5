/** A result looked at closely: its clip, and beside it the one that was asked about, in step. */

import { advance, clamp, extent, shownAt, trackOf } from "./clock.js";
import { clockTime, make, ticketLink } from "./dom.js";
import { HeatMaps, hasHeatMaps } from "./heat-maps.js";
import { Screen } from "./screen.js";

/** Seconds of one press of an arrow key. */
const STEP = 0.2;
/** Seconds from the moment within which both clips stand at it. */
const AT_MOMENT = 0.02;
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** The player of `sides`: each {clip, at, title} in seconds of its own clip; one or two. `note` is
 * what else is to be said. */
export class Compare {
  constructor(dialog, result, sides, note) {
    this._dialog = dialog;
    this._tracks = sides.map(({ clip, at }) => trackOf(clip, at));
    this._screens = sides.map(({ clip }, number) => new Screen(clip, this._tracks[number]));
    this._time = 0;
    this._playing = !still.matches;
    this._build(result, sides, note);
    this._keys = (event) => this._pressed(event);
    dialog.addEventListener("keydown", this._keys);
    this._frame = requestAnimationFrame((now) => this._tick(now));
    this._told();
  }

  end() {
    cancelAnimationFrame(this._frame);
    this._dialog.removeEventListener("keydown", this._keys);
    this._heat?.end();
    for (const screen of this._screens) screen.end();
    this._dialog.replaceChildren();
  }

  _build(result, sides, note) {
    const close = make("button", { type: "button", class: "quiet close", "aria-label": "Close" }, "✕");
    close.addEventListener("click", () => this._dialog.close());
    const title = make("h2", { id: "compare-title" }, ticketLink(result.key, result.url), ` ${result.summary}`);
    const figures = sides.map(({ title: said }, number) => {
      const time = make("span", { class: "time" });
      this._screens[number].time = time;
      this._screens[number].element.append(time);
      return make("figure", {}, make("figcaption", {}, said), this._screens[number].element);
    });
    const clips = make("div", { class: `clips of-${sides.length}` }, ...figures);
    const said = note ? [make("p", { class: "small" }, note)] : [];
    if (hasHeatMaps(sides)) {
      const screens = this._screens.map(({ element }) => element);
      this._heat = new HeatMaps(sides, screens, () => this._hold());
    }
    const heat = this._heat ? [this._heat.element] : [];
    this._dialog.replaceChildren(make("header", {}, title, close), clips, ...said, this._controls(), ...heat);
  }

  _controls() {
    const both = this._tracks.length > 1;
    this._names = both ? ["Play both clips", "Pause both clips"] : ["Play", "Pause"];
    this._button = make("button", { type: "button", class: "primary play" });
    this._button.addEventListener("click", () => this._toggle());
    this._slider = make("input", { type: "range", step: "0.01", "aria-label": "Time from the matching moment" });
    this._slider.addEventListener("input", () => this._go(Number(this._slider.value)));
    const back = make("button", { type: "button" }, "Matching moment");
    back.addEventListener("click", () => this._go(0));
    return make("div", { class: "controls" }, this._button, this._slider, back);
  }

  _tick(now) {
    const elapsed = (now - (this._before ?? now)) / 1000;
    this._before = now;
    const span = extent(this._tracks);
    if (this._playing) {
      const next = advance(this._time, elapsed, span);
      this._time = next ?? 0; // from the moment on again
    }
    [this._slider.min, this._slider.max] = span;
    this._slider.value = this._time;
    this._slider.setAttribute("aria-valuetext", `${this._time.toFixed(1)} seconds from the moment`);
    this._screens.forEach((screen, number) => {
      const own = shownAt(this._tracks[number], this._time);
      screen.show(own, this._playing);
      screen.time.textContent = `${clockTime(own)} / ${clockTime(this._tracks[number].duration)}`;
    });
    this._heat?.show(!this._playing && Math.abs(this._time) <= AT_MOMENT);
    this._frame = requestAnimationFrame((later) => this._tick(later));
  }

  /** Hold both clips at the matching moment. */
  _hold() {
    this._playing = false;
    this._told();
    this._go(0);
  }

  _toggle() {
    this._playing = !this._playing;
    this._told();
  }

  _told() {
    this._button.textContent = this._playing ? "Pause" : "Play";
    this._button.setAttribute("aria-label", this._names[this._playing ? 1 : 0]);
  }

  _go(time) {
    this._time = clamp(time, ...extent(this._tracks));
  }

  _pressed(event) {
    if (event.target.matches("input, a")) return;
    if (event.key === " " && !event.target.matches("button")) this._toggle();
    else if (event.key === "ArrowRight") this._step(STEP);
    else if (event.key === "ArrowLeft") this._step(-STEP);
    else return;
    event.preventDefault();
  }

  _step(seconds) {
    this._playing = false;
    this._told();
    this._go(this._time + seconds);
  }
}
