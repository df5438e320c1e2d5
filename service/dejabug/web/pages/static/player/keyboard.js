/** The player's keys, and the list of them. */

import { make } from "./dom.js";

/**
 * What a key does.
 *
 * @typedef {{name: "close" | "toggle" | "moment" | "loop" | "help"} | {name: "seek", seconds: number} | {name: "step" | "speed", direction: 1 | -1}} KeyAction
 */

/** Seconds of one press of an arrow key, and with Shift. */
const SEEK = 1;
const FAR_SEEK = 5;

/** @type {Record<string, KeyAction>} */
const KEYS = {
  Escape: { name: "close" },
  " ": { name: "toggle" },
  ",": { name: "step", direction: -1 },
  ".": { name: "step", direction: 1 },
  m: { name: "moment" },
  l: { name: "loop" },
  "<": { name: "speed", direction: -1 },
  ">": { name: "speed", direction: 1 },
  "?": { name: "help" },
};

/**
 * What a key does in the player; null where it is the browser's, or that of the button under the focus.
 *
 * @param {KeyboardEvent} event
 * @returns {KeyAction | null}
 */
export function keyOf({ key, target, shiftKey, altKey, ctrlKey, metaKey }) {
  if (altKey || ctrlKey || metaKey) return null;
  if (key === " " && target instanceof Element && target.closest("button, a, summary")) return null;
  const far = shiftKey ? FAR_SEEK : SEEK;
  if (key === "ArrowLeft") return { name: "seek", seconds: -far };
  if (key === "ArrowRight") return { name: "seek", seconds: far };
  return KEYS[key.length === 1 ? key.toLowerCase() : key] ?? null;
}

/** A list of the keys that unfolds. */
export class KeyboardHelp {
  /** @param {boolean} both there are two clips */
  constructor(both) {
    const rows = [
      [["Space"], both ? "Play or pause both clips" : "Play or pause"],
      [["←", "→"], `Back or forward ${SEEK} second (with Shift: ${FAR_SEEK})`],
      [[",", "."], "Previous or next frame"],
      [["M"], "Go to the matching moment"],
      [["L"], "Loop the moment"],
      [["<", ">"], "Slower or faster"],
      [["?"], "Show or hide this list"],
      [["Esc"], "Close the player"],
    ];
    const list = make("dl", { class: "player-keys" });
    for (const [keys, words] of /** @type {[string[], string][]} */ (rows)) {
      const name = make("dt", {}, ...keys.flatMap((key, number) => [number ? " " : "", make("kbd", {}, key)]));
      list.append(make("div", {}, name, make("dd", {}, words)));
    }
    this.element = make("details", { class: "player-help" }, make("summary", {}, "Keyboard shortcuts"), list);
  }

  toggle() {
    this.element.open = !this.element.open;
  }
}
