/** Makes elements from data. Text is always inserted as text, never as HTML. */

import { make, webAddress } from "./player/dom.js";

export { make } from "./player/dom.js";
export { clock as clockTime } from "./player/times.js";

export function byId(id) {
  return document.getElementById(id);
}

/** A link to a ticket in Jira. Anything but a web address becomes plain text. */
export function ticketLink(key, url) {
  if (!webAddress(url)) return make("span", { class: "key" }, key);
  return make("a", { class: "key", href: url, target: "_blank", rel: "noopener" }, key);
}
