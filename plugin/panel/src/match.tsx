/** One earlier issue that may show the same bug. */

import { useLayoutEffect, useRef } from "preact/hooks";

import { nearestPicture, pictureName } from "@player/clock.js";

import { type Clip, type Match, pairOf } from "./answer";
import { MatchActions, useVerdict } from "./actions";
import { ExternalLink } from "./link";
import { IconWarning } from "./icons";
import { LoneClip } from "./lone";
import { Player } from "./player";
import type { Service } from "./service";
import { addressBeside, clock, momentText, scoreText, webAddress } from "./text";

/** Moments named on the card; the player has them all. */
const MOMENTS_NAMED = 2;

interface Props {
  issueKey: string;
  match: Match;
  linked: boolean;
  linkType: string;
  open: boolean;
  service: Service;
  onCompare: (open: boolean) => void;
  onMediaError: () => void;
  onLinked: () => void;
  onHidden: () => void;
}

export function MatchCard(props: Props) {
  const { issueKey, match, open, onCompare, onMediaError } = props;
  const pair = pairOf(match);
  const playing = open && pair !== null;
  const verdict = useVerdict(props);
  const compareButton = useRef<HTMLButtonElement>(null);
  const wasOpen = useRef(false);
  useLayoutEffect(() => {
    if (wasOpen.current && !open) compareButton.current?.focus();
    wasOpen.current = open;
  }, [open]);

  return (
    <li class="match" aria-label={`${match.key}: ${match.summary}`} data-key={match.key}>
      <div class={`match-body${pair && !playing ? " match-body-pictures" : ""}`}>
        <div class="match-text">
          {!playing && <Strength match={match} />}
          <h3 class="match-title">
            <ExternalLink url={match.url} class="match-key">
              {match.key}
            </ExternalLink>
            <span class="match-summary">{match.summary}</span>
          </h3>
          <Facts match={match} />
          <Filed match={match} />
          {match.regression && (
            <p class="regression">
              <IconWarning /> Possible regression: {match.regression}
            </p>
          )}
          {/* The player shows the moments and the score itself. */}
          {!playing && <Moments match={match} />}
          {!playing && <Reasons match={match} />}
        </div>
        {pair && !playing && (
          <Thumbnails
            issueKey={issueKey}
            match={match}
            here={pair.here}
            there={pair.there}
            onOpen={() => onCompare(true)}
            onMediaError={onMediaError}
          />
        )}
      </div>
      {pair && playing && (
        <Player
          issueKey={issueKey}
          match={match}
          here={pair.here}
          there={pair.there}
          heatMaps={props.service.heatMaps}
          verdict={verdict}
          onClose={() => onCompare(false)}
          onMediaError={onMediaError}
        />
      )}
      {match.there && !match.here && (
        <LoneClip clip={match.there} of={match.key} onMediaError={onMediaError} />
      )}
      {!playing && (
        <MatchActions
          issueKey={issueKey}
          match={match}
          canCompare={pair !== null}
          verdict={verdict}
          compareButton={compareButton}
          onCompare={() => onCompare(true)}
        />
      )}
    </li>
  );
}

function Strength({ match }: { match: Match }) {
  return (
    <p class="strength">
      <Bar value={match.score} />
      <span class="strength-words">{match.strength}</span>
      <span class="small-print">score {scoreText(match.score)}</span>
    </p>
  );
}

/** The reasons for the score. The text says all that the bars show. */
function Reasons({ match }: { match: Match }) {
  // The label already says that it is the same file. An earlier version of the service sends none.
  const reasons = match.same_file ? [] : (match.reasons ?? []);
  if (reasons.length === 0) return null;
  return (
    <ul class="reasons" aria-label={`Why ${match.key} has this score`}>
      {reasons.map(({ kind, strength, text }) => (
        <li class={`reason${strength < 0.5 ? " reason-against" : ""}`} key={kind}>
          <Bar value={strength} />
          {text}
        </li>
      ))}
    </ul>
  );
}

/** A bar from 0 to 1, next to text that says the same. */
function Bar({ value }: { value: number }) {
  const percent = Math.round(100 * Math.min(Math.max(value, 0), 1));
  return (
    <svg class="bar strength-bar" aria-hidden="true">
      <rect class="bar-track" width="100%" height="100%" rx="2" />
      <rect class="bar-value" width={`${percent}%`} height="100%" rx="2" />
    </svg>
  );
}

