"""An issue's one comment, brought in line with what is known now: rank, policy, write.

May run twice with the same end: what the comment says has a digest, its picture is named after
that digest, and a comment that Jira has but we forgot is found again by its marker.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from dejabug import policy
from dejabug.catalogue import ClipStatus, CommentRecord, IssueRecord
from dejabug.jira.comments import MomentPair, Suggested, clock, render
from dejabug.jira.errors import CommentGoneError, IssueGoneError
from dejabug.jira.models import Issue
from dejabug.pictures import Panel, strip
from dejabug.policy import PairMatch, Ticket
from dejabug.rooms import Rooms
from dejabug.settings import Settings

log = structlog.get_logger()

# Ranked issues that are re-read from Jira before policy: enough that a few hidden ones among them
# do not empty the comment.
RE_READ = 20
# Seconds within which two frames of a clip show the same moment.
SAME_MOMENT = 1.0


@dataclass(frozen=True)
class Answer:
    """What was found for an issue: every ranked pair, and those that its comment may name.

    `rejected` are the issues that somebody said are not similar to it.
    """

    ranked: list[PairMatch]
    chosen: list[PairMatch]
    tickets: dict[str, Issue]
    rejected: frozenset[str] = frozenset()


def refresh_comment(place: Rooms, issue_id: str) -> None:
    """Write, edit or delete our comment on an issue, as its matches now demand.

    Does nothing while its words or one of its clips still wait: the last one to finish asks again.
    """
    record = place.catalogue.issue(issue_id)
    clips = place.catalogue.clips_of(issue_id)
    waits = any(clip.status is ClipStatus.QUEUED for clip in clips)
    if record is None or waits or place.catalogue.words_wait(issue_id):
        return
    try:
        issue = place.jira.issue(issue_id)
    except IssueGoneError:
        return  # its deletion has a webhook of its own
    answer = find_for_issue(place, record)
    log.info(
        "issue_ranked",
        issue=record.key,
        best=round(answer.ranked[0].score, 3) if answer.ranked else None,
        suggested=[answer.tickets[pair.found_issue_id].key for pair in answer.chosen],
    )
    if answer.chosen:
        _write(place, issue, answer)
    else:
        _withdraw(place, issue_id)


def find_for_issue(place: Rooms, record: IssueRecord) -> Answer:
    """Rank the clips of other issues against this issue's, and ask the policy what to comment."""
    settings = place.settings
    projects = settings.projects_beside(record.project)
    pairs: list[PairMatch] = []
    for clip in place.catalogue.clips_of(record.id):
        if clip.status is ClipStatus.INDEXED:
            matches = place.finder.like_clip(clip.id, projects)
            places = place.index.places(match.clip_id for match in matches)
            issue_of = {clip_id: where.issue_id for clip_id, where in places.items()}
            pairs += policy.pair_matches(clip.id, matches, issue_of)
    ranked = sorted(policy.best_per_issue(record.id, pairs), key=lambda pair: -pair.score)
    tickets = place.jira.issues([record.id, *(pair.found_issue_id for pair in ranked[:RE_READ])])
    rejected = place.verdicts.rejected(record.id, (pair.found_issue_id for pair in ranked))
    answer = Answer(ranked, [], tickets, frozenset(rejected))
    threshold, limit = settings.comment_threshold, settings.max_suggestions
    return replace(
        answer, chosen=choose(answer, record, settings, threshold=threshold, limit=limit)
    )


def choose(
    answer: Answer, record: IssueRecord, settings: Settings, *, threshold: float, limit: int
) -> list[PairMatch]:
    """The ranked pairs that the policy allows on this issue; none when Jira hides the issue."""
    own = answer.tickets.get(record.id)
    if own is None:
        return []
    return policy.to_comment(
        _ticket(own),
        answer.ranked,
        {issue_id: _ticket(issue) for issue_id, issue in answer.tickets.items()},
        settings.projects_beside(record.project),
        threshold=threshold,
        limit=limit,
        rejected=answer.rejected,
    )


