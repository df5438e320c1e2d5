/** One slider for all clips, with the matching moment marked on its track. */

import { draw, make } from "./dom.js";

/** @typedef {import("./clock.js").Span} Span */

export class Scrubber {
  /** @param {(time: number) => void} moved called with the shared time that was chosen, in seconds */
  constructor(moved) {
    this._stretch = draw("rect", { class: "scrubber-moment", height: 8, rx: 2 });
    this._zero = draw("rect", { class: "scrubber-zero", width: 3, height: 16, y: -4, rx: 1 });
    const all = draw("rect", { class: "scrubber-all", x: 0, width: "100%", height: 8, rx: 4 });
    const track = draw("svg", { class: "scrubber-track", "aria-hidden": "true" }, all, this._stretch, this._zero);
    this._input = make("input", { type: "range", class: "scrubber-input", "aria-label": "Position", step: "any" });
    this._input.addEventListener("input", () => moved(this._input.valueAsNumber));
    this.element = make("div", { class: "scrubber" }, track, this._input);
  }

  /**
   * @param {number} time
   * @param {Span} whole
   * @param {Span | null} moment
   * @param {string} words the time, for people who can't see it
   */
  show(time, [first, last], moment, words) {
    /** @param {number} seconds */
    const percent = (seconds) => `${(100 * seconds) / Math.max(last - first, 1e-9)}%`;
    this._stretch.setAttribute("x", moment ? percent(moment[0] - first) : "0");
    this._stretch.setAttribute("width", moment ? percent(moment[1] - moment[0]) : "0");
    this._zero.setAttribute("x", percent(0 - first));
    [this._input.min, this._input.max] = [String(first), String(last)];
    this._input.value = String(time);
    this._input.setAttribute("aria-valuetext", words);
  }
}
