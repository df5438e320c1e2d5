/**
 * The border to Jira: the only module that talks to @forge/bridge.
 *
 * Sources: Atlassian's pages "invokeRemote", "requestJira", "view" and "router" of the Forge bridge,
 * and the code of @forge/bridge 7.
 */

import { invokeRemote, requestJira, router, view } from "@forge/bridge";

import { messageOf, Problem } from "./problem";
import { webAddress } from "./text";

export interface Issue {
  id: string;
  key: string;
}

/** The issue on which the panel is open. */
export async function currentIssue(): Promise<Issue> {
  const context = await view.getContext();
  const issue = context.extension?.issue as { id?: unknown; key?: unknown } | undefined;
  if (issue?.id === undefined || issue.key === undefined) {
    throw new Problem(
      "Jira did not say which issue this is.",
      "Reload the page. If that does not help, the app's manifest puts the panel somewhere else than on an issue.",
    );
  }
  return { id: String(issue.id), key: String(issue.key) };
}

/** Colours of Jira's theme, light or dark, as CSS variables. Without it the fallbacks hold. */
export async function followTheme(): Promise<void> {
  await view.theme.enable();
}

/**
 * Opens an address in a new tab. Jira's frame forbids pop-ups, so that a plain `target="_blank"`
 * opens nothing there.
 */
export async function openInNewTab(address: string): Promise<void> {
  const safe = webAddress(address);
  if (safe) await router.open(safe);
}

/**
 * Asks the service, with the viewer's token; only `invokeRemote` carries one, `requestRemote` does
 * not.
 *
 * @returns the JSON of a 2xx answer
 * @throws Problem for everything else
 */
export async function askService<T>(
  method: "GET" | "POST" | "PUT",
  path: string,
  body?: object,
): Promise<T> {
  const response = await invokeRemote({
    path,
    method,
    headers: body ? { "content-type": "application/json" } : undefined,
    body,
  }).catch((thrown: unknown) => {
    throw remoteProblem(messageOf(thrown));
  });
  const { status, message } = response as { status?: number; message?: string };
  if (status === undefined) throw remoteProblem(message ?? "no status");
  if (status < 200 || status > 299) throw serviceProblem(status, response.body);
  return response.body as T;
}

/** Writes the link "`from` duplicates `to`" into Jira, as the viewer. */
export async function linkIssues(type: string, from: string, to: string): Promise<void> {
  // inwardIssue is the end the link comes from, outwardIssue the end it goes to.
  const response = await requestJira("/rest/api/3/issueLink", {
    method: "POST",
    headers: { accept: "application/json", "content-type": "application/json" },
    body: JSON.stringify({
      type: { name: type },
      inwardIssue: { key: from },
      outwardIssue: { key: to },
    }),
  }).catch((thrown: unknown) => {
    throw new Problem("Jira did not make the link.", messageOf(thrown));
  });
  if (!response.ok) throw await linkProblem(response);
}

const TITLES: Record<number, string> = {
  403: "Déjà Bug does not serve this site.",
  404: "Déjà Bug has nothing to show here.",
  503: "Déjà Bug cannot answer right now.",
};

/** Forge's own errors come as an exception with one of a few fixed messages. */
function remoteProblem(message: string): Problem {
  if (/Forge Invocation Token/i.test(message)) {
    return new Problem(
      "Déjà Bug did not accept this app.",
      "Ask whoever runs Déjà Bug to compare DEJABUG_FORGE_APP_ID with the app's id in manifest.yml.",
      401,
    );
  }
  if (/timed out/i.test(message)) {
    return new Problem("Déjà Bug took too long to answer.", "Try again in a minute.");
  }
  if (/Invalid response from remote/i.test(message)) {
    return new Problem(
      "Déjà Bug cannot be reached.",
      "Try again in a minute. If it stays so, ask whoever runs Déjà Bug whether the service is up.",
    );
  }
  return new Problem("Déjà Bug cannot be reached.", message);
}

/**
 * The service's errors are problem documents (RFC 9457). `detail` says what to do; `title` is only the
 * name of the status.
 */
function serviceProblem(status: number, body: unknown): Problem {
  const { detail } = (parsed(body) ?? {}) as { detail?: unknown };
  return new Problem(
    TITLES[status] ?? "Déjà Bug answered with an error.",
    typeof detail === "string" && detail ? detail : `Try again in a minute (status ${status}).`,
    status,
  );
}

/** Jira's errors carry `errorMessages`, a list, and `errors`, by field. */
async function linkProblem(response: Response): Promise<Problem> {
  const body = parsed(await response.text()) as {
    errorMessages?: string[];
    errors?: Record<string, string>;
  } | null;
  const said = [...(body?.errorMessages ?? []), ...Object.values(body?.errors ?? {})].join(" ");
  const usual =
    response.status === 401 || response.status === 403 || response.status === 404
      ? "You need the permission to link issues in both projects."
      : `Jira answered with status ${response.status}.`;
  return new Problem("Jira did not make the link.", said || usual, response.status);
}

function parsed(body: unknown): unknown {
  if (typeof body !== "string") return body;
  try {
    return JSON.parse(body);
  } catch {
    return null; // no JSON: there is nothing in it for a reader
  }
}
