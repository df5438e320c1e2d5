/** Elements made from data: text is always text. */

import { make, webAddress } from "./player/dom.js";

export { make } from "./player/dom.js";
export { clock as clockTime } from "./player/times.js";

export function byId(id) {
  return document.getElementById(id);
}

/** A link to a ticket in Jira. Only web addresses: nothing else is a link. */
export function ticketLink(key, url) {
  if (!webAddress(url)) return make("span", { class: "key" }, key);
  return make("a", { class: "key", href: url, target: "_blank", rel: "noopener" }, key);
}
