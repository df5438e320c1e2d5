/** The outline of a result's view, while the result is loaded. */

import { byId } from "./dom.js";

/** Milliseconds before a click shows it: on a fast connection the view itself is there by then. */
const DELAY = 150;
let timer = null;

/** Show it for a ticket key; `soon`: at once, for an address that asks for the view. */
export function showOpening(key, { soon = false } = {}) {
  clearTimeout(timer);
  byId("opening-text").textContent = `Opening ${key}…`;
  const show = () => {
    const dialog = byId("opening");
    if (dialog.matches(":modal")) return;
    dialog.removeAttribute("open"); // as the server sends it
    dialog.showModal();
  };
  if (soon) show();
  else timer = setTimeout(show, DELAY);
}

export function hideOpening() {
  clearTimeout(timer);
  const dialog = byId("opening");
  if (dialog.matches(":modal")) dialog.close("done");
  else dialog.removeAttribute("open");
}

/** Call `left` when the user closes it. */
export function onLeft(left) {
  const dialog = byId("opening");
  byId("opening-close").addEventListener("click", () => dialog.close("left"));
  dialog.addEventListener("cancel", () => (dialog.returnValue = "left"));
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "done") left();
    dialog.returnValue = "";
  });
}
