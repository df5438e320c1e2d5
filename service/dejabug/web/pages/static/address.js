/** The page's address holds the search, so that it can be shared and the Back button works. */

/** Filters that take several values (a result has one of them), and filters that take a day. */
export const LISTS = ["project", "game", "status", "kind"];
export const DAYS = ["since", "until"];
const KEY = "[A-Za-z][A-Za-z0-9_]{0,30}-[0-9]{1,12}";
const WHOLE_KEY = new RegExp(`^${KEY}$`);
/** Where the addresses of Jira's pages have an issue key: on the issue's own page, and on boards and
 * searches that show it at their side. */
const KEY_IN_ADDRESS = [
  new RegExp(`[?&](?:selectedIssue|issueKey)=(${KEY})(?![\\w-])`, "i"),
  new RegExp(`/(?:browse|issues)/(${KEY})(?![\\w-])`, "i"),
];

/** The search in an address: words or a key (`q`), an uploaded clip (`job`), filters, whether
 * `unlikely` results are included, and the key of the result that is open (`open`). */
export function questionOf(search) {
  const given = new URLSearchParams(search);
  const question = { q: given.get("q") ?? "", job: given.get("job") ?? "" };
  question.open = keyIn(given.get("open") ?? "") ?? "";
  question.unlikely = given.get("unlikely") === "true";
  question.filters = {};
  for (const name of LISTS) question.filters[name] = [...new Set(given.getAll(name).filter(Boolean))].sort();
  for (const name of DAYS) question.filters[name] = given.get(name) ?? "";
  return question;
}

/** The address of a search. */
export function addressOf(question) {
  const kept = new URLSearchParams();
  for (const name of ["q", "job"]) if (question[name]) kept.set(name, question[name]);
  if (question.unlikely && isWords(question)) kept.set("unlikely", "true");
  for (const [name, value] of narrowed(question.filters)) kept.append(name, value);
  if (question.open) kept.set("open", question.open);
  return kept.size ? `/?${kept}` : "/";
}

/** Whether two searches have the same results. */
export function sameQuestion(one, other) {
  return addressOf({ ...one, open: "" }) === addressOf({ ...other, open: "" });
}

/** The filters that are set, as parameters. */
export function narrowed(filters) {
  const given = new URLSearchParams();
  for (const name of LISTS) for (const value of filters[name]) given.append(name, value);
  for (const name of DAYS) if (filters[name]) given.append(name, filters[name]);
  return given;
}

/** Whether this is a search by words, and not by a clip or a ticket key. */
export function isWords({ q, job }) {
  return Boolean(q.trim()) && !job && !keyIn(q);
}

/** The ticket key in what somebody typed or pasted, or null for words: a key in any case, or the
 * address of a page in Jira. Only the key is taken from an address: nothing is requested from it, so
 * its host does not matter. */
export function keyIn(text) {
  const trimmed = text.trim();
  if (WHOLE_KEY.test(trimmed)) return trimmed.toUpperCase();
  if (/\s/.test(trimmed)) return null;
  for (const pattern of KEY_IN_ADDRESS) {
    const found = pattern.exec(trimmed);
    if (found) return found[1].toUpperCase();
  }
  return null;
}
