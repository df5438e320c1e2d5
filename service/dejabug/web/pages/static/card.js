/** One result: its clip at the matching moment, where in time that is, and its ticket. */

import { clockTime, make, ticketLink } from "./dom.js";
import { playOnHover } from "./hover.js";

/** How well a result answers words. */
export const MATCH = { likely: "Likely match", possible: "Possible match", unlikely: "Unlikely match" };
const DONE = /^(done|closed|resolved|fixed)$/i;

/** Where in a clip a result matches best, in seconds: `at` and the stretch around it. */
export function momentOf(result) {
  const [moment] = result.moments;
  if (moment) return { at: moment.there_at, span: moment.there };
  const at = result.clip?.times[0] ?? 0;
  return { at, span: [at, at] };
}

/** A result as a card; `open` is called when its clip is chosen. */
export function cardOf(result, open) {
  const card = make("li", { class: "card", "data-key": result.key });
  const { bar, needle } = timeline(result);
  card.append(clipButton(result, open, needle), bar, about(result));
  return card;
}

/** Show the picture of a card's moment. */
export function showPicture(card, address) {
  const picture = card.querySelector(".picture");
  card.querySelector(".clip").classList.toggle("blank", !address);
  if (!address) return;
  picture.addEventListener("error", () => card.querySelector(".clip").classList.add("blank"));
  picture.src = address;
}

function clipButton(result, open, needle) {
  const { at, span } = momentOf(result);
  const time = result.clip?.duration ? `${clockTime(at)} / ${clockTime(result.clip.duration)}` : "";
  const label = `Look at ${result.key} ${time && `from ${time}`}: ${result.summary}`;
  const picture = make("img", { class: "picture", alt: "", ".decoding": "async" });
  const button = make("button", { type: "button", class: "clip", "aria-label": label }, picture);
  if (time) button.append(make("span", { class: "time" }, time));
  button.addEventListener("click", () => open(result));
  if (result.clip) playOnHover(button, result.clip, [at, span[1]], needle);
  return button;
}

/** The bar that shows where in the clip's time it matches, and a needle for what is played. */
function timeline(result) {
  const duration = result.clip?.duration ?? 0;
  const bar = make("div", { class: "timeline", role: "img" });
  const part = (seconds) => `${duration ? Math.min(100, (100 * seconds) / duration) : 0}%`;
  const said = result.moments.map(({ there: [start, end] }) => {
    const mark = make("span", { class: "mark" });
    mark.style.left = part(start);
    mark.style.width = part(end - start);
    bar.append(mark);
    return `${clockTime(start)} to ${clockTime(end)}`;
  });
  // A ticket's words may match and no frame does; the clip still starts where it comes nearest.
  const verb = !result.relevance || result.found_by.includes("picture") ? "Matches" : "Nearest to your words:";
  const where = said.length && duration ? `${verb} ${said.join(", ")} of ${clockTime(duration)}` : "Matches as a whole";
  bar.setAttribute("aria-label", where);
  bar.title = where;
  const pin = make("span", { class: "needle", hidden: "" });
  bar.append(pin);
  const needle = (time) => {
    pin.hidden = time === null || !duration;
    if (time !== null) pin.style.left = part(time);
  };
  return { bar, needle };
}

function about(result) {
  const line = make("p", { class: "line" }, ticketLink(result.key, result.url));
  line.append(make("span", { class: DONE.test(result.status) ? "status done" : "status" }, result.status));
  if (result.relevance) {
    line.append(make("span", { class: `relevance ${result.relevance}` }, MATCH[result.relevance]));
  }
  const text = make("div", { class: "about" }, line, make("h2", {}, result.summary));
  const tags = result.kinds.map((kind) => make("li", {}, kind));
  if (tags.length) text.append(make("ul", { class: "tags", "aria-label": "Kinds of bug" }, ...tags));
  const more = [result.game, result.created.slice(0, 10)].filter(Boolean).join(" · ");
  text.append(make("p", { class: "small" }, more));
  if (result.label) text.append(make("p", { class: "small" }, result.label));
  // The label says already that it is the same file.
  if (result.reasons.length && !result.same_file) text.append(reasons(result));
  if (result.also.length) text.append(make("p", { class: "small" }, `also ${result.also.join(", ")}`));
  return text;
}

/** What the score rests on: small bars, beside words that say the same. */
function reasons(result) {
  const list = make("ul", { class: "reasons", "aria-label": `Why ${result.key} has this score` });
  for (const { strength, text } of result.reasons) {
    const value = make("span", { class: "value" });
    value.style.width = `${Math.round(100 * strength)}%`;
    const bar = make("span", { class: strength < 0.5 ? "bar against" : "bar", "aria-hidden": "true" }, value);
    list.append(make("li", {}, bar, text));
  }
  return list;
}
