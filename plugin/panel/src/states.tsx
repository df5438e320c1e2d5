/** What the panel shows in place of a list of matches, and the notes around the list. */

import type { Ref } from "preact";

import type { Similar } from "./answer";
import { Button } from "./button";
import { IconError, IconWarning } from "./icons";
import type { Problem } from "./problem";
import { count } from "./text";

export function Loading() {
  return (
    <div class="skeleton" aria-busy="true">
      {[0, 1].map((each) => (
        <div class="skeleton-card" key={each} aria-hidden="true">
          <div class="skeleton-line skeleton-short" />
          <div class="skeleton-line" />
          <div class="skeleton-pictures">
            <div class="skeleton-picture" />
            <div class="skeleton-picture" />
          </div>
        </div>
      ))}
    </div>
  );
}

/** No match is likely; `weak` where unlikely ones are listed below. */
export function Empty({ answer, weak }: { answer: Similar; weak: boolean }) {
  if (weak) {
    return (
      <div class="message">
        <p class="message-title">No likely match.</p>
        <p class="subtle">
          {wordsOnly(answer) ?? "The closest issues are listed below. Most of them are not duplicates."}
        </p>
      </div>
    );
  }
  const words = wordsOnly(answer);
  return (
    <div class="message">
      <p class="message-title">
        No similar issues found.
      </p>
      <p class="subtle">
        {words ? `${words} No earlier issue has similar text.` : "No earlier issue that you can see shows this bug."}
      </p>
    </div>
  );
}

/** Why only the issue's text was compared; null where one of its clips could be used. */
export function wordsOnly({ clips, failed }: Similar): string | null {
  if (clips > failed.length) return null;
  const why = clips === 0 ? "This issue has no clip" : "None of this issue's clips could be used";
  return `${why}, so only its text was compared.`;
}

/** The issue is being analysed, or waits for it; then there is no progress to show. */
export function Reading({ answer }: { answer: Similar }) {
  const { done, total } = answer.progress;
  const known = answer.state === "indexing" && total > 0;
  const text = known ? `${done} of ${total} done` : "Not started yet";
  return (
    <div class="reading">
      <div class="reading-line">
        <span id="reading-label">Analysing this issue and its clips…</span>
        <span class="subtle">{known ? text : "Waiting in the queue"}</span>
      </div>
      <svg
        class="bar"
        role="progressbar"
        aria-labelledby="reading-label"
        aria-valuemin={0}
        aria-valuemax={known ? total : undefined}
        aria-valuenow={known ? done : undefined}
        aria-valuetext={text}
      >
        <rect class="bar-track" width="100%" height="100%" rx="3" />
        {known ? (
          <rect class="bar-value" width={`${(100 * Math.min(done, total)) / total}%`} height="100%" rx="3" />
        ) : (
          <rect class="bar-value bar-moving" width="30%" height="100%" rx="3" />
        )}
      </svg>
    </div>
  );
}

export function Stalled() {
  return (
    <div class="message">
      <p class="message-title">This issue has not been analysed yet.</p>
      <p class="subtle">
        There has been no progress for two minutes. Select “Search again” below. If that doesn't help, ask
        your administrator whether Déjà Bug's workers are running.
      </p>
    </div>
  );
}

interface MutedProps {
  issueKey: string;
  pending: boolean;
  problem: Problem | null;
  buttonRef: Ref<HTMLButtonElement>;
  onUnmute: () => void;
}

export function Muted({ issueKey, pending, problem, buttonRef, onUnmute }: MutedProps) {
  return (
    <div class="message">
      <p class="message-title">Déjà Bug is muted on this issue.</p>
      <p class="subtle">It shows no similar issues here and doesn't comment.</p>
      <Button label={`Unmute on this issue, ${issueKey}`} off={pending} buttonRef={buttonRef} onClick={onUnmute}>
        Unmute
      </Button>
      {problem && <InlineError problem={problem} />}
    </div>
  );
}

export function Off() {
  return (
    <div class="message">
      <p class="message-title">Déjà Bug is turned off for this project.</p>
      <p class="subtle">Your administrator can turn it on in the service's settings.</p>
    </div>
  );
}

export function Failed({ problem, onTryAgain }: { problem: Problem; onTryAgain: () => void }) {
  return (
    <div class="section-message section-message-error" role="alert">
      <IconError />
      <div>
        <p class="message-title">{problem.title}</p>
        <p>{problem.todo}</p>
        <Button label="Try again" onClick={onTryAgain}>
          Try again
        </Button>
      </div>
    </div>
  );
}

export function InlineError({ problem }: { problem: Problem }) {
  return (
    <p class="inline-error" role="alert">
      <IconError /> <span>{`${problem.title} ${problem.todo}`}</span>
    </p>
  );
}

export function FailedClips({ failed }: { failed: Similar["failed"] }) {
  return (
    <section class="section-message section-message-warning" aria-label="Clips that could not be used">
      <IconWarning />
      <div>
        <p class="message-title">{count(failed.length, "clip")} could not be used</p>
        <ul class="failed-clips">
          {failed.map(({ filename, reason }) => (
            <li key={filename}>
              <span class="filename">{filename}</span>: {reason}
            </li>
          ))}
        </ul>
      </div>
    </section>
  );
}