def picture_strip(place: Rooms, pairs: Sequence[PairMatch], keys: dict[str, str]) -> bytes | None:
    """The new clip's moments beside the found ones' → a PNG, or None when no pictures are kept.

    `keys` are issue keys by issue id. One row where all matches are of about the same moment of the
    new clip; else two, each found moment below the one that it matches.
    """
    seen: list[Panel] = []
    found: list[Panel] = []
    times: list[float] = []
    for pair in pairs:
        if not pair.moments:
            continue
        moment = pair.moments[0]
        here = place.pictures.read(pair.clip_id, moment.query_time)
        there = place.pictures.read(pair.found_clip_id, moment.match_time)
        if here and there:
            times.append(moment.query_time)
            seen.append(Panel(here, f"this ticket, {clock(moment.query_time)}", accent=True))
            caption = f"{keys[pair.found_issue_id]}, {clock(moment.match_time)}"
            found.append(Panel(there, caption))
    if not found:
        return None
    one_clip = len({pair.clip_id for pair in pairs}) == 1
    if one_clip and max(times) - min(times) <= SAME_MOMENT:
        return strip([[seen[0], *found]])
    return strip([seen, found])


def _write(place: Rooms, issue: Issue, answer: Answer) -> None:
    jira, catalogue = place.jira, place.catalogue
    suggestions = [_suggested(place, pair, answer) for pair in answer.chosen]
    label = place.encoder_label()
    digest = hashlib.sha256(repr((suggestions, label)).encode()).hexdigest()[:16]
    old = catalogue.comment(issue.id)
    if old is None:
        found = jira.find_own_comment(issue.id)
        old = CommentRecord(found, "") if found else None
    if old is not None and old.digest == digest:
        return
    name = f"dejabug-{digest}.png"
    strip_id = next((file.id for file in issue.attachments if file.filename == name), "")
    keys = {issue_id: ticket.key for issue_id, ticket in answer.tickets.items()}
    picture = None if strip_id else picture_strip(place, answer.chosen, keys)
    if picture is not None:
        strip_id = jira.attach(issue.id, name, picture)
    body = render(
        suggestions,
        strip=name if strip_id else None,
        encoder=label,
        browse_url=place.settings.jira_url,
    )
    if old is None:
        comment_id = jira.create_comment(issue.id, body)
    else:
        comment_id = old.id
        try:
            jira.update_comment(issue.id, comment_id, body)
        except CommentGoneError:
            # Somebody took our comment away: that is an answer, so no new one is written.
            log.info("comment_was_deleted", issue=issue.key)
            catalogue.put_comment(issue.id, CommentRecord(comment_id, digest))
            if strip_id:
                jira.delete_attachment(strip_id)
            return
    catalogue.put_comment(issue.id, CommentRecord(comment_id, digest, strip_id))
    _clear_strips(place, issue, keep=name)
    log.info("comment_written", issue=issue.key, edited=old is not None)


def _withdraw(place: Rooms, issue_id: str) -> None:
    old = place.catalogue.comment(issue_id)
    if old is None:
        return
    place.jira.delete_comment(issue_id, old.id)
    if old.strip_id:
        place.jira.delete_attachment(old.strip_id)
    place.catalogue.put_comment(issue_id, None)
    log.info("comment_withdrawn", issue_id=issue_id)


def _clear_strips(place: Rooms, issue: Issue, *, keep: str) -> None:
    """Take away the pictures that earlier versions of our comment showed."""
    us = place.jira.myself()
    for file in issue.attachments:
        ours = file.filename.startswith("dejabug-") and file.author_id == us
        if ours and file.filename != keep:
            place.jira.delete_attachment(file.id)


def _suggested(place: Rooms, pair: PairMatch, answer: Answer) -> Suggested:
    issue = answer.tickets[pair.found_issue_id]
    clips = {clip.id: clip for clip in place.catalogue.clips_of(issue.id)}
    found = clips.get(pair.found_clip_id)
    return Suggested(
        key=issue.key,
        summary=issue.summary,
        status=issue.status,
        resolution=issue.resolution,
        fix_versions=issue.fix_versions,
        score=round(pair.score, 2),
        moments=tuple(
            MomentPair(
                moment.query_start,
                moment.query_end,
                moment.match_start,
                moment.match_end,
                round(moment.similarity, 2),
            )
            for moment in pair.moments
        ),
        filename=found.filename if found is not None and len(clips) > 1 else None,
        kinds=tuple(place.catalogue.tags(issue.id)),
    )


def _ticket(issue: Issue) -> Ticket:
    return Ticket(issue.id, issue.project, restricted=issue.security is not None)
