"""A ticket's words → the index and its tags."""

from __future__ import annotations

import structlog

from dejabug.encoders import Encoder
from dejabug.encoders.tags import Tag, Tagger
from dejabug.records.collection import Collection
from dejabug.retrieval import neighbourhood

log = structlog.get_logger()

# Tickets of an earlier version that get their terms in one maintenance round: about a second.
TICKETS_AT_ONCE = 2000


class TicketIndexer:
    """Embeds tickets into a collection. Without a `tagger`, they get no tags."""

    def __init__(self, encoder: Encoder, tagger: Tagger | None) -> None:
        self._encoder = encoder
        self._tagger = tagger

    def embed_ticket(self, collection: Collection, issue_id: str) -> bool:
        """Embed a ticket's words into this collection and tag its kind of bug; False if the issue
        is gone, perhaps since a moment ago."""
        catalogue, words = collection.catalogue, collection.catalogue.words(issue_id)
        issue = catalogue.issue(issue_id)
        if issue is None:
            return False
        tags: list[Tag] = []
        if words:
            vector = self._encoder.embed_texts([words])[0]
            collection.tickets.write(
                issue_id, issue.project, vector, words, restricted=issue.restricted
            )
            neighbourhood.compare_ticket(collection, issue_id)
            if self._tagger is not None:
                tags = self._tagger.tags(vector)
        else:
            collection.tickets.forget(issue_id)
        catalogue.put_tags(issue_id, [tag.title for tag in tags])
        catalogue.words_embedded(issue_id, words)
        now = catalogue.issue(issue_id)
        if now is None:
            collection.tickets.forget(issue_id)  # deleted in Jira meanwhile
            catalogue.put_tags(issue_id, [])
            return False
        if (now.project, now.restricted) != (issue.project, issue.restricted):  # changed meanwhile
            collection.tickets.move(issue_id, now.project, restricted=now.restricted)
        return True


def fill_terms(collection: Collection) -> None:
    """Add the words of some tickets that were written by a version without terms; needs no model.
    A few calls cover all of them."""
    lacking = collection.tickets.without_terms(TICKETS_AT_ONCE)
    for issue_id in lacking:
        collection.tickets.put_words(issue_id, collection.catalogue.words(issue_id))
    if lacking:
        log.info("ticket_words_added", tickets=len(lacking))
