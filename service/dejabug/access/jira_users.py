"""Who somebody with a confirmed e-mail is in Jira, for every way in that knows people by e-mail:
their account, or else anybody, who sees the public projects."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection

import structlog
from redis import Redis

from dejabug.access.principals import AccountPrincipal, Caller, EmailUser, PublicPrincipal
from dejabug.access.visibility_cache import ANSWER_TTL_SECONDS
from dejabug.infra.refused_writes import optional
from dejabug.jira.accounts import Accounts
from dejabug.jira.errors import JiraRefusedError

log = structlog.get_logger()


class NoJiraAccountError(Exception):
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

    `projects` gives the keys of all projects that are known here, and `public` are those of the
    projects that everybody may see.
    """

    def __init__(
        self,
        redis: Redis,
        accounts: Accounts,
        *,
        projects: Callable[[], Collection[str]],
        public: frozenset[str],
    ) -> None:
        self._redis = redis
        self._accounts = accounts
        self._projects = projects
        self._public = public

    def caller(self, user: EmailUser | None, otherwise: PublicPrincipal) -> Caller:
        """Who this user is, None where nobody vouches for an e-mail; `otherwise` where they have no
        account in Jira.

        Raises NoJiraAccountError and JiraError.
        """
        found = self._known(user.email) if user is not None and user.email else None
        if found is not None:
            account, projects = found
            return Caller(AccountPrincipal(account), frozenset(projects))
        if not self._public:
            raise NoJiraAccountError
        return Caller(otherwise, self._public)

    def _known(self, email: str) -> tuple[str, list[str]] | None:
        """The account with this e-mail, and the projects that it may browse, as of a minute ago."""
        key = f"dejabug:person:{hashlib.sha256(email.encode()).hexdigest()}"
        kept = self._redis.get(key)
        if not isinstance(kept, bytes):
            kept = json.dumps(self._asked(email)).encode()
            with optional():
                self._redis.set(key, kept, ex=ANSWER_TTL_SECONDS)
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
