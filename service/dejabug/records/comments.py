"""Records of our comments: the comment on each issue, mutes, the last answer to a command."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import redis

from dejabug.index import text_of

MUTED = "dejabug:muted"
# Issues on which Jira may have a comment of ours that is not recorded: we started to write it, or
# the issue was hidden from us.
BEGUN = "dejabug:comments-begun"
# Seconds that a processed command is remembered: longer than webhooks are repeated.
OBEYED_MEMORY = 7 * 24 * 3600


@dataclass(frozen=True)
class CommentRecord:
    """Our comment on an issue: its id, a digest of its text, the attachment id of its image, and
    the ids of the issues that it lists. Without a digest, it must be written again."""

    id: str
    digest: str
    strip_id: str = ""
    names: tuple[str, ...] = ()


class CommentStore:
    """The records in Redis."""

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection

    def comment(self, issue_id: str) -> CommentRecord | None:
        """Our comment on this issue, if recorded."""
        found: Mapping[Any, Any] = self._redis.hgetall(_comment_key(issue_id))
        if not found:
            return None
        read = {text_of(name): text_of(value) for name, value in found.items()}
        names = tuple(read.get("names", "").split())
        return CommentRecord(read["id"], read["digest"], read.get("strip_id", ""), names)

    def put_comment(
        self, issue_id: str, comment: CommentRecord | None, *, begun: bool = False
    ) -> None:
        """Record our comment on this issue, or that none is known; `begun`: Jira may still have
        one."""
        old = self.comment(issue_id)
        before = set(old.names) if old is not None else set()
        now = set(comment.names) if comment is not None else set()
        with self._redis.pipeline(transaction=True) as pipe:
            for other in before - now:
                pipe.srem(_named_key(other), issue_id)
            for other in now - before:
                pipe.sadd(_named_key(other), issue_id)
            pipe.delete(_comment_key(issue_id))
            if begun:
                pipe.sadd(BEGUN, issue_id)
            else:
                pipe.srem(BEGUN, issue_id)
            if comment is not None:
                mapping: dict[Any, Any] = {**asdict(comment), "names": " ".join(comment.names)}
                pipe.hset(_comment_key(issue_id), mapping=mapping)
            pipe.execute()

    def begin(self, issue_id: str) -> None:
        """Record that our comment on this issue, or its image, is about to be sent to Jira."""
        self._redis.sadd(BEGUN, issue_id)

    def begun(self, issue_id: str) -> bool:
        """Whether Jira may have a comment or an image of ours that is not recorded."""
        return bool(self._redis.sismember(BEGUN, issue_id))

    def reopen(self, issue_id: str) -> None:
        """Have our comment written again, even if its text is the same or a person deleted it."""
        old = self.comment(issue_id)
        if old is not None:
            self.put_comment(issue_id, replace(old, digest=""))

    def naming(self, issue_id: str) -> list[str]:
        """The issues on which our comment lists this one."""
        return sorted(text_of(each) for each in self._redis.smembers(_named_key(issue_id)))

    def mute(self, issue_id: str, muted: bool) -> None:
        """Switch suggestions on this issue off (`muted`) or on."""
        if muted:
            self._redis.sadd(MUTED, issue_id)
        else:
            self._redis.srem(MUTED, issue_id)

    def muted(self, issue_id: str) -> bool:
        """Whether suggestions on this issue are off."""
        return bool(self._redis.sismember(MUTED, issue_id))

    def note(self, issue_id: str) -> str:
        """Our last answer to a command on this issue, in wiki markup, or an empty string."""
        found = self._redis.get(_note_key(issue_id))
        return text_of(found) if found else ""

    def note_tells_of(self, issue_id: str) -> set[str]:
        """The ids of the issues that our last answer there mentions."""
        return {text_of(each) for each in self._redis.smembers(_told_key(issue_id))}

    def put_note(self, issue_id: str, note: str, tells_of: Collection[str] = ()) -> None:
        """Store our last answer; an empty one deletes it."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(_note_key(issue_id), _told_key(issue_id))
            if note:
                pipe.set(_note_key(issue_id), note)
            if tells_of:
                pipe.sadd(_told_key(issue_id), *tells_of)
            pipe.execute()

    def obeyed(self, comment_id: str) -> bool:
        """Whether a comment's command was already processed."""
        return bool(self._redis.exists(_obeyed_key(comment_id)))

    def put_obeyed(self, comment_id: str) -> None:
        """Record that a comment's command was processed."""
        self._redis.set(_obeyed_key(comment_id), 1, ex=OBEYED_MEMORY)

    def forget_issue(self, issue_id: str, *, may_return: bool) -> None:
        """Delete the records of an issue that is gone. Comments that list it stay recorded until
        they are written again. If it `may_return`, it stays recorded whether Jira has our comment
        there, and whether it is muted."""
        commented = self.comment(issue_id) is not None or self.begun(issue_id)
        self.put_comment(issue_id, None, begun=commented and may_return)
        self.put_note(issue_id, "")
        if not may_return:
            self.mute(issue_id, False)


def _comment_key(issue_id: str) -> str:
    return f"dejabug:comment:{issue_id}"


def _named_key(issue_id: str) -> str:
    return f"dejabug:named-on:{issue_id}"


def _note_key(issue_id: str) -> str:
    return f"dejabug:note:{issue_id}"


def _told_key(issue_id: str) -> str:
    return f"dejabug:note-tells-of:{issue_id}"


def _obeyed_key(comment_id: str) -> str:
    return f"dejabug:obeyed:{comment_id}"
