/** What the viewer can do with one match: compare, say that it is the same bug, or that it is not. */

import type { Ref } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

import type { Match } from "./answer";
import { Button } from "./button";
import { IconCompare, IconDone } from "./icons";
import { asProblem, Problem } from "./problem";
import type { Service } from "./service";
import { InlineError } from "./states";

interface Props {
  issueKey: string;
  match: Match;
  linked: boolean;
  linkType: string;
  open: boolean;
  canCompare: boolean;
  service: Service;
  compareButton: Ref<HTMLButtonElement>;
  onCompare: (open: boolean) => void;
  onLinked: () => void;
  onHidden: () => void;
}

export function MatchActions(props: Props) {
  const { issueKey, match, linked, linkType, open, canCompare, service } = props;
  const [pending, setPending] = useState<"same" | "not" | null>(null);
  const [asked, setAsked] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  /** The link stands in Jira, but the service does not know the verdict yet. */
  const [onlyLinked, setOnlyLinked] = useState(false);
  const keep = useRef<HTMLButtonElement>(null);
  const notSimilar = useRef<HTMLButtonElement>(null);

  const wasAsked = useRef(false);
  useLayoutEffect(() => {
    if (asked) keep.current?.focus(); // the harmless answer first
    else if (wasAsked.current) notSimilar.current?.focus();
    wasAsked.current = asked;
  }, [asked]);

  const running = useRef(false); // a double click is faster than the next drawing
  const run = async (which: "same" | "not", action: () => Promise<void>) => {
    if (running.current) return;
    running.current = true;
    setPending(which);
    setProblem(null);
    try {
      await action();
    } catch (thrown) {
      setProblem(asProblem(thrown));
    }
    running.current = false;
    setPending(null);
  };

  const same = () =>
    run("same", async () => {
      if (!onlyLinked) await service.link(linkType, match.key);
      try {
        await service.verdict(match.issue_id, true);
      } catch (thrown) {
        setOnlyLinked(true); // never link twice
        throw new Problem("The link is made, but Déjà Bug did not save the verdict.", asProblem(thrown).message);
      }
      setOnlyLinked(false);
      props.onLinked();
    });
  const hide = () =>
    run("not", async () => {
      await service.verdict(match.issue_id, false);
      props.onHidden();
    });

  const busy = pending !== null;
  return (
    <div class="match-actions">
      <div class="button-row">
        {canCompare && (
          <Button
            look={open ? "default" : "primary"}
            label={`Compare the clips of ${issueKey} and ${match.key}`}
            expanded={open}
            buttonRef={props.compareButton}
            onClick={() => props.onCompare(!open)}
          >
            <IconCompare /> Compare
          </Button>
        )}
        {linked ? (
          <Button key="same" look="done" label={`Linked as duplicate: ${issueKey} of ${match.key}`} off>
            <IconDone /> Linked as duplicate
          </Button>
        ) : onlyLinked ? (
          <Button key="same" label={`Save the verdict on ${match.key}`} off={busy} onClick={() => void same()}>
            Save the verdict
          </Button>
        ) : (
          <Button
            key="same"
            label={`Same bug: link ${issueKey} as a duplicate of ${match.key}`}
            off={busy}
            onClick={() => void same()}
          >
            {pending === "same" ? "Linking…" : "Same bug"}
          </Button>
        )}
        {!linked && !asked && (
          <Button
            look="subtle"
            label={`Not similar: ${match.key}`}
            off={busy}
            buttonRef={notSimilar}
            onClick={() => setAsked(true)}
          >
            Not similar
          </Button>
        )}
      </div>
      {asked && (
        <div
          class="confirm"
          role="group"
          aria-label={`Hide ${match.key} for good?`}
          onKeyDown={(event) => {
            if (event.key === "Escape") setAsked(false);
          }}
        >
          <span>Hide {match.key} for good?</span>
          <Button look="danger" label={`Hide ${match.key} for good`} off={busy} onClick={() => void hide()}>
            {pending === "not" ? "Hiding…" : "Hide"}
          </Button>
          <Button
            look="subtle"
            label={`Keep ${match.key}`}
            off={busy}
            buttonRef={keep}
            onClick={() => setAsked(false)}
          >
            Keep
          </Button>
        </div>
      )}
      {problem && <InlineError problem={problem} />}
    </div>
  );
}
