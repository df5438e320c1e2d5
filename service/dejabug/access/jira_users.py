"""Match a person with a confirmed email to a Jira account. People without an account see the
public projects."""

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
    """No Jira account matches this email, and there are no public projects; the message says what
    to do."""

    def __init__(self) -> None:
        super().__init__(
            "No Jira account matches your email, and there are no public projects. Ask your "
            "administrator to check that your Jira account has the same email and shows it, and "
            "that Déjà Bug's account has the permission Administer Jira. Alternatively, they can "
            "list public projects in DEJABUG_PUBLIC_PROJECTS."
        )


class JiraUsers:
    """Finds people's Jira accounts by email; Jira's answers are cached for a minute.

    `projects` returns the keys of all known projects. `public`: the keys of the projects that
    everyone may see.
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
        """The user's account as a caller, or `otherwise` if they have no account in Jira. `user`:
        None if no confirmed email is known.

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
        """The account with this email and the projects that it may browse; cached for a minute."""
        key = f"dejabug:person:{hashlib.sha256(email.encode()).hexdigest()}"
        kept = self._redis.get(key)
        if not isinstance(kept, bytes):
            kept = json.dumps(self._asked(email)).encode()
            with optional():
                self._redis.set(key, kept, ex=ANSWER_TTL_SECONDS)
        found = json.loads(kept)
        return (found[0], found[1]) if found else None

    def _asked(self, email: str) -> tuple[str, list[str]] | None:
        """The same, read from Jira. None if our account may not read other accounts."""
        try:
            account = self._accounts.by_email(email)
            if account is None:
                return None
            return account, sorted(self._accounts.projects(account, self._projects()))
        except JiraRefusedError as error:
            if error.status != 403:
                raise
            log.warning(
                "readers_not_told",
                remedy="give Déjà Bug's Jira account the permission Administer Jira",
            )
            return None
