/** The heat maps over both clips of the compare view: the choice, what is said of it, and the maps. */

import { get } from "./api.js";
import { make } from "./dom.js";
import { inWords, pixelsOf, sizeOf } from "./heat.js";

const KINDS = { off: "Off", matching: "What matches", unusual: "What is unusual here" };
const ENDS = {
  matching: ["not alike, or usual in this project", "alike, and not usual"],
  unusual: ["seen in other tickets' clips", "not seen in other tickets' clips"],
};
const ELSEWHERE = "The heat map is of the matching moment, and shows while both clips stand there.";
const USUAL_NOT_KNOWN = "what is usual in its project is not known yet, so all that is alike is shown.";

/** Whether there are heat maps of two sides: both clips are kept, with pictures. */
export function hasHeatMaps(sides) {
  return sides.length === 2 && sides.every(({ clip }) => clip.id && clip.media && clip.times.length > 0);
}

/** The heat maps of two sides, each {clip, at, title}. `screens` are the elements that they lie over;
 * `hold` holds both clips at the moment. `element` has the controls. */
export class HeatMaps {
  constructor(sides, screens, hold) {
    [this._sides, this._screens, this._hold] = [sides, screens, hold];
    this._kind = "off";
    this._work = new AbortController();
    this._atMoment = false;
    this._build();
    this._tell();
  }

  end() {
    this._work.abort();
  }

  /** Show the maps, or hide them: they are of the matching moment alone. */
  show(atMoment) {
    if (atMoment === this._atMoment) return;
    this._atMoment = atMoment;
    this._tell();
  }

  _build() {
    this._buttons = Object.entries(KINDS).map(([kind, name]) => {
      const button = make("button", { type: "button" }, name);
      button.addEventListener("click", () => this._choose(kind));
      return [kind, button];
    });
    const group = make("div", { class: "segments", role: "group", "aria-label": "Heat map" });
    group.append(...this._buttons.map(([, button]) => button));
    const name = make("span", { class: "small", "aria-hidden": "true" }, "Heat map");
    this._said = make("div", { class: "small", role: "status" });
    this._again = make("button", { type: "button", class: "heat-again" });
    this._again.addEventListener("click", () => (this._problem ? this._ask() : this._hold()));
    this._ends = [make("span"), make("span")];
    const scale = make("span", { class: "heat-scale", "aria-hidden": "true" });
    this._legend = make("div", { class: "small" });
    this._legend.append(
      make("p", { class: "heat-legend" }, this._ends[0], scale, this._ends[1]),
      make("p", {}, "It illustrates; the score does not rest on it."),
    );
    this.element = make("div", { class: "heat" }, make("div", { class: "heat-choice" }, name, group));
    this.element.append(this._said, this._again, this._legend);
  }

  _choose(kind) {
    this._kind = kind;
    if (kind !== "off") {
      this._hold();
      if (!this._maps && !this._asking) this._ask();
    }
    this._tell();
  }

  async _ask() {
    const [here, there] = this._sides;
    const asked = { here: here.clip.id, here_at: here.at, there: there.clip.id, there_at: there.at };
    [this._problem, this._asking] = [null, true];
    this._tell();
    try {
      this._maps = await get("/heat-maps", new URLSearchParams(asked), this._work.signal);
    } catch (error) {
      if (this._work.signal.aborted) return;
      this._problem = error.message;
    }
    this._asking = false;
    this._tell();
  }

  _tell() {
    const on = this._kind !== "off";
    for (const [kind, button] of this._buttons) button.setAttribute("aria-pressed", String(kind === this._kind));
    const told = on ? this._words() : [];
    this._said.replaceChildren(...told.map((words) => make("p", {}, words)));
    const away = on && this._maps && !this._atMoment;
    this._again.hidden = !(away || (on && this._problem));
    this._again.textContent = this._problem ? "Try again" : "Show the heat map";
    this._legend.hidden = !(on && this._maps);
    if (on) this._ends.forEach((end, number) => (end.textContent = ENDS[this._kind][number]));
    this._draw();
  }

  _words() {
    if (this._problem) return [`There is no heat map now. ${this._problem}`];
    if (!this._maps) return ["Drawing the heat map…"];
    const lacking = ["here", "there"].flatMap((side, number) => {
      const { reason } = this._maps[side];
      const why = this._kind === "matching" ? USUAL_NOT_KNOWN : reason;
      return reason ? [`${this._sides[number].title}: ${why}`] : [];
    });
    return [...(this._atMoment ? [] : [ELSEWHERE]), ...lacking];
  }

  _draw() {
    const maps = this._maps && this._atMoment && this._kind !== "off" ? this._maps : null;
    ["here", "there"].forEach((side, number) => {
      this._screens[number].querySelector("canvas")?.remove();
      const grid = maps?.[side][this._kind];
      if (!grid) return;
      const [width, height] = sizeOf(maps[side]);
      const label = `${KINDS[this._kind]}, ${this._sides[number].title}: ${inWords(grid)}`;
      const canvas = make("canvas", { width, height, role: "img", "aria-label": label });
      canvas.getContext("2d").putImageData(new ImageData(pixelsOf(grid, width, height), width, height), 0, 0);
      this._screens[number].append(canvas);
    });
  }
}
