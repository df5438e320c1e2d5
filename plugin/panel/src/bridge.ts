/**
 * The connection to Jira: the only module that uses @forge/bridge.
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
      "Jira did not say which issue is open.",
      "Reload the page. If that doesn't help, check in manifest.yml that the panel is a jira:issuePanel.",
    );
  }
  return { id: String(issue.id), key: String(issue.key) };
}

/** Take over Jira's theme, light or dark, as CSS variables. Without it the fallback colours apply. */
export async function followTheme(): Promise<void> {
  await view.theme.enable();
}

/**
 * Opens an address in a new tab. Jira's frame forbids pop-ups, so that a plain `target="_blank"`
 * does nothing there.
 */
export async function openInNewTab(address: string): Promise<void> {
  const safe = webAddress(address);
  if (safe) await router.open(safe);
}

/**
 * Calls the service with the viewer's token, which only `invokeRemote` sends; `requestRemote` does
 * not.
 *
 * @returns the JSON of a 2xx response
 * @throws Problem for any other response
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

/** Creates the link "`from` duplicates `to`" in Jira, as the viewer. */
export async function linkIssues(type: string, from: string, to: string): Promise<void> {
  // The link goes from inwardIssue to outwardIssue.
  const response = await requestJira("/rest/api/3/issueLink", {
    method: "POST",
    headers: { accept: "application/json", "content-type": "application/json" },
    body: JSON.stringify({
      type: { name: type },
      inwardIssue: { key: from },
      outwardIssue: { key: to },
    }),
  }).catch((thrown: unknown) => {
    throw new Problem("Jira did not create the link.", messageOf(thrown));
  });
  if (!response.ok) throw await linkProblem(response);
}

const TITLES: Record<number, string> = {
  403: "Déjà Bug is set up for another Jira site.",
  404: "Déjà Bug has nothing to show here.",
  503: "Déjà Bug cannot answer right now.",
};

/** Forge's own errors are exceptions with one of a few fixed messages. */
function remoteProblem(message: string): Problem {
  if (/Forge Invocation Token/i.test(message)) {
    return new Problem(
      "Déjà Bug did not accept this app.",
      "Ask your administrator to check that DEJABUG_FORGE_APP_ID is the app's id in manifest.yml.",
      401,
    );
  }
  if (/timed out/i.test(message)) {
    return new Problem("Déjà Bug took too long to answer.", "Try again in a minute.");
  }
  if (/Invalid response from remote/i.test(message)) {
    return new Problem(
      "Déjà Bug cannot be reached.",
      "Try again in a minute. If it still fails, ask your administrator whether the service is running.",
    );
  }
  return new Problem("Déjà Bug cannot be reached.", message);
}

/**
 * The service's errors are problem details (RFC 9457). `detail` says what to do; `title` is only the
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

/** Jira's errors have `errorMessages`, a list, and `errors`, by field. */
async function linkProblem(response: Response): Promise<Problem> {
  const body = parsed(await response.text()) as {
    errorMessages?: string[];
    errors?: Record<string, string>;
  } | null;
  const said = [...(body?.errorMessages ?? []), ...Object.values(body?.errors ?? {})].join(" ");
  const usual =
    response.status === 401 || response.status === 403 || response.status === 404
      ? "You need the Link Issues permission in both projects."
      : `Jira answered with status ${response.status}.`;
  return new Problem("Jira did not create the link.", said || usual, response.status);
}

function parsed(body: unknown): unknown {
  if (typeof body !== "string") return body;
  try {
    return JSON.parse(body);
  } catch {
    return null; // not JSON: nothing in it is meant for people
  }
}
