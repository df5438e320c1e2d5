/** One result: its clip at the matching moment, a timeline with that moment, and its ticket. */

import { clockTime, make, ticketLink } from "./dom.js";
import { playOnHover } from "./hover.js";

/** How well a result matches a search by text. */
export const MATCH = { likely: "Likely match", possible: "Possible match", unlikely: "Unlikely match" };
const DONE = /^(done|closed|resolved|fixed)$/i;

/** Where in a clip a result matches best, in seconds: `at` and the stretch around it. */
export function momentOf(result) {
  const [moment] = result.moments;
  if (moment) return { at: moment.there_at, span: moment.there };
  const at = result.clip?.times[0] ?? 0;
  return { at, span: [at, at] };
}

/** A result as a card; `open` is called when its clip is clicked. */
export function cardOf(result, open) {
  const card = make("li", { class: "card", "data-key": result.key });
  const { bar, needle } = timeline(result);
  card.append(clipButton(result, open, needle), bar, about(result));
  return card;
}

/** Show a card's thumbnail. `renew` resolves to a new address, or null: it is called once if the
 * first address fails, since addresses expire. */
export function showPicture(card, address, renew) {
  const picture = card.querySelector(".picture");
  const blank = (on) => card.querySelector(".clip").classList.toggle("blank", on);
  blank(!address);
  if (!address) return;
  const failed = async () => {
    const again = await renew().catch(() => null);
    if (!again) return blank(true);
    picture.addEventListener("error", () => blank(true), { once: true });
    picture.src = again;
  };
  picture.addEventListener("error", failed, { once: true });
  picture.src = address;
}

function clipButton(result, open, needle) {
  const { at, span } = momentOf(result);
  const time = result.clip?.duration ? `${clockTime(at)} / ${clockTime(result.clip.duration)}` : "";
  const label = `Open ${result.key}${time && `, matching moment at ${time}`}: ${result.summary}`;
  const picture = make("img", { class: "picture", alt: "", ".decoding": "async" });
  const button = make("button", { type: "button", class: "clip", "aria-label": label }, picture);
  if (time) button.append(make("span", { class: "time" }, time));
  button.addEventListener("click", () => open(result));
  if (result.clip) playOnHover(button, result.clip, [at, span[1]], needle);
  return button;
}

/** A bar that shows which part of the clip matches, with a needle at the time that is playing. */
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
  // If only the ticket's words match, the clip starts at the frames closest to them.
  const verb = !result.relevance || result.found_by.includes("picture") ? "Matches" : "Closest to your words:";
  const where = said.length && duration ? `${verb} ${said.join(", ")} of ${clockTime(duration)}` : "The whole clip matches";
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
  text.append(make("p", { class: "small" }, [result.game, ...filed(result)].filter(Boolean).join(" · ")));
  if (result.label) text.append(make("p", { class: "small label" }, result.label));
  // The label already says that it is the same file.
  if (result.reasons.length && !result.same_file) text.append(reasons(result));
  if (result.also.length) text.append(make("p", { class: "small" }, `also ${result.also.join(", ")}`));
  return text;
}

const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

/** When a ticket was filed, by whom, and who works on it: what is known of that. */
function filed({ created, reporter, assignee }) {
  const day = created.slice(0, 10); // as Jira writes it, whatever the viewer's time zone
  const date = day && !Number.isNaN(Date.parse(day)) ? ` ${DAY.format(new Date(day))}` : "";
  const by = reporter ? ` by ${reporter}` : "";
  return [date || by ? `filed${date}${by}` : "", assignee ? `assigned to ${assignee}` : ""];
}

/** What the score is based on: small bars next to a text that says the same. */
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
