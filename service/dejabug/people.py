"""Who somebody with a confirmed e-mail is in Jira, for every door that knows people by e-mail: the
reader of their account, or else somebody who sees the public projects.

Whoever calls must vouch that the e-mail is theirs.
"""

from __future__ import annotations

import hashlib
import json

import structlog

from dejabug.callers import ACCOUNT_READER, PUBLIC_READER, Caller
from dejabug.jira.errors import JiraRefusedError
from dejabug.readers import SIGHT
from dejabug.refusals import optional
from dejabug.rooms import Rooms

log = structlog.get_logger()

# Seconds that Jira's answer about an e-mail counts: as long as what a reader may see does.
KEPT = SIGHT


class StrangerError(Exception):
    """Nobody in Jira is known to have this e-mail, and there are no public projects; the message
    says whom to ask."""

    def __init__(self) -> None:
        super().__init__(
            "You could not be matched with an account in Jira, and there are no public projects. "
            "Ask an administrator to see that your e-mail is that of your Jira account and visible "
            "there, that Déjà Bug's account may administer Jira, or to name public projects in "
            "DEJABUG_PUBLIC_PROJECTS."
        )


def caller_for(place: Rooms, email: str, stranger: str) -> Caller:
    """Somebody with this e-mail, empty where nobody vouches for one. Who has no account in Jira is
    a reader under the name of `stranger`.

    Raises StrangerError and JiraError.
    """
    found = _known(place, email) if email else None
    if found is not None:
        account, projects = found
        name = f"{ACCOUNT_READER}{account}"
        return Caller(name, frozenset(projects), place.sight(name))
    public = place.settings.public
    if not public:
        raise StrangerError
    return Caller(f"{PUBLIC_READER}{stranger}", public)


def _known(place: Rooms, email: str) -> tuple[str, list[str]] | None:
    """The account with this e-mail, and the projects that it may browse, as of a minute ago."""
    key = f"dejabug:person:{hashlib.sha256(email.encode()).hexdigest()}"
    kept = place.redis.get(key)
    if not isinstance(kept, bytes):
        kept = json.dumps(_asked(place, email)).encode()
        with optional():
            place.redis.set(key, kept, ex=KEPT)
    found = json.loads(kept)
    return (found[0], found[1]) if found else None


def _asked(place: Rooms, email: str) -> tuple[str, list[str]] | None:
    """The same, asked of Jira. Where our account may not ask about others, nobody is known."""
    try:
        account = place.accounts.by_email(email)
        if account is None:
            return None
        return account, sorted(place.accounts.projects(account, place.catalogue.projects()))
    except JiraRefusedError as error:
        if error.status != 403:
            raise
        log.warning("readers_not_told", remedy="make our account administer Jira")
        return None
