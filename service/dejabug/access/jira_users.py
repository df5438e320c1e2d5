"""Who somebody with a confirmed e-mail is in Jira, for every door that knows people by e-mail: the
reader of their account, or else somebody who sees the public projects.

Whoever calls must vouch that the e-mail is theirs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection

import structlog
from redis import Redis

from dejabug.access.callers import ACCOUNT_READER, PUBLIC_READER, Caller
from dejabug.access.visibility import SIGHT, Sight
from dejabug.infra.refused_writes import optional
from dejabug.jira.accounts import Accounts
from dejabug.jira.errors import JiraRefusedError

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


class JiraUsers:
    """People known by their e-mail, as who they are in Jira; its answers are kept for a minute.

    `projects` gives all projects that are known here, `sight` what tells what a reader may see, and
    `public` the projects that everybody may see.
    """

    def __init__(
        self,
        redis: Redis,
        accounts: Accounts,
        *,
        projects: Callable[[], Collection[str]],
        public: frozenset[str],
        sight: Callable[[str], Sight],
    ) -> None:
        self._redis = redis
        self._accounts = accounts
        self._projects = projects
        self._public = public
        self._sight = sight

    def caller(self, email: str, stranger: str) -> Caller:
        """Somebody with this e-mail, empty where nobody vouches for one. Who has no account in Jira
        is a reader under the name of `stranger`.

        Raises StrangerError and JiraError.
        """
        found = self._known(email) if email else None
        if found is not None:
            account, projects = found
            name = f"{ACCOUNT_READER}{account}"
            return Caller(name, frozenset(projects), self._sight(name))
        if not self._public:
            raise StrangerError
        return Caller(f"{PUBLIC_READER}{stranger}", self._public)

    def _known(self, email: str) -> tuple[str, list[str]] | None:
        """The account with this e-mail, and the projects that it may browse, as of a minute ago."""
        key = f"dejabug:person:{hashlib.sha256(email.encode()).hexdigest()}"
        kept = self._redis.get(key)
        if not isinstance(kept, bytes):
            kept = json.dumps(self._asked(email)).encode()
            with optional():
                self._redis.set(key, kept, ex=KEPT)
        found = json.loads(kept)
        return (found[0], found[1]) if found else None

    def _asked(self, email: str) -> tuple[str, list[str]] | None:
        """The same, asked of Jira. Where our account may not ask about others, nobody is known."""
        try:
            account = self._accounts.by_email(email)
            if account is None:
                return None
            return account, sorted(self._accounts.projects(account, self._projects()))
        except JiraRefusedError as error:
            if error.status != 403:
                raise
            log.warning("readers_not_told", remedy="make our account administer Jira")
            return None
