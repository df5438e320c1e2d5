"""The records of issues, clips and ticket texts in Redis: `issues.py`, `clips.py` and
`ticket_words.py` combined. Frames are in the index, and our comments in `comments.py`."""

from __future__ import annotations

import redis

from dejabug.index import slug_of
from dejabug.records.clips import Clips, issue_clips_key, no_media_key
from dejabug.records.issues import HIDDEN, ISSUES, Issues, issue_key, key_key
from dejabug.records.ticket_words import TicketWords, words_key

# This key exists while a backup is being restored.
RESTORING = "dejabug:restoring"


class Catalogue(Issues, Clips, TicketWords):
    """The records of issues, and of clips and texts with the encoder of this name."""

    def __init__(self, connection: redis.Redis, encoder: str) -> None:
        slug = slug_of(encoder)
        Issues.__init__(self, connection)
        Clips.__init__(self, connection, slug)
        TicketWords.__init__(self, connection, slug)

    def forget_issue(self, issue_id: str) -> None:
        """Delete an issue's record. Delete its clips first."""
        old = self.issue(issue_id)
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(issue_key(issue_id), issue_clips_key(issue_id), words_key(issue_id))
            pipe.delete(no_media_key(issue_id))
            pipe.srem(self.words_waiting, issue_id)
            pipe.hdel(self._done_words, issue_id)
            pipe.hdel(self._tags, issue_id)
            pipe.srem(ISSUES, issue_id)
            pipe.zrem(HIDDEN, issue_id)
            if old is not None:
                pipe.delete(key_key(old.key))
            pipe.execute()
