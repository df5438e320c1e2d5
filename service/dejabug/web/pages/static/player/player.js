/**
 * One or two clips in step, from the matching moment: the player of the search page and of the panel in Jira.
 *
 * It needs no framework and no build step. player.css has its looks; what surrounds it sets the colours.
 */

import { advance, extent, clamp, loopOf, shownAt, step, tracksFor } from "./clock.js";
import { icon, make, pushButton, webAddress } from "./dom.js";
import { HeatMapControls } from "./heat-maps.js";
import { KeyboardHelp, keyOf } from "./keyboard.js";
import { scoreElement } from "./score.js";
import { Screen } from "./screen.js";
import { Scrubber } from "./scrubber.js";
import { clockTenths, span } from "./times.js";

/** @typedef {import("./clock.js").Moment} Moment */
/** @typedef {import("./clock.js").Playback} Playback */
/** @typedef {import("./screen.js").Clip} Clip */

/**
 * A clip and whose it is: `name` is the ticket's key or "Your clip", `note` what else is said of it ("this issue"),
 * `clipName` its accessible name ("Clip of GAME-3"), and `url` the ticket's address.
 *
 * @typedef {{name: string, note?: string, clipName: string, url: string | null, clip: Clip}} Side
 */

/**
 * @typedef {object} PlayerOptions
 * @property {string} label the player's accessible name
 * @property {readonly Side[]} sides one, or the asked clip and the found one
 * @property {readonly Moment[]} moments best first; none where the clips match as a whole
 * @property {import("./score.js").Score | null} score
 * @property {string} scoreLabel the accessible name of the list of reasons
 * @property {((pair: import("./heat-maps.js").HeatMapPair) => Promise<import("./heat-maps.js").HeatMaps>) | null} heatMaps
 * @property {HTMLElement | null} verdict the controls of a verdict
 * @property {string} [note] what else there is to say
 * @property {{label: string, close: () => void}} [closing] a button that closes the player, and Escape
 * @property {() => void} mediaFailed a clip could not be loaded: its address may have expired
 * @property {(url: string) => void} [openLink] opens a ticket, where a plain link can't
 */

const RATES = [0.25, 0.5, 1, 1.5, 2];

/** All clips wait for one that loads, but not for ever: seconds. */
const PATIENCE = 5;

/** Seconds from the moment within which the clips are at it. */
const AT_MOMENT = 0.02;

/** A tab that slept must not jump ahead by the time it slept. Seconds. */
const LONGEST_TICK = 0.1;

export class ComparePlayer {
  /** @param {PlayerOptions} options */
  constructor(options) {
    this._options = options;
    this._sides = options.sides;
    this._moments = options.moments;
    /** @type {(number | undefined)[]} */
    this._measured = [];
    this._chosen = 0;
    this._rate = 1;
    this._looping = false;
    this._playback = /** @type {Playback} */ ({ time: 0, playing: !prefersStillness() });
    this._frame = 0;
    this._last = 0;
    this._waited = 0;
    this._screens = this._sides.map(({ clip, clipName }, number) => {
      const measured = (/** @type {number} */ duration) => this._measure(number, duration);
      return new Screen(clip, clipName, { failed: () => this._options.mediaFailed(), measured });
    });
    this._tracks = this._tracksNow();
    this._times = this._sides.map(() => make("p", { class: "player-time" }));
    this._scrubber = new Scrubber((time) => this._go(time));
    const { heatMaps } = options;
    const screens = this._screens.map(({ element }) => element);
    this._heat =
      heatMaps && this._pairNow() ? new HeatMapControls(heatMaps, this._sides, screens, () => this._hold()) : null;
    this._help = new KeyboardHelp(this._sides.length > 1);
    this.element = this._build();
    this.element.addEventListener("keydown", (event) => this._pressed(event));
    this.element.addEventListener("click", (event) => this._clicked(event));
    this._render();
    this._run();
  }

  /** Put the focus on the player, whose keys work from then on. */
  focus() {
    this.element.focus({ preventScroll: true });
  }

  /**
   * Take the clips as they are now: new addresses, or a video that is ready. What is shown stays.
   *
   * @param {readonly Side[]} sides
   * @param {readonly Moment[]} moments
   */
  update(sides, moments) {
    [this._sides, this._moments] = [sides, moments];
    if (!this._moment) this._chosen = 0;
    sides.forEach(({ clip }, number) => this._screens[number]?.update(clip));
    this._tracks = this._tracksNow();
    this._render();
  }

  end() {
    cancelAnimationFrame(this._frame);
    this._heat?.end();
    for (const screen of this._screens) screen.end();
    this.element.remove();
  }

  // What there is

  get _moment() {
    return this._moments[this._chosen];
  }

  get _whole() {
    return extent(this._tracks);
  }

  get _loop() {
    return this._moment ? loopOf(this._tracks, this._moment) : null;
  }

  _tracksNow() {
    const clips = this._sides.map(({ clip }, number) => ({ ...clip, duration: this._measured[number] ?? clip.duration }));
    return tracksFor(clips, this._moment);
  }