function Facts({ match }: { match: Match }) {
  return (
    <ul class="facts" aria-label={`About ${match.key}`}>
      <li>
        <span class={`lozenge lozenge-${statusColour(match)}`}>{match.status}</span>
      </li>
      {match.resolution && match.resolution !== match.status && (
        <li class="subtle">{match.resolution}</li>
      )}
      {match.resolution && !match.regression && match.fix_versions.length > 0 && (
        <li class="subtle">Fix version: {match.fix_versions.join(", ")}</li>
      )}
      {match.kinds.map((kind) => (
        <li class="tag" key={kind}>
          {kind}
        </li>
      ))}
      {match.also.length > 0 && (
        <li class="subtle">
          also{" "}
          {match.also.map((key, index) => (
            <span key={key}>
              {index > 0 && ", "}
              <ExternalLink url={addressBeside(match.url, match.key, key)}>{key}</ExternalLink>
            </span>
          ))}
        </li>
      )}
    </ul>
  );
}

const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

/** When the ticket was filed, by whom, and who works on it; nothing where that is unknown, as with an
 * earlier version of the service. */
function Filed({ match }: { match: Match }) {
  const day = /^\d{4}-\d\d-\d\d/.exec(match.created ?? "")?.[0];
  // The day as Jira writes it, whatever the viewer's time zone.
  const date = day && !Number.isNaN(Date.parse(day)) ? ` ${DAY.format(new Date(day))}` : "";
  const by = match.reporter ? ` by ${match.reporter}` : "";
  const parts = [];
  if (date || by) parts.push(`Filed${date}${by}`);
  if (match.assignee) parts.push(parts.length ? `assigned to ${match.assignee}` : `Assigned to ${match.assignee}`);
  if (parts.length === 0) return null;
  return <p class="filed subtle">{parts.join(" · ")}</p>;
}

/** Jira colours a status by its category. */
function statusColour({ status_category }: Match) {
  if (status_category === "done" || status_category === "new") return status_category;
  return "progress";
}

function Moments({ match }: { match: Match }) {
  if (match.by === "words") {
    return <p class="moments subtle">Found by the tickets' text.</p>;
  }
  // Of the same file, every moment matches.
  if (match.moments.length === 0 || match.same_file) return null;
  const more = match.moments.length - MOMENTS_NAMED;
  return (
    <ul class="moments subtle" aria-label={`Moments of ${match.key} that match`}>
      {match.moments.slice(0, MOMENTS_NAMED).map((moment, index) => (
        <li key={index}>
          {momentText(moment)}
          {more > 0 && index === MOMENTS_NAMED - 1 && `, and ${more} more`}
        </li>
      ))}
    </ul>
  );
}

interface ThumbnailsProps {
  issueKey: string;
  match: Match;
  here: Clip;
  there: Clip;
  onOpen: () => void;
  onMediaError: () => void;
}

/** The frame of the matching moment in both clips. A click opens the player; the keyboard uses "Compare". */
function Thumbnails({ issueKey, match, here, there, onOpen, onMediaError }: ThumbnailsProps) {
  const moment = match.moments[0];
  return (
    <div class="thumbnails" onClick={onOpen}>
      <Thumbnail clip={here} at={moment?.here_at ?? 0} of={`${issueKey}, this issue`} caption="This issue" onError={onMediaError} />
      <Thumbnail clip={there} at={moment?.there_at ?? 0} of={match.key} caption={match.key} onError={onMediaError} />
    </div>
  );
}

interface ThumbnailProps {
  clip: Clip;
  at: number;
  of: string;
  caption: string;
  onError: () => void;
}

function Thumbnail({ clip, at, of, caption, onError }: ThumbnailProps) {
  const media = webAddress(clip.media);
  const picture = nearestPicture(clip.times, at);
  return (
    <figure class="thumbnail">
      {media && picture !== null && (
        <img
          src={`${media}/${pictureName(picture)}`}
          alt={`${of} at ${clock(at)}`}
          loading="lazy"
          decoding="async"
          draggable={false}
          onError={onError}
        />
      )}
      <figcaption class="thumbnail-caption" aria-hidden="true">
        <span>{caption}</span>
        <span>{clock(at)}</span>
      </figcaption>
    </figure>
  );
}
