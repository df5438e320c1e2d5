"""Download an attachment, and check that it is complete and not an error page."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import requests

from dejabug.infra.download import TooManyBytesError, Wanted, body_of, save
from dejabug.jira.errors import AttachmentTooLargeError, JiraRefusedError, JiraUnavailableError


def save_attachment(
    answer: requests.Response, path: Path, max_bytes: int, wanted: Wanted | None = None
) -> int:
    """Write a streamed attachment to `path`; returns its size in bytes. If its first bytes are not
    `wanted`, the rest is not read, whatever its size.

    Raises AttachmentTooLargeError, JiraRefusedError for a web page instead of the file,
    JiraUnavailableError for a redirect or an incomplete download, UnwantedError, and requests'
    errors.
    """
    _check_answer(answer)
    pieces = body_of(answer, wanted)
    _check_size(answer, max_bytes)
    try:
        size = save(pieces, path, max_bytes)
    except TooManyBytesError as error:
        raise AttachmentTooLargeError(
            f"the attachment has {error} (DEJABUG_CLIP_MAX_BYTES)"
        ) from None
    announced = answer.headers.get("Content-Length", "")
    if (
        announced.isascii()
        and announced.isdigit()
        and "Content-Encoding" not in answer.headers
        and size < int(announced)
    ):
        raise JiraUnavailableError(
            f"the download stopped after {size:,} of {int(announced):,} bytes"
        )
    return size


def _check_answer(answer: requests.Response) -> None:
    if answer.is_redirect:
        where = urlsplit(answer.headers.get("Location", "")).hostname
        raise JiraUnavailableError(
            f"Jira redirected the download to {where}; redirects are not followed"
        )
    if answer.headers.get("Content-Type", "").startswith("text/html"):
        # A login page has status 200 and must not be treated as a clip.
        raise JiraRefusedError(
            "Jira sent a web page instead of the attachment: check DEJABUG_JIRA_TOKEN"
        )


def _check_size(answer: requests.Response, max_bytes: int) -> None:
    announced = answer.headers.get("Content-Length", "")
    if announced.isascii() and announced.isdigit() and int(announced) > max_bytes:
        raise AttachmentTooLargeError(
            f"the attachment has {int(announced):,} bytes; the limit is {max_bytes:,} bytes "
            "(DEJABUG_CLIP_MAX_BYTES)"
        )