  /** The frames that heat maps can be drawn of, or null. */
  _pairNow() {
    const [here, there] = this._sides.map(({ clip }) => clip);
    const [here_at, there_at] = this._moment?.at ?? [];
    if (!here?.id || !there?.id || here_at === undefined || there_at === undefined) return null;
    if (!here.media || !there.media || !here.times.length || !there.times.length) return null;
    return { here: here.id, here_at, there: there.id, there_at };
  }

  // Its parts

  _build() {
    const { label, note, verdict, score, scoreLabel, closing } = this._options;
    const section = make("section", { class: "player", tabindex: "-1", "aria-label": label });
    const figures = this._sides.map((side, number) =>
      make("figure", { class: "player-side" }, this._caption(side), this._screens[number]?.element, this._times[number]),
    );
    section.append(make("div", { class: `player-screens player-screens-${figures.length}` }, ...figures));
    if (note) section.append(make("p", { class: "player-small player-note" }, note));
    section.append(this._scrubber.element, this._controls(closing));
    this._momentChoice = this._moments.length > 1 ? this._choice(this._moments) : null;
    if (this._momentChoice) section.append(this._momentChoice);
    if (this._heat) section.append(this._heat.element);
    if (score || verdict) {
      const foot = make("div", { class: "player-foot" }, score ? scoreElement(score, scoreLabel) : null, verdict);
      section.append(foot);
    }
    section.append(this._help.element);
    return section;
  }

  /** @param {Side} side */
  _caption({ name, note, url, clip }) {
    const said = make("span", { class: "player-ticket" }, this._ticket(name, url));
    if (note) said.append(make("span", { class: "player-small" }, ` ${note}`));
    const file = make("span", { class: "player-file", title: clip.filename }, clip.filename);
    return make("figcaption", { class: "player-caption" }, said, file);
  }

