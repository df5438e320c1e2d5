"""Reads a comment in Jira that may contain commands for us, and carries them out once."""

from __future__ import annotations

from dejabug.ingest.issue_sync import IssueSync
from dejabug.ingest.scheduling import Scheduler
from dejabug.jira.client import JiraClient
from dejabug.jira.errors import CommentGoneError, IssueGoneError
from dejabug.records.collections import Collections
from dejabug.records.comments import CommentStore
from dejabug.suggestions.comment_commands import CommentCommands, commands_of


class CommentEvents:
    """Handles comments that webhooks report. Raises JiraError and redis.RedisError."""

    def __init__(
        self,
        jira: JiraClient,
        collections: Collections,
        comments: CommentStore,
        issue_sync: IssueSync,
        comment_commands: CommentCommands,
        scheduler: Scheduler,
    ) -> None:
        self._jira = jira
        self._collections = collections
        self._comments = comments
        self._issue_sync = issue_sync
        self._comment_commands = comment_commands
        self._scheduler = scheduler

    def handle(self, issue_id: str, comment_id: str) -> None:
        """Carry out the commands in a comment, if it has any. Each comment is handled once; our own
        comments are ignored."""
        if self._comments.obeyed(comment_id):
            return
        try:
            issue = self._jira.issue(issue_id)
            comment = self._jira.comment(issue_id, comment_id)
        except (IssueGoneError, CommentGoneError):
            return
        if comment.author_id == self._jira.myself():
            return
        commands = commands_of(comment, customers=issue.service_project)
        if not commands:
            return
        self._issue_sync.take_in(issue, watch=True)
        record = self._collections.active.catalogue.issue(issue_id)
        if record is not None:
            self._comment_commands.handle(record, comment.author, commands)
            self._comments.put_obeyed(comment_id)
            self._scheduler.requeue_clips(issue_id)
            self._scheduler.suggest(issue_id)
