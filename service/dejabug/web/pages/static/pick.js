/** A filter with several values: a list of check boxes that opens below its button. */

import { make } from "./dom.js";

export class Pick {
  /** `details` holds the list; its boxes are called `name`. */
  constructor(details, name) {
    this._details = details;
    this._name = name;
    this._values = details.querySelector(".values");
    this._summary = details.querySelector("summary");
    this._other = details.querySelector(".other");
    details.addEventListener("keydown", (event) => this._pressed(event));
    details.addEventListener("change", (event) => this._changed(event));
    addEventListener("pointerdown", (event) => {
      if (!details.contains(event.target)) details.open = false;
    });
    details.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !details.contains(event.relatedTarget)) details.open = false;
    });
  }

  /** The values that are checked, in order. */
  chosen() {
    return this._boxes()
      .filter(({ checked }) => checked)
      .map(({ value }) => value)
      .sort();
  }

  /** Check these values and no others. */
  choose(values) {
    this.offer(values);
    for (const box of this._boxes()) box.checked = values.includes(box.value);
    this._tell();
  }

  /** Add these values to the list. */
  offer(values) {
    for (const value of values) {
      const boxes = this._boxes();
      if (!value || boxes.some((box) => box.value === value)) continue;
      const box = make("input", { type: "checkbox", name: this._name, value });
      const following = boxes.find((other) => other.value.localeCompare(value) > 0);
      this._values.insertBefore(make("label", {}, box, value), following?.parentElement ?? null);
    }
  }

  _boxes() {
    return [...this._values.querySelectorAll("input")];
  }

  _tell() {
    const chosen = this.chosen();
    this._summary.querySelector(".chosen").textContent = chosen.join(", ") || "Any";
    this._details.classList.toggle("on", chosen.length > 0);
  }

  /** Adds a typed value to the list, before the form's own listener reads which are checked. */
  _changed(event) {
    if (event.target === this._other) {
      const value = this._other.value.trim();
      this._other.value = "";
      if (value) this.choose([...this.chosen(), value]);
    }
    this._tell();
  }

  _pressed(event) {
    if (event.key === "Enter" && event.target === this._other) {
      event.preventDefault(); // or the form would be submitted
      this._other.dispatchEvent(new Event("change", { bubbles: true }));
    } else if (event.key === "Escape" && this._details.open) {
      event.preventDefault();
      this._details.open = false;
      this._summary.focus();
    }
  }
}
