/** Elements made from data: text is always text. */

/**
 * An element with attributes and children; strings become text. A property is given as `.name`.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} attributes an attribute without a value (null, undefined, false) is left out
 * @param {...(Node | string | null | undefined)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith(".")) Reflect.set(made, name.slice(1), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, String(value));
  }
  for (const child of children) if (child !== null && child !== undefined) made.append(child);
  return made;
}

/**
 * The same in SVG.
 *
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {...Node} children
 */
export function draw(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/** Paths of the icons, 16 px. */
const ICONS = {
  play: "M4 2.6v10.8a.8.8 0 0 0 1.2.7l9-5.4a.8.8 0 0 0 0-1.4l-9-5.4A.8.8 0 0 0 4 2.6Z",
  pause:
    "M4 2h2.5a.5.5 0 0 1 .5.5v11a.5.5 0 0 1-.5.5H4a.5.5 0 0 1-.5-.5v-11A.5.5 0 0 1 4 2Zm5.5 0H12a.5.5 0 0 1 .5.5v11a.5.5 0 0 1-.5.5H9.5a.5.5 0 0 1-.5-.5v-11a.5.5 0 0 1 .5-.5Z",
  previous: "M3 3h1.8v10H3Zm10 .5v9a.5.5 0 0 1-.8.4L6.2 8.4a.5.5 0 0 1 0-.8l6-4.5a.5.5 0 0 1 .8.4Z",
  next: "M11.2 3H13v10h-1.8ZM3 3.5v9a.5.5 0 0 0 .8.4l6-4.5a.5.5 0 0 0 0-.8l-6-4.5a.5.5 0 0 0-.8.4Z",
  done: "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1Zm3.3 4.5-4.2 4.4-2.3-2.1-1 1.1 3.4 3.1 5.2-5.5Z",
};

/** @typedef {keyof typeof ICONS} Icon */

/**
 * An icon in the text's colour, which says nothing that its button does not say.
 *
 * @param {Icon} name
 */
export function icon(name) {
  const path = draw("path", { fill: "currentColor", d: ICONS[name] });
  const attributes = { class: "player-icon", width: 16, height: 16, viewBox: "0 0 16 16", focusable: "false" };
  return draw("svg", { ...attributes, "aria-hidden": "true" }, path);
}

/**
 * A button. `off`: it can't be used now. It keeps the focus, which a `disabled` button would lose.
 *
 * @param {{look?: "primary" | "subtle" | "danger" | "done" | "segment" | "icon" | "icon-primary", label?: string, off?: boolean}} options
 *   `label` is the accessible name; it holds the words on the button
 * @param {() => void} press
 * @param {...(Node | string)} children
 */
export function pushButton({ look, label, off = false }, press, ...children) {
  const made = make("button", { type: "button", class: `player-button${look ? ` player-button-${look}` : ""}` });
  if (label) made.setAttribute("aria-label", label);
  if (off) made.setAttribute("aria-disabled", "true");
  made.append(...children);
  made.addEventListener("click", () => {
    if (made.getAttribute("aria-disabled") !== "true") press();
  });
  return made;
}

/** The address if it is a web address, else null: nothing else is ever linked.
 *
 * @param {string | null | undefined} address
 */
export function webAddress(address) {
  if (!address || !/^https?:\/\//i.test(address)) return null;
  return URL.canParse(address) ? address : null;
}
