"""Who is asking: a kind of principal for each way in.

`name` is a principal's one serialised form, and `parse_principal` reads it back. Names stand in
Redis keys and in signed addresses, so they never change. What a principal may see is told by
`visibility`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class TokenPrincipal:
    """The holder of an API token: sees the token's projects."""

    token_id: str

    @property
    def name(self) -> str:
        """`token:<id>`."""
        return f"token:{self.token_id}"


@dataclass(frozen=True)
class AccountPrincipal:
    """A person whose Jira account is known: sees what Jira says that the account may see."""

    account_id: str

    @property
    def name(self) -> str:
        """`account:<id>`."""
        return f"account:{self.account_id}"


@dataclass(frozen=True)
class PublicPrincipal:
    """Anybody, told apart by `visitor`, which proves nothing: sees the public projects."""

    visitor: str = ""

    @property
    def name(self) -> str:
        """`public:<visitor>`."""
        return f"public:{self.visitor}"


@dataclass(frozen=True)
class OperatorPrincipal:
    """Whoever runs commands where the service runs. Never somebody who calls over the network."""

    @property
    def name(self) -> str:
        """Always the same."""
        return _OPERATOR


@dataclass(frozen=True)
class PanelViewer:
    """Who looks at the panel in Jira: sees what Jira shows to their own token.

    Raises ValueError for an account id that is empty, or could be another principal's name. (Jira's
    ids may have colons, but never begin like those names.)
    """

    account_id: str

    def __post_init__(self) -> None:
        if not self.account_id or _kind(self.account_id) is not None:
            raise ValueError(f"not the id of a Jira account: {self.account_id!r}")

    @property
    def name(self) -> str:
        """The bare account id."""
        return self.account_id


Principal = TokenPrincipal | AccountPrincipal | PublicPrincipal | OperatorPrincipal | PanelViewer

EVERYBODY = PublicPrincipal()
_OPERATOR = "cli"
_KINDS: dict[str, Callable[[str], Principal]] = {
    "token:": TokenPrincipal,
    "account:": AccountPrincipal,
    "public:": PublicPrincipal,
}


def parse_principal(name: str) -> Principal:
    """The principal with this name. Raises ValueError for an empty one."""
    kind = _kind(name)
    if kind == _OPERATOR:
        return OperatorPrincipal()
    return PanelViewer(name) if kind is None else _KINDS[kind](name.removeprefix(kind))


def _kind(name: str) -> str | None:
    """How a name begins, if not with an account's bare id."""
    if name == _OPERATOR:
        return _OPERATOR
    return next((kind for kind in _KINDS if name.startswith(kind)), None)


@dataclass(frozen=True)
class Caller:
    """A principal that searches, and the keys of the projects where they may."""

    principal: Principal
    projects: frozenset[str]

    @property
    def is_anonymous(self) -> bool:
        """Whether nothing is known of them: neither who they are, nor that they have a token."""
        return isinstance(self.principal, PublicPrincipal)


@dataclass(frozen=True)
class EmailUser:
    """A person with this e-mail; whoever makes one vouches that the e-mail is confirmed as theirs.

    `jira_users` tells which principal they are.
    """

    email: str

    @property
    def digest_name(self) -> str:
        """`email:<digest>`: a name for counting, that does not tell the e-mail."""
        return f"email:{hashlib.sha256(self.email.encode()).hexdigest()[:32]}"
