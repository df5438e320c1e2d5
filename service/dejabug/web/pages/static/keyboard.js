/** Keys of the search page: / goes to the search box and Esc leaves it; a pasted Jira link is searched for. */

import { keyIn } from "./address.js";
import { byId } from "./dom.js";

/** Fields that take what is typed: a check box does not. */
const FIELD = "input:not([type=checkbox], [type=file], [type=range]), textarea, select, [contenteditable]";

export function isField(element) {
  return element instanceof Element && element.matches(FIELD);
}

/** Listen to the keys; `search` is called after a ticket's key or link was pasted into the box. */
export function onKeys(search) {
  const box = byId("q");
  addEventListener("keydown", (event) => {
    const typed = event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isField(event.target);
    if (event.key !== "/" || typed || document.querySelector("dialog[open]")) return;
    event.preventDefault(); // or the box would get the slash
    box.focus();
    box.select();
  });
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    event.preventDefault(); // or the browser would empty the box
    box.blur();
  });
  addEventListener("paste", (event) => {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    const key = keyIn(text);
    const whole = event.target === box && box.selectionStart === 0 && box.selectionEnd === box.value.length;
    if (!key || document.querySelector("dialog[open]") || !(whole || !isField(event.target))) return;
    event.preventDefault();
    box.value = key;
    search();
  });
}
