"""What a reader may see, asked of Jira as that very reader. When in doubt: nothing.

The panel's calls bring the viewer's own token. With it the issues themselves are asked for, which
honours project roles and security levels as they are now. What was learned is kept for a minute at
most, for the pictures and clips that a browser then fetches by signed address without any token;
for those the token is kept as long as such an address lives, sealed, so that they are checked anew.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import redis
import structlog
from cryptography.fernet import Fernet, InvalidToken

from dejabug.index import text_of
from dejabug.infra.refused_writes import optional
from dejabug.jira.client import JiraAccess, JiraClient
from dejabug.jira.errors import JiraRefusedError
from dejabug.jira.models import Issue

log = structlog.get_logger()

# Seconds that an answer of Jira's about a reader and an issue counts.
SIGHT = 60
# Seconds that a reader's token is kept: as long as a signed address lives.
KEPT = 300


class NotThatReaderError(Exception):
    """A token that does not belong to the account that it came with."""


class Sight(Protocol):
    """Whoever can tell what a kind of reader may see."""

    def may_see(self, reader: str, issue_ids: Iterable[str]) -> set[str]:
        """Those of the issues that this reader may see now. Raises JiraError."""
        ...


@dataclass(frozen=True)
class Sights:
    """What Jira said of readers and issues within the last minute, until an issue changes."""

    connection: redis.Redis

    def known(self, reader: str, issue_ids: Iterable[str]) -> tuple[set[str], set[str]]:
        """The issues that this reader is known to see, and those of which nothing is known."""
        now = time.time()
        seen, unknown = set(), set()
        for issue_id in set(issue_ids):
            found = self.connection.hget(_sight_key(issue_id), reader)
            verdict, _, until = text_of(found).partition(":")
            if found is None or float(until) <= now:
                unknown.add(issue_id)
            elif verdict == "1":
                seen.add(issue_id)
        return seen, unknown

    def remember(self, reader: str, asked: Iterable[str], seen: Iterable[str]) -> None:
        """Jira was asked about these issues, and shows the reader those."""
        until, visible = time.time() + SIGHT, set(seen)
        with optional(), self.connection.pipeline(transaction=True) as pipe:
            for issue_id in asked:
                pipe.hset(_sight_key(issue_id), reader, f"{int(issue_id in visible)}:{until}")
                pipe.expire(_sight_key(issue_id), SIGHT)
            pipe.execute()

    def forget(self, issue_id: str) -> None:
        """What was known of an issue's readers counts no more."""
        self.connection.delete(_sight_key(issue_id))


@dataclass(frozen=True)
class Readers:
    """Readers known by their Jira account; `api_url` is where their tokens work.

    `secret` seals the tokens that are kept; without one none is, and signed addresses show nothing
    once a minute has passed.
    """

    connection: redis.Redis
    api_url: str
    browse_url: str
    secret: str

    @property
    def sights(self) -> Sights:
        """What Jira said of late."""
        return Sights(self.connection)

    def read(self, account: str, token: str, issue_ids: Iterable[str]) -> dict[str, Issue]:
        """The issues that this reader may see, by id, as Jira shows them to them now.

        Raises NotThatReaderError when the token is another account's, and JiraError.
        """
        jira = self._as(token)
        self._recognise(account, token, jira)
        wanted = set(issue_ids)
        seen = jira.issues(wanted)
        self.sights.remember(account, wanted, seen)
        return seen

    def may_see(self, reader: str, issue_ids: Iterable[str]) -> set[str]:
        """Those of the issues that this reader may see: known for a minute, else asked anew with
        the token that is kept; none for a reader whose token is not. Raises JiraError."""
        seen, unknown = self.sights.known(reader, issue_ids)
        token = self._token(reader) if unknown else None
        if token is not None:
            try:
                seen |= self.read(reader, token, unknown).keys()
            except (NotThatReaderError, JiraRefusedError) as error:
                log.info("reader_not_let_in", why=type(error).__name__)
        return seen

    def forget_issue(self, issue_id: str) -> None:
        """What was known of an issue's readers counts no more: it changed, or is gone."""
        self.sights.forget(issue_id)

    # Inside

    def _as(self, token: str) -> JiraClient:
        return JiraClient(JiraAccess(self.api_url, self.browse_url, None, token, cloud=True))

    def _recognise(self, account: str, token: str, jira: JiraClient) -> None:
        """The token must be this account's; asked once for each token."""
        key, digest = _reader_key(account), hashlib.sha256(token.encode()).hexdigest()
        known = self.connection.hget(key, "digest")
        recognised = known is not None and hmac.compare_digest(text_of(known), digest)
        if not recognised and jira.myself() != account:
            raise NotThatReaderError("the viewer's token is another account's")
        with optional(), self.connection.pipeline(transaction=True) as pipe:
            pipe.hset(key, "digest", digest)
            if self.secret:
                pipe.hset(key, "token", self._seal().encrypt(token.encode()))
            pipe.expire(key, KEPT)
            pipe.execute()

    def _token(self, account: str) -> str | None:
        sealed = self.connection.hget(_reader_key(account), "token") if self.secret else None
        if not isinstance(sealed, bytes):
            return None
        try:
            return self._seal().decrypt(sealed, ttl=KEPT).decode()
        except InvalidToken:
            return None

    def _seal(self) -> Fernet:
        key = hmac.new(self.secret.encode(), b"dejabug readers v1", hashlib.sha256).digest()
        return Fernet(base64.urlsafe_b64encode(key))


def _sight_key(issue_id: str) -> str:
    return f"dejabug:sight:{issue_id}"


def _reader_key(account: str) -> str:
    return f"dejabug:reader:{hashlib.sha256(account.encode()).hexdigest()[:32]}"
