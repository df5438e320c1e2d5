/** Makes elements from data. Text is always inserted as text, never as HTML. */

/** An element with attributes and children; strings become text. `.name` sets a property. */
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith(".")) made[name.slice(1)] = value;
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function byId(id) {
  return document.getElementById(id);
}

/** Seconds as a clip's time: 1:07. */
export function clockTime(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** A link to a ticket in Jira. Anything but a web address becomes plain text. */
export function ticketLink(key, url) {
  if (!/^https?:\/\//.test(url)) return make("span", { class: "key" }, key);
  return make("a", { class: "key", href: url, target: "_blank", rel: "noopener" }, key);
}
