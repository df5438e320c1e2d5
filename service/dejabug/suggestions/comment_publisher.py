"""An issue's one comment, brought in line with what is known now: rank, policy, write.

May run twice with the same end: what the comment says has a digest, its picture is named after
that digest, and a comment that Jira has but we forgot is found again by its marker.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import structlog

from dejabug.infra.labels import rounded_down
from dejabug.infra.metrics import COMMENTS, SUGGESTIONS, stage
from dejabug.jira.client import JiraClient
from dejabug.jira.comments import MomentPair, Suggested, clock, render
from dejabug.jira.errors import CommentGoneError, IssueGoneError
from dejabug.jira.models import Issue
from dejabug.media_store.comparison_image import Panel, draw_comparison
from dejabug.media_store.store import MediaStore
from dejabug.records.collections import Collections
from dejabug.records.comments import CommentRecord
from dejabug.records.issue_fields import OWN_PICTURES, fingerprint_of
from dejabug.records.issue_records import IssueRecords
from dejabug.records.types import ClipStatus
from dejabug.retrieval.pairs import PairMatch
from dejabug.retrieval.results import Result, Results
from dejabug.retrieval.selection import Suggestion
from dejabug.retrieval.similar_issues import (
    Answer,
    SimilarIssues,
)
from dejabug.settings import Settings
from dejabug.suggestions.comment_commands import CommentCommands
from dejabug.suggestions.policy import CommentPolicy

log = structlog.get_logger()

# Seconds within which two frames of a clip show the same moment.
SAME_MOMENT = 1.0


class CommentPublisher:
    """Brings an issue's one comment in line with what is known now."""

    def __init__(
        self,
        jira: JiraClient,
        collections: Collections,
        media: MediaStore,
        records: IssueRecords,
        comment_commands: CommentCommands,
        comment_policy: CommentPolicy,
        similar_issues: SimilarIssues,
        results: Results,
        settings: Settings,
    ) -> None:
        self._jira = jira
        self._collections = collections
        self._media = media
        self._records = records
        self._comment_commands = comment_commands
        self._comment_policy = comment_policy
        self._similar_issues = similar_issues
        self._results = results
        self._settings = settings

    def refresh(self, issue_id: str) -> list[Suggestion]:
        """Write, edit or delete our comment on an issue, as its matches now demand; what it names.

        Does nothing while its words or one of its clips still wait: the last one to finish asks
        again."""
        record = self._collections.active.catalogue.issue(issue_id)
        clips = self._collections.active.catalogue.clips_of(issue_id)
        waits = any(clip.status is ClipStatus.QUEUED for clip in clips)
        if record is None or waits or self._collections.active.catalogue.words_wait(issue_id):
            return []
        try:
            issue = self._jira.issue(issue_id)
        except IssueGoneError:
            return []  # its deletion has a webhook of its own
        speaks = self._records.projects.rules(record.project).mode == "on"
        chosen: list[Suggestion] = []
        answer = Answer([], {}, frozenset())
        if speaks and not self._records.comments.muted(issue_id):
            answer = self._similar_issues.find_for_issue(record)
            threshold = self._comment_policy.threshold(record.project, answer)
            limit = self._settings.max_suggestions
            chosen = self._comment_policy.choose(record, answer, threshold=threshold, limit=limit)
            log.info(
                "issue_ranked",
                issue=record.key,
                best=round(answer.ranked[0].score, 3) if answer.ranked else None,
                suggested=[answer.tickets[choice.issue_id].key for choice in chosen],
            )
        note = self._comment_commands.standing_note(record) if speaks else ""
        if chosen or note:
            written = self._write(issue, answer, chosen, note)
            if written and self._changed_meanwhile(answer, chosen):
                return self.refresh(issue_id)
        else:
            self._withdraw(issue)
        return chosen

    def comparison_image(self, pairs: Sequence[PairMatch], keys: dict[str, str]) -> bytes | None:
        """The new clip's moments beside the found ones' → a PNG, or None when no pictures are kept.

        `keys` are issue keys by issue id. One row where all matches are of about the same moment of
        the new clip; else two, each found moment below the one that it matches."""
        seen: list[Panel] = []
        found: list[Panel] = []
        times: list[float] = []
        for pair in pairs:
            if not pair.moments:
                continue
            moment = pair.moments[0]
            here = self._media.thumbnails.read(pair.clip_id, moment.query_time)
            there = self._media.thumbnails.read(pair.found_clip_id, moment.match_time)
            if here and there:
                times.append(moment.query_time)
                seen.append(Panel(here, f"this ticket, {clock(moment.query_time)}", accent=True))
                caption = f"{keys[pair.found_issue_id]}, {clock(moment.match_time)}"
                found.append(Panel(there, caption))
        if not found:
            return None
        one_clip = len({pair.clip_id for pair in pairs}) == 1
        if one_clip and max(times) - min(times) <= SAME_MOMENT:
            return draw_comparison([[seen[0], *found]])
        return draw_comparison([seen, found])

    @stage("comment")
    def _write(self, issue: Issue, answer: Answer, chosen: Sequence[Suggestion], note: str) -> bool:
        """Write or edit our comment, unless it says so already; whether that was done."""
        jira, ledger = self._jira, self._records.comments
        results = self._results.of(chosen, answer.tickets)
        suggestions = [
            self._suggested(choice, result) for choice, result in zip(chosen, results, strict=True)
        ]
        label = self._collections.active.label()
        digest = hashlib.sha256(repr((suggestions, note, label)).encode()).hexdigest()[:16]
        old = ledger.comment(issue.id) or self._found_again(issue.id)
        # Begun and not ended, Jira may have another text and another picture than we remember.
        if old is not None and old.digest == digest and not ledger.begun(issue.id):
            return False
        name = f"{OWN_PICTURES}{digest}.png"
        strip_id = next((file.id for file in issue.attachments if file.filename == name), "")
        pairs = [choice.pair for choice in chosen]
        ledger.begin(issue.id)
        picture = None if strip_id else self.comparison_image(pairs, answer.keys())
        if picture is not None:
            strip_id = jira.attach(issue.id, name, picture)
        body = render(
            suggestions,
            note=note,
            strip=name if strip_id else None,
            encoder=label,
            browse_url=self._settings.jira_url,
        )
        comment_id = self._put(issue, old, body)
        if comment_id is None:
            # Somebody took our comment away: that is an answer, so no new one is written.
            COMMENTS.labels("deleted").inc()
            log.info("comment_was_deleted", issue=issue.key)
            if strip_id:
                jira.delete_attachment(strip_id)
            ledger.put_comment(issue.id, old and CommentRecord(old.id, digest))
            return False
        # Before it counts as ended: what is broken off here is done again.
        self._clear_strips(issue, keep=name)
        names = ledger.note_tells_of(issue.id).union(*(choice.issues() for choice in chosen))
        record = CommentRecord(comment_id, digest, strip_id, tuple(sorted(names)))
        ledger.put_comment(issue.id, record)
        COMMENTS.labels("written" if old is None else "edited").inc()
        SUGGESTIONS.labels("comment").inc(len(chosen))
        log.info("comment_written", issue=issue.key, edited=old is not None)
        return True

    def _changed_meanwhile(self, answer: Answer, chosen: Sequence[Suggestion]) -> bool:
        """Whether an issue that we just named says something else by now, or may be read by others.

        From here on our comment is known to name it, and is corrected when it changes; it was not
        known while it was written."""
        kinds = self._settings.duplicate_link_types
        named = set().union(*(choice.issues() for choice in chosen)) & answer.tickets.keys()
        now = self._jira.issues(named) if named else {}
        return any(
            other not in now
            or fingerprint_of(now[other], kinds) != fingerprint_of(answer.tickets[other], kinds)
            for other in named
        )

    def _put(self, issue: Issue, old: CommentRecord | None, body: str) -> str | None:
        """Edit our comment, or write it where there is none; its id, None where a person deleted
        it."""
        if old is not None:
            try:
                self._jira.update_comment(issue.id, old.id, body)
                return old.id
            except CommentGoneError:
                if old.digest:
                    return None
        return self._jira.create_comment(issue.id, body, internal=issue.service_project)

    def _withdraw(self, issue: Issue) -> None:
        """Take away our comment and its pictures, also where a job was broken off while writing."""
        old, begun = (
            self._records.comments.comment(issue.id),
            self._records.comments.begun(issue.id),
        )
        if begun and old is None:
            old = self._found_again(issue.id)
        if old is None and not begun:
            return
        if old is not None:
            self._jira.delete_comment(issue.id, old.id)
        self._clear_strips(issue, keep="")
        self._records.comments.put_comment(issue.id, None)
        COMMENTS.labels("withdrawn").inc()
        log.info("comment_withdrawn", issue_id=issue.id)

    def _found_again(self, issue_id: str) -> CommentRecord | None:
        """A comment of ours that Jira has and we do not remember."""
        found = self._jira.find_own_comment(issue_id)
        return CommentRecord(found, "") if found else None

    def _clear_strips(self, issue: Issue, *, keep: str) -> None:
        """Take away the pictures that earlier versions of our comment showed."""
        us = self._jira.myself()
        for file in issue.attachments:
            ours = file.filename.startswith(OWN_PICTURES) and file.author_id == us
            if ours and file.filename != keep:
                self._jira.delete_attachment(file.id)

    def _suggested(self, choice: Suggestion, result: Result) -> Suggested:
        """What the comment says of a result. Its digest is made of this: another number or field
        here edits every comment once."""
        names = {
            clip.id: clip.filename
            for clip in self._collections.active.catalogue.clips_of(choice.pair.found_issue_id)
        }
        return Suggested(
            key=result.key,
            summary=result.summary,
            status=result.status,
            resolution=result.resolution,
            fix_versions=tuple(result.fix_versions),
            # Only as exact as it is shown, or a comment would be edited without a visible change.
            score=rounded_down(result.score),
            moments=tuple(
                MomentPair(*moment.here, *moment.there, round(moment.similarity, 2))
                for moment in result.moments
                if moment.here is not None
            ),
            filename=names.get(choice.pair.found_clip_id) if len(names) > 1 else None,
            kinds=tuple(result.kinds),
            also=tuple(key for key in result.also if key != result.clip_on),
            clip_on=result.clip_on,
            same_file=result.same_file,
            same_recording=result.same_recording,
        )
