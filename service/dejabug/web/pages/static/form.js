/** The search box and its filters. */

import { DAYS, LISTS, keyIn, narrowed } from "./address.js";
import { byId } from "./dom.js";
import { Pick } from "./pick.js";

/** The results' fields that hold values for a filter. Projects are known from the start. */
const TOLD_AS = { game: "game", status: "status", kind: "kinds" };
const picks = Object.fromEntries(LISTS.map((name) => [name, new Pick(byId(`pick-${name}`), name)]));

/** Fill the form with a search. */
export function fill({ q, filters }) {
  byId("q").value = q;
  for (const name of LISTS) picks[name].choose(filters[name]);
  for (const name of DAYS) byId("form").elements[name].value = filters[name];
  const count = narrowed(filters).size;
  byId("filter-count").textContent = count ? `(${count})` : "";
  byId("clear").hidden = !count;
  if (count) byId("filters").open = true;
}

/** The search in the form. A Jira link becomes its key. */
export function read() {
  const filters = {};
  for (const name of LISTS) filters[name] = picks[name].chosen();
  for (const name of DAYS) filters[name] = byId("form").elements[name].value;
  const typed = byId("q").value.trim();
  return { q: keyIn(typed) ?? typed, job: "", open: "", filters };
}

/** Offer the values that results have in the filters. */
export function offer(results) {
  for (const [name, told] of Object.entries(TOLD_AS)) picks[name].offer(results.flatMap((result) => result[told]));
}

export function clearFilters() {
  for (const name of LISTS) picks[name].choose([]);
  for (const name of DAYS) byId("form").elements[name].value = "";
}
