/** The score of a match, and what it is based on. */

import { draw, make } from "./dom.js";
import { scoreText } from "./times.js";

/**
 * `label` says the score in words; `value`, from 0 to 1, is null where it is no probability and so no number is
 * shown. A reason's `strength` above 0.5 raises the score, below it lowers it; null where it is not known how much.
 *
 * @typedef {{label: string, value: number | null, reasons: readonly {strength: number | null, text: string}[]}} Score
 */

/**
 * @param {Score} score
 * @param {string} why the accessible name of the list of reasons
 */
export function scoreElement({ label, value, reasons }, why) {
  const made = make("div", { class: "player-score" });
  const line = make("p", { class: "player-strength" });
  if (value !== null) line.append(bar(value));
  if (label) line.append(make("strong", {}, label));
  if (value !== null) line.append(make("span", { class: "player-small" }, `score ${scoreText(value)}`));
  made.append(line);
  if (reasons.length) {
    const items = reasons.map(({ strength, text }) => {
      const against = strength !== null && strength < 0.5;
      const said = strength === null ? [text] : [bar(strength), text];
      return make("li", { class: `player-reason${against ? " player-reason-against" : ""}` }, ...said);
    });
    made.append(make("ul", { class: "player-reasons", "aria-label": why }, ...items));
  }
  return made;
}

/**
 * A bar from 0 to 1 beside text that says the same.
 *
 * @param {number} value
 */
function bar(value) {
  const percent = Math.round(100 * Math.min(Math.max(value, 0), 1));
  const all = draw("rect", { class: "player-bar-track", width: "100%", height: "100%", rx: 2 });
  const part = draw("rect", { class: "player-bar-value", width: `${percent}%`, height: "100%", rx: 2 });
  return draw("svg", { class: "player-bar", "aria-hidden": "true" }, all, part);
}
