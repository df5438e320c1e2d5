"""An issue's one comment, brought in line with what is known now: rank, policy, write.

May run twice with the same end: what the comment says has a digest, its picture is named after
that digest, and a comment that Jira has but we forgot is found again by its marker.
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
    """Brings an issue's one comment in line with what is known now."""

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
        """Write or edit our comment, unless it says so already; whether that was done."""
        jira, comments = self._jira, self._records.comments
        draft = self._renderer.draft(answer, chosen, note)
        digest, name = draft.digest, draft.image_name
        old = comments.comment(issue.id) or self._found_again(issue.id)
        # Begun and not ended, Jira may have another text and another picture than we remember.
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
            # Somebody took our comment away: that is an answer, so no new one is written.
            COMMENTS.labels("deleted").inc()
            log.info("comment_was_deleted", issue=issue.key)
            if image_id:
                jira.delete_attachment(image_id)
            comments.put_comment(issue.id, old and CommentRecord(old.id, digest))
            return False
        # Before it counts as ended: what is interrupted here is done again.
        self._clear_images(issue, keep=name)
        names = comments.note_tells_of(issue.id).union(*(choice.issues() for choice in chosen))
        record = CommentRecord(comment_id, digest, image_id, tuple(sorted(names)))
        comments.put_comment(issue.id, record)
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
        """Delete our comment and its pictures, also where a job was interrupted while writing."""
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
        """A comment of ours that Jira has and we do not remember."""
        found = self._jira.find_own_comment(issue_id)
        return CommentRecord(found, "") if found else None

    def _clear_images(self, issue: Issue, *, keep: str) -> None:
        """Take away the pictures that earlier versions of our comment showed."""
        us = self._jira.myself()
        for file in issue.attachments:
            ours = file.filename.startswith(OWN_PICTURES) and file.author_id == us
            if ours and file.filename != keep:
                self._jira.delete_attachment(file.id)
