/** The page's address says what was asked: it can be shared, and the browser's back works. */

/** Filters of several values, of which one must hold, and those of one day. */
export const LISTS = ["project", "game", "status", "kind"];
export const DAYS = ["since", "until"];
const KEY = /^[A-Za-z][A-Za-z0-9_]{0,30}-[0-9]{1,12}$/;

/** The question in an address: words or a key (`q`), an uploaded clip (`job`), filters, whether
 * `unlikely` results are wanted too, and the result that is looked at (`open`). */
export function questionOf(search) {
  const given = new URLSearchParams(search);
  const question = { q: given.get("q") ?? "", job: given.get("job") ?? "", open: given.get("open") ?? "" };
  question.unlikely = given.get("unlikely") === "true";
  question.filters = {};
  for (const name of LISTS) question.filters[name] = [...new Set(given.getAll(name).filter(Boolean))].sort();
  for (const name of DAYS) question.filters[name] = given.get(name) ?? "";
  return question;
}

/** The address of a question. */
export function addressOf(question) {
  const kept = new URLSearchParams();
  for (const name of ["q", "job"]) if (question[name]) kept.set(name, question[name]);
  if (question.unlikely && isWords(question)) kept.set("unlikely", "true");
  for (const [name, value] of narrowed(question.filters)) kept.append(name, value);
  if (question.open) kept.set("open", question.open);
  return kept.size ? `/?${kept}` : "/";
}

/** Whether two questions have the same results. */
export function sameQuestion(one, other) {
  return addressOf({ ...one, open: "" }) === addressOf({ ...other, open: "" });
}

/** The filters that say something, as parameters. */
export function narrowed(filters) {
  const given = new URLSearchParams();
  for (const name of LISTS) for (const value of filters[name]) given.append(name, value);
  for (const name of DAYS) if (filters[name]) given.append(name, filters[name]);
  return given;
}

/** Whether words are asked, and neither a clip nor a ticket's key. */
export function isWords({ q, job }) {
  return Boolean(q.trim()) && !job && !keyIn(q);
}

/** A ticket's key, or null for words. */
export function keyIn(words) {
  const trimmed = words.trim();
  return KEY.test(trimmed) ? trimmed.toUpperCase() : null;
}
