"""Keeps the one comment on an issue up to date: rank, apply the policy, write.

Safe to run twice: the comment's text has a digest, its image is named after what it shows, and a
comment that Jira has but we forgot is found again by its marker.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from dejabug.infra.metrics import COMMENTS, SUGGESTIONS, stage
from dejabug.jira.client import JiraClient
from dejabug.jira.errors import CommentGoneError, IssueGoneError
from dejabug.jira.models import Issue
from dejabug.records.collections import Collections
from dejabug.records.comments import CommentRecord
from dejabug.records.issue_fields import OWN_PICTURES, fingerprint_of
from dejabug.records.issue_records import IssueRecords
from dejabug.records.types import ClipStatus
from dejabug.retrieval.selection import Suggestion
from dejabug.retrieval.similar_issues import (
    Answer,
)
from dejabug.settings import Settings
from dejabug.suggestions.comment_commands import CommentCommands
from dejabug.suggestions.comment_policy import CommentPolicy
from dejabug.suggestions.comment_renderer import CommentRenderer

log = structlog.get_logger()


class CommentPublisher:
    """Keeps the one comment on an issue up to date."""

    def __init__(
        self,
        jira: JiraClient,
        collections: Collections,
        records: IssueRecords,
        comment_commands: CommentCommands,
        comment_policy: CommentPolicy,
        renderer: CommentRenderer,
        settings: Settings,
    ) -> None:
        self._jira = jira
        self._collections = collections
        self._records = records
        self._comment_commands = comment_commands
        self._comment_policy = comment_policy
        self._renderer = renderer
        self._settings = settings

    def refresh(self, issue_id: str) -> list[Suggestion]:
        """Write, edit or delete our comment on an issue, depending on its matches now. Returns the
        suggestions that the comment names.

        Does nothing while the issue's text or a clip is still queued: the last one to finish calls
        this again. Raises JiraError and redis.RedisError."""
        record = self._collections.active.catalogue.issue(issue_id)
        clips = self._collections.active.catalogue.clips_of(issue_id)
        waits = any(clip.status is ClipStatus.QUEUED for clip in clips)
        if record is None or waits or self._collections.active.catalogue.words_wait(issue_id):
            return []
        try:
            issue = self._jira.issue(issue_id)
        except IssueGoneError:
            return []  # another webhook reports its deletion
        speaks = self._records.projects.rules(record.project).mode == "on"
        chosen: list[Suggestion] = []
        answer = Answer([], {}, frozenset())
        if speaks and not self._records.comments.muted(issue_id):
            answer, chosen = self._comment_policy.decide(record)
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

    @stage("comment")
    def _write(self, issue: Issue, answer: Answer, chosen: Sequence[Suggestion], note: str) -> bool:
        """Write or edit our comment, unless its text is already the same. Returns whether the
        comment was written."""
        jira, comments = self._jira, self._records.comments
        draft = self._renderer.draft(issue, answer, chosen, note)
        digest, name = draft.digest, draft.image_name
        old = comments.comment(issue.id) or self._found_again(issue.id)
        # After an interrupted write, Jira may have another text and image than we remember.
        if old is not None and old.digest == digest and not comments.begun(issue.id):
            return False
        image_id = next((file.id for file in issue.attachments if file.filename == name), "")
        comments.begin(issue.id)
        picture = None if image_id else self._renderer.image(answer, chosen)
        if picture is not None:
            image_id = jira.attach(issue.id, name, picture)
        body = self._renderer.body(draft, with_image=bool(image_id))
        comment_id = self._put(issue, old, body)
        if comment_id is None:
            # Somebody deleted our comment. They don't want it, so we don't write another.
            COMMENTS.labels("deleted").inc()
            log.info("comment_was_deleted", issue=issue.key)
            if image_id:
                jira.delete_attachment(image_id)
            comments.put_comment(issue.id, old and CommentRecord(old.id, digest))
            return False
        # Before the comment counts as written: if this is interrupted, all of it runs again.
        self._clear_images(issue, keep=name)
        names = comments.note_tells_of(issue.id).union(*(choice.issues() for choice in chosen))
        record = CommentRecord(comment_id, digest, image_id, tuple(sorted(names)))
        comments.put_comment(issue.id, record)
        COMMENTS.labels("written" if old is None else "edited").inc()
        SUGGESTIONS.labels("comment").inc(len(chosen))
        log.info(
            "comment_written",
            issue=issue.key,
            edited=old is not None,
            encoder=self._collections.active.label(),
        )
        return True

    def _changed_meanwhile(self, answer: Answer, chosen: Sequence[Suggestion]) -> bool:
        """Whether an issue that we just named has changed since we read it.

        From now on, a change to such an issue updates our comment. While the comment was being
        written, it did not."""
        kinds = self._settings.duplicate_link_types
        named = set().union(*(choice.issues() for choice in chosen)) & answer.tickets.keys()
        now = self._jira.issues(named) if named else {}
        return any(
            other not in now
            or fingerprint_of(now[other], kinds) != fingerprint_of(answer.tickets[other], kinds)
            for other in named
        )

    def _put(self, issue: Issue, old: CommentRecord | None, body: str) -> str | None:
        """Edit our comment, or write one if there is none. Returns its id, or None if somebody
        deleted it."""
        if old is not None:
            try:
                self._jira.update_comment(issue.id, old.id, body)
                return old.id
            except CommentGoneError:
                if old.digest:
                    return None
        return self._jira.create_comment(issue.id, body, internal=issue.service_project)

    def _withdraw(self, issue: Issue) -> None:
        """Delete our comment and its images, even if a job was interrupted while writing them."""
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
        self._clear_images(issue, keep="")
        self._records.comments.put_comment(issue.id, None)
        COMMENTS.labels("withdrawn").inc()
        log.info("comment_withdrawn", issue_id=issue.id)

    def _found_again(self, issue_id: str) -> CommentRecord | None:
        """Our comment, if Jira has one that we don't remember."""
        found = self._jira.find_own_comment(issue_id)
        return CommentRecord(found, "") if found else None

    def _clear_images(self, issue: Issue, *, keep: str) -> None:
        """Delete the images of earlier versions of our comment."""
        us = self._jira.myself()
        for file in issue.attachments:
            ours = file.filename.startswith(OWN_PICTURES) and file.author_id == us
            if ours and file.filename != keep:
                self._jira.delete_attachment(file.id)
