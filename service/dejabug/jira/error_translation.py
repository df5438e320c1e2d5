"""Turn the errors of pip's jira and of requests into ours."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import jira
import requests

from dejabug.infra.metrics import JIRA_REQUESTS
from dejabug.jira.errors import (
    JiraRefusedError,
    JiraUnavailableError,
    limit_reached,
    login_failed,
    retry_after,
)


@contextlib.contextmanager
def translated(gone: Exception) -> Iterator[None]:
    """Turn the errors of pip's jira and of requests into ours. Messages never contain a token."""
    try:
        yield
    except jira.JIRAError as error:
        status, headers = error.status_code, getattr(error.response, "headers", None)
        said = (error.text or "").strip()[:200]
        if status in (401, 403) or (status == 404 and login_failed(headers)):
            raise JiraRefusedError(
                f"Jira rejected our account (status {status}). Check DEJABUG_JIRA_USER, "
                f"DEJABUG_JIRA_TOKEN and the account's permissions in the project. "
                f"Jira says: {said}",
                status,
            ) from None
        if status == 404:
            raise gone from None
        if status == 429 or status is None or status >= 500:
            raise JiraUnavailableError(
                f"Jira answered with status {status}: {said}",
                retry_after(headers),
                limit_reached(headers),
            ) from None
        raise JiraRefusedError(
            f"Jira rejected the request (status {status}): {said}", status
        ) from None
    except UnicodeEncodeError:  # a header's
        raise JiraRefusedError(
            "DEJABUG_JIRA_USER or DEJABUG_JIRA_TOKEN contains a character that can't be sent to "
            "Jira, such as a curly quote. Copy the value again"
        ) from None
    except requests.RequestException as error:
        JIRA_REQUESTS.labels("none").inc()
        raise JiraUnavailableError(f"Can't connect to Jira: {type(error).__name__}") from None
