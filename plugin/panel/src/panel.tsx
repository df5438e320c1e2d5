/** The panel of one issue: which state it is in, and what the viewer did in it. */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import type { Match, Similar } from "./answer";
import type { Issue } from "./bridge";
import { Button } from "./button";
import { type Feed, SimilarFeed } from "./feed";
import { MatchCard } from "./match";
import { asProblem, type Problem } from "./problem";
import type { Service } from "./service";
import {
  Empty, Failed, FailedClips, InlineError, Loading, Muted, Off, Reading, Stalled, wordsOnly,
} from "./states";
import { count } from "./text";

interface Props {
  issue: Issue;
  service: Service;
}

export function Panel({ issue, service }: Props) {
  const [feed, setFeed] = useState<Feed>({ phase: "loading" });
  const source = useMemo(() => new SimilarFeed(service.similar, setFeed), [issue.id]);
  const [said, setSaid] = useState("");
  const summary = summaryOf(feed);

  useEffect(() => {
    void source.start();
    return () => source.stop();
  }, [source]);
  useEffect(() => {
    if (summary) setSaid(summary);
  }, [summary]);

  const body =
    feed.phase === "loading" ? (
      <Loading />
    ) : feed.phase === "failed" ? (
      <Failed problem={feed.problem} onTryAgain={() => void source.start()} />
    ) : (
      <Answer
        key={issue.id}
        answer={feed.answer}
        stalled={feed.stalled}
        service={service}
        source={source}
        say={setSaid}
      />
    );
  return (
    <>
      {body}
      <p class="visually-hidden" role="status" aria-live="polite">
        {said}
      </p>
    </>
  );
}

interface AnswerProps {
  answer: Similar;
  stalled: boolean;
  service: Service;
  source: SimilarFeed;
  say: (what: string) => void;
}

function Answer({ answer, stalled, service, source, say }: AnswerProps) {
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [linked, setLinked] = useState<ReadonlySet<string>>(new Set());
  const [open, setOpen] = useState<string | null>(null);
  const [pending, setPending] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const unlikely = useRef<HTMLElement>(null);
  const unmute = useRef<HTMLButtonElement>(null);
  const muteWas = useRef(answer.muted);

  // Muting and unmuting remove the button under the focus: what takes its place gets it.
  useLayoutEffect(() => {
    if (muteWas.current !== answer.muted) (unmute.current ?? heading.current)?.focus();
    muteWas.current = answer.muted;
  }, [answer.muted]);

  /** Runs an action of the whole panel; its error is shown below it. */
  const act = async (action: () => Promise<void>, done: string) => {
    setPending(true);
    setProblem(null);
    try {
      await action();
      say(done);
    } catch (thrown) {
      setProblem(asProblem(thrown));
    }
    setPending(false);
  };
  const mute = (muted: boolean) =>
    act(
      async () => {
        await service.mute(muted);
        source.setMuted(muted);
        if (!muted) await source.refresh();
      },
      muted ? "Muted." : "Unmuted.",
    );
  const lookAgain = () =>
    act(async () => {
      await service.lookAgain();
      await source.expectChange();
    }, "Searching again for similar issues.");
  const compare = (match: Match | null) => {
    setOpen(match?.issue_id ?? null);
    source.setPlayerOpen(match !== null);
  };

  if (answer.state === "off") return <Off />;
  if (answer.muted) {
    return (
      <Muted
        issueKey={answer.issue.key}
        pending={pending}
        problem={problem}
        buttonRef={unmute}
        onUnmute={() => void mute(false)}
      />
    );
  }

  const reading = answer.state === "indexing" || answer.state === "unknown";
  const words = wordsOnly(answer);
  const matches = answer.matches.filter((match) => !hidden.has(match.issue_id));
  const likely = matches.filter((match) => !match.weak);
  const weak = matches.filter((match) => match.weak);
  const card = (match: Match) => (
    <MatchCard
      key={match.issue_id}
      issueKey={answer.issue.key}
      match={match}
      linked={match.linked || linked.has(match.issue_id)}
      linkType={answer.link_type}
      open={open === match.issue_id}
      service={service}
      onCompare={(is) => compare(is ? match : null)}
      onMediaError={() => source.mediaFailed()}
      onLinked={() => {
        setLinked((before) => new Set(before).add(match.issue_id));
        say(`${answer.issue.key} is linked as a duplicate of ${match.key}.`);
      }}
      onHidden={() => {
        setHidden((before) => new Set(before).add(match.issue_id));
        if (open === match.issue_id) compare(null);
        say(`${match.key} won't be suggested here again.`);
        (match.weak ? (unlikely.current ?? heading.current) : heading.current)?.focus();
      }}
    />
  );
  return (
    <>
      {reading && (stalled ? <Stalled /> : <Reading answer={answer} />)}
      {likely.length > 0 && (
        <section aria-labelledby="matches-heading">
          <h2 class="heading" id="matches-heading" ref={heading} tabIndex={-1}>
            {count(likely.length, "earlier issue")} may show the same bug
          </h2>
          {words && !reading && <p class="note">{words}</p>}
          <ol class="matches" role="list">
            {likely.map(card)}
          </ol>
        </section>
      )}
      {likely.length === 0 && !reading && <Empty answer={answer} weak={weak.length > 0} />}
      {weak.length > 0 && (
        <details class="unlikely">
          <summary ref={unlikely}>{count(weak.length, "unlikely match", "unlikely matches")}</summary>
          <ol class="matches" role="list">
            {weak.map(card)}
          </ol>
        </details>
      )}
      {answer.failed.length > 0 && <FailedClips failed={answer.failed} />}
      <footer class="footer">
        <div class="footer-actions">
          <Button
            look="subtle"
            label={`Mute on this issue, ${answer.issue.key}`}
            off={pending}
            onClick={() => void mute(true)}
          >
            Mute on this issue
          </Button>
          {(!reading || stalled) && (
            <Button
              look="subtle"
              label={`Search again for issues like ${answer.issue.key}`}
              off={pending}
              onClick={() => void lookAgain()}
            >
              Search again
            </Button>
          )}
        </div>
        {answer.encoder && !reading && <p class="small-print">Compared with {answer.encoder}</p>}
      </footer>
      {problem && <InlineError problem={problem} />}
    </>
  );
}

/** What screen readers announce when the answer changes. */
function summaryOf(feed: Feed): string {
  if (feed.phase !== "ready") return feed.phase === "loading" ? "Searching for similar issues." : "";
  const { state, muted, matches } = feed.answer;
  if (state === "off" || muted) return "";
  if (state !== "ready") return "Still analysing.";
  const likely = matches.filter((match) => !match.weak).length;
  if (likely > 0) return `${count(likely, "similar issue")} found.`;
  if (matches.length === 0) return "No similar issues.";
  return `No likely match. ${count(matches.length, "unlikely match", "unlikely matches")}.`;
}
