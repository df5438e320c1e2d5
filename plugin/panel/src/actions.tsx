/** What the viewer can do with a match: compare the clips, and decide whether it is the same bug. */

import { TryAgain, VerdictControls } from "@player/verdict.js";
import type { Ref } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";

import type { Match } from "./answer";
import { Button } from "./button";
import { IconCompare } from "./icons";
import { asProblem } from "./problem";
import type { Service } from "./service";

interface VerdictProps {
  issueKey: string;
  match: Match;
  linked: boolean;
  linkType: string;
  service: Service;
  onLinked: () => void;
  onHidden: () => void;
}

/**
 * The verdict's controls, one element for as long as the match is shown: it moves between the card and the open
 * player, and keeps what it says.
 */
export function useVerdict(props: VerdictProps): HTMLElement {
  const latest = useRef(props);
  latest.current = props;
  const controls = useMemo(() => verdictControls(latest), []);
  useLayoutEffect(() => controls.update({}, props.linked), [props.linked]);
  return controls.element;
}

function verdictControls(latest: { current: VerdictProps }): VerdictControls {
  const { issueKey, match } = latest.current;
  /** The link is in Jira, but the service has not saved the verdict yet. */
  let onlyLinked = false;
  return new VerdictControls({
    there: match.key,
    same: { text: "Same bug", label: `Same bug: link ${issueKey} as a duplicate of ${match.key}` },
    sameDone: { text: "Linked as duplicate", label: `Linked as duplicate: ${issueKey} of ${match.key}` },
    saving: "Linking…",
    notDone: { text: "Marked as not a duplicate", label: `Marked as not a duplicate: ${match.key}` },
    final: true,
    async onSame() {
      const { service, linkType, onLinked } = latest.current;
      if (!onlyLinked) await service.link(linkType, match.key);
      try {
        await service.verdict(match.issue_id, true);
      } catch (thrown) {
        onlyLinked = true; // never link twice
        throw new TryAgain(`The issues are linked, but Déjà Bug did not save the verdict. ${asProblem(thrown).message}`, {
          text: "Save the verdict",
          label: `Save the verdict on ${match.key}`,
        });
      }
      onlyLinked = false;
      onLinked();
    },
    async onNot() {
      await latest.current.service.verdict(match.issue_id, false);
      latest.current.onHidden();
    },
  });
}

interface Props {
  issueKey: string;
  match: Match;
  canCompare: boolean;
  verdict: HTMLElement;
  compareButton: Ref<HTMLButtonElement>;
  onCompare: () => void;
}

/** The actions of a match whose player is closed. */
export function MatchActions({ issueKey, match, canCompare, verdict, compareButton, onCompare }: Props) {
  const host = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => host.current?.append(verdict), [verdict]);
  return (
    <div class="match-actions">
      {canCompare && (
        <Button
          look="primary"
          label={`Compare the clips of ${issueKey} and ${match.key}`}
          buttonRef={compareButton}
          onClick={onCompare}
        >
          <IconCompare /> Compare
        </Button>
      )}
      <div class="verdict-host" ref={host} />
    </div>
  );
}
