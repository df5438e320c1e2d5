/** The outline of a result's view, while the result is loaded. The view itself opens above it. */

import { byId } from "./dom.js";

/** Milliseconds before a click shows it: on a fast connection the view itself is open by then. */
const DELAY = 150;
let timer = null;

/** Show it for a ticket key; `soon`: at once, for an address that asks for the view. */
export function showOpening(key, { soon = false } = {}) {
  clearTimeout(timer);
  byId("opening-text").textContent = `Opening ${key}…`;
  const show = () => {
    byId("opening").hidden = false;
    byId("opening-close").focus();
  };
  if (soon) show();
  else timer = setTimeout(show, DELAY);
}

export function hideOpening() {
  clearTimeout(timer);
  byId("opening").hidden = true;
}

/** Call `left` when the user closes it. */
export function onLeft(left) {
  const leave = () => {
    hideOpening();
    left();
  };
  byId("opening-close").addEventListener("click", leave);
  addEventListener("keydown", (event) => {
    // The view's own keys, once it is open above.
    if (byId("opening").hidden || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") leave();
    else if (event.key === "Tab") byId("opening-close").focus(); // it has nothing else
    else return;
    event.preventDefault();
  });
}
