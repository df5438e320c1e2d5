/** The heat maps over both clips of a player: the choice, its explanation, and the maps. */

import { make, pushButton } from "./dom.js";
import { inWords, pixelsOf, sizeOf } from "./heat.js";

/** @typedef {import("./heat.js").HeatMap} HeatMap */
/** @typedef {import("./heat.js").Kind} Kind */
/** @typedef {{here: HeatMap, there: HeatMap}} HeatMaps */

/**
 * Which frames: both clips' ids, and a time of each in seconds.
 *
 * @typedef {{here: string, here_at: number, there: string, there_at: number}} HeatMapPair
 */

/** @type {Record<Kind, string>} */
const KINDS = { off: "Off", matching: "What matches", unusual: "What is unusual here" };
const ENDS = {
  matching: ["not alike, or common in this project", "alike and uncommon"],
  unusual: ["seen in clips of other tickets", "not seen in clips of other tickets"],
};
const ELSEWHERE = "The heat map shows the matching moment only. Go back to that moment to see it.";
const USUAL_NOT_KNOWN =
  "not enough other clips in its project to tell what is common, so everything that is alike is shown.";

export class HeatMapControls {
  /**
   * @param {(pair: HeatMapPair) => Promise<HeatMaps>} ask
   * @param {readonly {name: string, clipName: string}[]} sides two
   * @param {readonly HTMLElement[]} screens what the maps lie over
   * @param {() => void} hold holds both clips at the matching moment
   */
  constructor(ask, sides, screens, hold) {
    this._ask = ask;
    this._sides = sides;
    this._screens = screens;
    this._hold = hold;
    this._kind = /** @type {Kind} */ ("off");
    this._atMoment = false;
    this._pair = /** @type {HeatMapPair | null} */ (null);
    /** @type {Map<string, HeatMaps | Error | "asked">} */
    this._known = new Map();
    this._ended = false;
    this._drawn = "";
    this._buttons = /** @type {Kind[]} */ (Object.keys(KINDS)).map((kind) => ({
      kind,
      button: pushButton({ look: "segment" }, () => this._choose(kind), KINDS[kind]),
    }));
    const group = make("div", { class: "segments", role: "group", "aria-label": "Heat map" });
    group.append(...this._buttons.map(({ button }) => button));
    const name = make("span", { class: "player-small", "aria-hidden": "true" }, "Heat map");
    // It is there from the start, so that screen readers announce what comes into it.
    this._status = make("div", { class: "player-small", role: "status" });
    this._more = make("div", { class: "heat-more" });
    this.element = make("div", { class: "heat" }, make("div", { class: "heat-choice" }, name, group), this._status, this._more);
    this._render();
  }

  /**
   * Show the maps of this moment while both clips are held at it; `pair` is null where there are none.
   *
   * @param {HeatMapPair | null} pair
   * @param {boolean} atMoment
   */
  show(pair, atMoment) {
    const same = JSON.stringify(pair) === JSON.stringify(this._pair);
    if (same && atMoment === this._atMoment) return;
    [this._pair, this._atMoment] = [pair, atMoment];
    this._want();
    this._render();
  }

  end() {
    this._ended = true;
  }

  get _found() {
    return this._known.get(JSON.stringify(this._pair));
  }

  /** @param {Kind} kind */
  _choose(kind) {
    this._kind = kind;
    this._want();
    this._render();
    if (kind !== "off") this._hold();
  }

  /** Ask for the moment's maps, once. */
  async _want() {
    const [pair, key] = [this._pair, JSON.stringify(this._pair)];
    if (!pair || this._kind === "off" || this._known.has(key)) return;
    this._known.set(key, "asked");
    /** @type {HeatMaps | Error} */
    let found;
    try {
      found = await this._ask(pair);
    } catch (thrown) {
      found = thrown instanceof Error ? thrown : new Error(String(thrown));
    }
    if (this._ended) return;
    this._known.set(key, found);
    this._render();
  }

  _again() {
    this._known.delete(JSON.stringify(this._pair));
    this._want();
    this._render();
  }

  _render() {
    this.element.hidden = this._pair === null;
    for (const { kind, button } of this._buttons) button.setAttribute("aria-pressed", String(kind === this._kind));
    const found = this._kind === "off" ? undefined : this._found;
    const maps = found && found !== "asked" && !(found instanceof Error) ? found : null;
    this._status.replaceChildren(...this._words(found, maps).map((words) => make("p", {}, words)));
    const hadFocus = this._more.contains(document.activeElement);
    this._more.replaceChildren(...this._actions(found, maps));
    // A button that goes away must not take the focus with it.
    if (hadFocus) this._buttons.find(({ kind }) => kind === this._kind)?.button.focus();
    this._draw(maps && this._atMoment ? maps : null);
  }

  /**
   * @param {HeatMaps | Error | "asked" | undefined} found
   * @param {HeatMaps | null} maps
   * @returns {string[]}
   */
  _words(found, maps) {
    if (found === "asked") return ["Drawing the heat map…"];
    if (found instanceof Error) return [`The heat map could not be drawn. ${problemOf(found)}`];
    if (!maps) return [];
    const lacking = /** @type {const} */ (["here", "there"]).flatMap((side, number) => {
      const { reason } = maps[side];
      const why = this._kind === "matching" ? USUAL_NOT_KNOWN : reason;
      return reason ? [`${this._sides[number]?.name}: ${why}`] : [];
    });
    return [...(this._atMoment ? [] : [ELSEWHERE]), ...lacking];
  }

  /**
   * @param {HeatMaps | Error | "asked" | undefined} found
   * @param {HeatMaps | null} maps
   * @returns {HTMLElement[]}
   */
  _actions(found, maps) {
    if (found instanceof Error) {
      return [pushButton({ label: "Try again to draw the heat map" }, () => this._again(), "Try again")];
    }
    if (!maps || this._kind === "off") return [];
    const back = this._atMoment
      ? []
      : [pushButton({ label: "Show the heat map at the matching moment" }, () => this._hold(), "Show the heat map")];
    const [low, high] = ENDS[this._kind];
    const scale = make("span", { class: "heat-scale", "aria-hidden": "true" });
    const legend = make("p", { class: "heat-legend" }, make("span", {}, low), scale, make("span", {}, high));
    return [...back, make("div", { class: "player-small" }, legend, make("p", {}, "The heat map is an illustration. The score doesn't use it."))];
  }

  /** @param {HeatMaps | null} maps */
  _draw(maps) {
    const wanted = maps ? `${this._kind} ${JSON.stringify(this._pair)}` : "";
    if (wanted === this._drawn) return;
    this._drawn = wanted;
    for (const [number, side] of /** @type {const} */ (["here", "there"]).entries()) {
      const screen = this._screens[number];
      screen?.querySelector("canvas")?.remove();
      const grid = maps && this._kind !== "off" ? maps[side][this._kind] : null;
      if (!screen || !maps || !grid) continue;
      const [width, height] = sizeOf(maps[side]);
      const label = `${KINDS[this._kind]}, ${this._sides[number]?.clipName}: ${inWords(grid)}`;
      const canvas = make("canvas", { class: "screen-heat", width, height, role: "img", "aria-label": label });
      const pen = canvas.getContext("2d");
      pen?.putImageData(new ImageData(pixelsOf(grid, width, height), width, height), 0, 0);
      screen.append(canvas);
    }
  }
}

/**
 * What went wrong and what to do. The panel's errors have a title as well, which says no more than
 * the sentence around it.
 *
 * @param {Error & {todo?: string}} error
 */
function problemOf(error) {
  return error.todo ?? error.message;
}
