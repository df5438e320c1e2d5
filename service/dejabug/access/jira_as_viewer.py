"""Issues as a viewer of the panel sees them, read from Jira with the viewer's own token.

The panel's calls contain that token. With it, Jira applies the current project roles and security
levels. A browser then loads thumbnails and clips from signed links, without a token. To check the
viewer again for those, the token is kept, encrypted, for as long as such a link is valid.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable

import redis
import structlog
from cryptography.fernet import Fernet, InvalidToken

from dejabug.access.principals import PanelViewer
from dejabug.access.visibility_cache import VisibilityCache
from dejabug.index import text_of
from dejabug.infra.refused_writes import optional
from dejabug.jira.client import JiraAccess, JiraClient
from dejabug.jira.errors import JiraRefusedError
from dejabug.jira.models import Issue

log = structlog.get_logger()

# Seconds that a viewer's token is kept: as long as a signed link is valid.
TOKEN_TTL_SECONDS = 300


class WrongAccountError(Exception):
    """A token that belongs to another account than the one in the call."""


class JiraAsViewer:
    """Reads Jira as viewers of the panel. `api_url`: the REST API that accepts their tokens.

    `secret` encrypts the kept tokens. Without it, no token is kept, and signed links work for a
    minute only.
    """

    def __init__(
        self,
        connection: redis.Redis,
        cache: VisibilityCache,
        api_url: str,
        browse_url: str,
        secret: str,
    ) -> None:
        self._redis = connection
        self._cache = cache
        self._api_url = api_url
        self._browse_url = browse_url
        self._secret = secret

    def issues(self, viewer: PanelViewer, token: str, issue_ids: Iterable[str]) -> dict[str, Issue]:
        """The issues that this viewer may see, by id, as Jira shows them now.

        Raises WrongAccountError if the token belongs to another account, and JiraError.
        """
        jira = self._client(token)
        self._check_account(viewer, token, jira)
        wanted = set(issue_ids)
        seen = jira.issues(wanted)
        self._cache.remember(viewer.name, wanted, seen)
        return seen

    def may_see(self, viewer: PanelViewer, issue_ids: Iterable[str]) -> set[str]:
        """The ids of those issues that this viewer may see: from the cache of a minute, or else
        from Jira with the kept token. Without a kept token, none. Raises JiraError."""
        seen, unknown = self._cache.known(viewer.name, issue_ids)
        token = self._kept_token(viewer) if unknown else None
        if token is not None:
            try:
                seen |= self.issues(viewer, token, unknown).keys()
            except (WrongAccountError, JiraRefusedError) as error:
                log.info("reader_not_let_in", why=type(error).__name__)
        return seen

    # Inside

    def _client(self, token: str) -> JiraClient:
        return JiraClient(JiraAccess(self._api_url, self._browse_url, None, token, cloud=True))

    def _check_account(self, viewer: PanelViewer, token: str, jira: JiraClient) -> None:
        """Check that the token belongs to this account; once per token."""
        key, digest = _key(viewer), hashlib.sha256(token.encode()).hexdigest()
        known = self._redis.hget(key, "digest")
        recognised = known is not None and hmac.compare_digest(text_of(known), digest)
        if not recognised and jira.myself() != viewer.account_id:
            raise WrongAccountError("the viewer's token belongs to another account")
        with optional(), self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(key, "digest", digest)
            if self._secret:
                pipe.hset(key, "token", self._fernet().encrypt(token.encode()))
            pipe.expire(key, TOKEN_TTL_SECONDS)
            pipe.execute()

    def _kept_token(self, viewer: PanelViewer) -> str | None:
        encrypted = self._redis.hget(_key(viewer), "token") if self._secret else None
        if not isinstance(encrypted, bytes):
            return None
        try:
            return self._fernet().decrypt(encrypted, ttl=TOKEN_TTL_SECONDS).decode()
        except InvalidToken:
            return None

    def _fernet(self) -> Fernet:
        key = hmac.new(self._secret.encode(), b"dejabug readers v1", hashlib.sha256).digest()
        return Fernet(base64.urlsafe_b64encode(key))


def _key(viewer: PanelViewer) -> str:
    return f"dejabug:reader:{hashlib.sha256(viewer.name.encode()).hexdigest()[:32]}"
