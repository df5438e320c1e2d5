"""Who makes a request: a type of principal for each way to sign in.

`name` is a principal's serialised form; `parse_principal` reads it. Names are part of Redis keys
and signed links, so they never change. `visibility` decides what a principal may see.
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
    """A person whose Jira account is known: sees what Jira shows to this account."""

    account_id: str

    @property
    def name(self) -> str:
        """`account:<id>`."""
        return f"account:{self.account_id}"


@dataclass(frozen=True)
class PublicPrincipal:
    """Anyone else: sees the public projects. `visitor` tells them apart, but proves nothing."""

    visitor: str = ""

    @property
    def name(self) -> str:
        """`public:<visitor>`."""
        return f"public:{self.visitor}"


@dataclass(frozen=True)
class OperatorPrincipal:
    """The person who runs commands on the service's machine. Never a caller from the network."""

    @property
    def name(self) -> str:
        """Always the same."""
        return _OPERATOR


@dataclass(frozen=True)
class PanelViewer:
    """A viewer of the panel in Jira: sees what Jira shows to their own token.

    Raises ValueError for an account id that is empty or could be another principal's name. (Jira's
    ids may contain colons, but never start like those names.)
    """

    account_id: str

    def __post_init__(self) -> None:
        if not self.account_id or _kind(self.account_id) is not None:
            raise ValueError(f"not a valid Jira account id: {self.account_id!r}")

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
    """The prefix of a name; None for a bare account id."""
    if name == _OPERATOR:
        return _OPERATOR
    return next((kind for kind in _KINDS if name.startswith(kind)), None)


@dataclass(frozen=True)
class Caller:
    """A principal that searches, and the keys of the projects that they may search."""

    principal: Principal
    projects: frozenset[str]

    @property
    def is_anonymous(self) -> bool:
        """Whether they are unknown: no account and no token."""
        return isinstance(self.principal, PublicPrincipal)


@dataclass(frozen=True)
class EmailUser:
    """A person with this email. Create it only for an email that is confirmed as theirs.

    `jira_users` finds the matching principal.
    """

    email: str

    @property
    def digest_name(self) -> str:
        """`email:<digest>`: a name for rate limits that doesn't reveal the email."""
        return f"email:{hashlib.sha256(self.email.encode()).hexdigest()[:32]}"
