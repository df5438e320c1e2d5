/** "Same bug" and "Not a duplicate": what a reader decides about two tickets. */

import { icon, make, pushButton } from "./dom.js";

/**
 * What a button says, and its accessible name, which holds the same words.
 *
 * @typedef {{text: string, label: string}} Words
 */

/**
 * @typedef {object} VerdictOptions
 * @property {string} there the key of the ticket that was found
 * @property {Words} same the button
 * @property {Words} sameDone the same button once it is done
 * @property {string} saving what it says meanwhile
 * @property {Words} notDone what "Not a duplicate" says once it is done
 * @property {() => Promise<void>} onSame throws an Error whose message says what is wrong and what to do; one that
 *   should be tried again under other words is a `TryAgain`
 * @property {() => Promise<void>} onNot likewise
 * @property {boolean} final nothing can be changed once it is "same"
 * @property {((same: boolean) => string)} [saved] what is said below the buttons when it is saved
 */

/** A verdict that is saved in part: the button offers the rest of it. */
export class TryAgain extends Error {
  /**
   * @param {string} message
   * @param {Words} words
   */
  constructor(message, words) {
    super(message);
    this.words = words;
  }
}

/** @typedef {"none" | "same" | "not"} Verdict */

export class VerdictControls {
  /** @param {VerdictOptions} options */
  constructor(options) {
    this._options = options;
    this._verdict = /** @type {Verdict} */ ("none");
    this._pending = /** @type {Verdict} */ ("none");
    this._again = /** @type {Words | null} */ (null);
    this._same = pushButton({}, () => void this._decide("same"));
    this._not = pushButton({}, () => this._ask());
    /** @type {HTMLElement | null} */
    this._question = null;
    this._problem = make("p", { class: "player-problem", role: "alert", hidden: "" });
    this._said = options.saved ? make("p", { class: "player-small", role: "status" }) : null;
    this._row = make("div", { class: "player-row" }, this._same, this._not);
    this.element = make("div", { class: "player-verdict" }, this._row, this._problem, this._said);
    this._render();
  }

  /**
   * Take what has changed around it; `same` where the tickets are known to be the same bug.
   *
   * @param {Partial<VerdictOptions>} options
   * @param {boolean} same
   */
  update(options, same) {
    this._options = { ...this._options, ...options };
    if (same) this._verdict = "same";
    this._render();
  }

  _render() {
    const { same, sameDone, saving, notDone, there, final } = this._options;
    const busy = this._pending !== "none";
    if (this._verdict === "same") set(this._same, sameDone, "done", true);
    else set(this._same, this._again ?? same, "", busy, this._pending === "same" ? saving : null);
    const not = { text: "Not a duplicate", label: `Not a duplicate: ${there}` };
    if (this._verdict === "not") set(this._not, notDone, "done", true);
    else set(this._not, not, "subtle", busy);
    const settled = final && this._verdict === "same";
    if (settled || this._question) this._not.remove();
    else if (!this._not.isConnected) this._row.append(this._not);
  }

  _ask() {
    if (this._question) return;
    const { there } = this._options;
    const words = `Mark ${there} as not a duplicate?`;
    const confirm = pushButton({ look: "danger", label: `Confirm: ${there} is not a duplicate` }, () => void this._decide("not"), "Confirm");
    const cancel = pushButton({ look: "subtle", label: `Cancel: keep ${there}` }, () => this._cancel(), "Cancel");
    this._question = make("div", { class: "player-confirm", role: "group", "aria-label": words }, make("span", {}, words), confirm, cancel);
    this._question.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault(); // neither the player nor a dialog around it closes
      event.stopPropagation();
      this._cancel();
    });
    this._row.after(this._question);
    this._render();
    cancel.focus(); // the harmless answer first
  }

  _cancel() {
    this._question?.remove();
    this._question = null;
    this._render();
    this._not.focus();
  }

  /** @param {"same" | "not"} verdict */
  async _decide(verdict) {
    if (this._pending !== "none") return; // a double click
    this._pending = verdict;
    this._tell("", "");
    this._busyQuestion(true);
    this._render();
    try {
      await (verdict === "same" ? this._options.onSame() : this._options.onNot());
      this._again = null;
      this._verdict = verdict;
      this._tell("", this._options.saved?.(verdict === "same") ?? "");
    } catch (thrown) {
      if (thrown instanceof TryAgain) this._again = thrown.words;
      this._tell(thrown instanceof Error ? thrown.message : String(thrown), "");
    }
    this._pending = "none";
    this._busyQuestion(false);
    if (this._verdict === "not" && this._question) this._cancel();
    else this._render();
  }

  /** @param {boolean} busy */
  _busyQuestion(busy) {
    for (const button of this._question?.querySelectorAll("button") ?? []) button.setAttribute("aria-disabled", String(busy));
  }

  /**
   * @param {string} problem
   * @param {string} said
   */
  _tell(problem, said) {
    this._problem.textContent = problem;
    this._problem.hidden = !problem;
    if (this._said) this._said.textContent = said;
  }
}

/**
 * @param {HTMLButtonElement} button
 * @param {Words} words
 * @param {string} look
 * @param {boolean} off
 * @param {string | null} [instead] shown in place of the text
 */
function set(button, { text, label }, look, off, instead = null) {
  button.className = look ? `player-button player-button-${look}` : "player-button";
  button.setAttribute("aria-label", label);
  button.setAttribute("aria-disabled", String(off));
  button.replaceChildren(...(look === "done" ? [icon("done")] : []), instead ?? text);
}