  /**
   * @param {string} name
   * @param {string | null} url
   */
  _ticket(name, url) {
    const address = webAddress(url);
    if (!address) return make("span", { class: "player-name" }, name);
    const link = make("a", { class: "player-name", href: address, target: "_blank", rel: "noopener noreferrer" }, name);
    const { openLink } = this._options;
    if (openLink) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        openLink(address);
      });
    }
    return link;
  }

  /** @param {PlayerOptions["closing"]} closing */
  _controls(closing) {
    const back = pushButton({ look: "icon", label: "Previous frame" }, () => this._step(-1), icon("previous"));
    this._play = pushButton({ look: "icon-primary" }, () => this._toggle());
    const on = pushButton({ look: "icon", label: "Next frame" }, () => this._step(1), icon("next"));
    const row = make("div", { class: "player-controls" }, make("div", { class: "player-group" }, back, this._play, on));
    const jumps = make("div", { class: "player-group" });
    row.append(jumps);
    jumps.append(pushButton({ look: "segment" }, () => this._go(0), this._moment ? "Matching moment" : "Start"));
    this._loopButton = pushButton({ look: "segment" }, () => this._toggleLoop(), "Loop moment");
    if (this._moment) jumps.append(this._loopButton);
    this._rates = RATES.map((rate) => ({ rate, button: pushButton({ look: "segment" }, () => this._setRate(rate), `${rate}×`) }));
    row.append(make("div", { class: "segments", role: "group", "aria-label": "Speed" }, ...this._rates.map(({ button }) => button)));
    if (closing) {
      const close = pushButton({ look: "subtle", label: closing.label }, () => closing.close(), "Close");
      close.classList.add("player-close");
      row.append(close);
    }
    return row;
  }

  /** @param {readonly Moment[]} moments */
  _choice(moments) {
    this._momentButtons = moments.map(({ spans }, index) => {
      const number = make("span", { class: "player-hidden" }, `Moment ${index + 1}: `);
      return pushButton({ look: "segment" }, () => this._choose(index), number, spans.map(span).join(" ↔ "));
    });
    const group = make("div", { class: "player-moments", role: "group", "aria-label": "Matching moments" });
    group.append(...this._momentButtons);
    return group;
  }

  // What is done

  /**
   * @param {number} number
   * @param {number} duration
   */
  _measure(number, duration) {
    this._measured[number] = duration;
    this._tracks = this._tracksNow();
    this._render();
  }

  /** @param {Playback} playback */
  _set(playback) {
    this._playback = playback;
    this._render();
    this._run();
  }

  /** @param {number} time */
  _go(time) {
    this._set({ ...this._playback, time: clamp(time, ...this._whole) });
  }

  _toggle() {
    const { time, playing } = this._playback;
    // At the end, "play" starts from the moment.
    this._set({ time: !playing && time >= this._whole[1] ? 0 : time, playing: !playing });
  }

  /** Hold all clips at the matching moment. */
  _hold() {
    this._set({ time: 0, playing: false });
  }

  /** @param {1 | -1} direction */
  _step(direction) {
    const byPictures = !this._screens.some(({ isVideo }) => isVideo);
    this._set({ time: step(this._tracks, this._playback.time, direction, byPictures), playing: false });
  }

  _toggleLoop() {
    this._looping = !this._looping;
    const loop = this._loop;
    if (this._looping && loop) this._set({ time: loop[0], playing: true });
    else this._render();
  }

  /** @param {number} rate */
  _setRate(rate) {
    this._rate = rate;
    this._render();
  }

  /** @param {number} index */
  _choose(index) {
    this._chosen = index;
    this._tracks = this._tracksNow();
    this._set({ ...this._playback, time: 0 });
  }

  /** @param {KeyboardEvent} event */
  _pressed(event) {
    const what = keyOf(event);
    if (!what || (what.name === "close" && !this._options.closing)) return;
    if (what.name === "close") this._options.closing?.close();
    else if (what.name === "seek") this._go(this._playback.time + what.seconds);
    else if (what.name === "step") this._step(what.direction);
    else if (what.name === "toggle") this._toggle();
    else if (what.name === "moment") this._go(0);
    else if (what.name === "loop" && this._moment) this._toggleLoop();
    else if (what.name === "speed") this._setRate(RATES[RATES.indexOf(this._rate) + what.direction] ?? this._rate);
    else if (what.name === "help") this._help.toggle();
    event.preventDefault();
    event.stopPropagation();
  }

  /**
   * After a click with the mouse the keys are the player's again, not those of the button.
   *
   * @param {MouseEvent} event
   */
  _clicked(event) {
    // The path, since the button itself may be gone by now.
    const path = event.composedPath().filter((each) => each instanceof Element);
    const played = path.some((each) => each.matches("button")) && !path.some((each) => each.matches(".player-foot"));
    if (event.detail > 0 && played && this.element.isConnected) this.focus();
  }

  // What is shown

  _run() {
    cancelAnimationFrame(this._frame);
    if (!this._playback.playing) return;
    [this._last, this._waited] = [performance.now(), 0];
    this._frame = requestAnimationFrame((now) => this._tick(now));
  }

  /** @param {number} now milliseconds */
  _tick(now) {
    const elapsed = Math.min((now - this._last) / 1000, LONGEST_TICK);
    this._last = now;
    const waits = this._screens.some(({ waiting }) => waiting);
    this._waited = waits ? this._waited + elapsed : 0;
    const passed = waits && this._waited < PATIENCE ? 0 : elapsed;
    this._playback = advance(this._playback, passed, this._rate, this._whole, this._looping ? this._loop : null);
    this._render();
    if (this._playback.playing) this._frame = requestAnimationFrame((later) => this._tick(later));
  }

  _render() {
    const { time, playing } = this._playback;
    const shown = this._tracks.map((track) => shownAt(track, time));
    shown.forEach((each, number) => {
      this._screens[number]?.show(each, playing, this._rate);
      this._showTime(number, each.time);
    });
    const words = shown.map((each, number) => `${this._sides[number]?.name} ${clockTenths(each.time)}`).join(", ");
    this._scrubber.show(time, this._whole, this._loop, words);
    this._showControls(playing);
    this._heat?.show(this._pairNow(), !playing && Math.abs(time) <= AT_MOMENT);
  }

  /**
   * @param {number} number
   * @param {number} time
   */
  _showTime(number, time) {
    const [line, side, track] = [this._times[number], this._sides[number], this._tracks[number]];
    if (!line || !side || !track) return;
    const words = `${clockTenths(time)} / ${clockTenths(track.duration)}${sourceNote(side.clip, track.duration)}`;
    if (line.textContent !== words) line.textContent = words;
  }

  /** @param {boolean} playing */
  _showControls(playing) {
    const clips = this._sides.length > 1 ? " both clips" : "";
    const name = `${playing ? "Pause" : "Play"}${clips}`;
    if (this._play && this._play.getAttribute("aria-label") !== name) {
      this._play.setAttribute("aria-label", name);
      this._play.replaceChildren(icon(playing ? "pause" : "play"));
    }
    for (const { rate, button } of this._rates ?? []) press(button, rate === this._rate);
    for (const [index, button] of (this._momentButtons ?? []).entries()) press(button, index === this._chosen);
    if (this._loopButton) press(this._loopButton, this._looping);
  }
}

/**
 * @param {HTMLButtonElement} button
 * @param {boolean} pressed
 */
function press(button, pressed) {
  if (button.getAttribute("aria-pressed") !== String(pressed)) button.setAttribute("aria-pressed", String(pressed));
}

/**
 * What is shown, where it is not a video.
 *
 * @param {Clip} clip
 * @param {number} duration
 */
function sourceNote(clip, duration) {
  if (clip.local && !clip.still) return "";
  if (duration === 0 || clip.still) return " · still image";
  if (clip.video === "ready") return "";
  return clip.video === "preparing" ? " · frames only, the preview is being generated" : " · frames only";
}

function prefersStillness() {
  return window.matchMedia?.("(prefers-reduced-motion: reduce)").matches ?? false;
}
