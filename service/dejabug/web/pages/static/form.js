/** The search box and its filters. */

import { byId, make } from "./dom.js";

const NAMES = { games: "game", statuses: "status", kinds: "kinds" };
const seen = { games: new Set(), statuses: new Set(), kinds: new Set() };

/** Put a question into the form. */
export function fill(question) {
  byId("q").value = question.q;
  for (const [name, value] of Object.entries(question.filters)) byId("form").elements[name].value = value;
  const count = Object.values(question.filters).filter(Boolean).length;
  byId("filter-count").textContent = count ? `(${count})` : "";
  if (count) byId("filters").open = true;
}

/** The question in the form. */
export function read() {
  const given = new FormData(byId("form"));
  const filters = {};
  for (const name of ["project", "game", "status", "kind", "since", "until"]) {
    filters[name] = String(given.get(name) ?? "").trim();
  }
  return { q: String(given.get("q") ?? "").trim(), job: "", open: "", filters };
}

/** Offer in the filters what results had. */
export function offer(results) {
  for (const [list, name] of Object.entries(NAMES)) {
    for (const value of results.flatMap((result) => result[name])) {
      if (!value || seen[list].has(value)) continue;
      seen[list].add(value);
      byId(list).append(make("option", { value }));
    }
  }
}

export function clearFilters() {
  for (const field of byId("filters").querySelectorAll("input, select")) field.value = "";
}
