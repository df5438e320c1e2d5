"""An attachment's download: is it the attachment at all, and all of it?"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import requests

from dejabug.infra.download import TooManyBytesError, Wanted, body_of, save
from dejabug.jira.errors import AttachmentTooLargeError, JiraRefusedError, JiraUnavailableError


def save_attachment(
    answer: requests.Response, path: Path, max_bytes: int, wanted: Wanted | None = None
) -> int:
    """Write Jira's answer, an attachment that is streamed, to `path`; its bytes. What is not
    `wanted`, by its first bytes, is not read further, however large it says it is.

    Raises AttachmentTooLargeError, JiraRefusedError for a page in its place, JiraUnavailableError
    for a redirect or a download that broke off, UnwantedError, and requests' errors.
    """
    _check_answer(answer)
    pieces = body_of(answer, wanted)
    _check_size(answer, max_bytes)
    try:
        size = save(pieces, path, max_bytes)
    except TooManyBytesError as error:
        raise AttachmentTooLargeError(f"the attachment has {error}") from None
    announced = answer.headers.get("Content-Length", "")
    if (
        announced.isascii()
        and announced.isdigit()
        and "Content-Encoding" not in answer.headers
        and size < int(announced)
    ):
        raise JiraUnavailableError(f"the download broke off at {size:,} of {announced} bytes")
    return size


def _check_answer(answer: requests.Response) -> None:
    if answer.is_redirect:
        where = urlsplit(answer.headers.get("Location", "")).hostname
        raise JiraUnavailableError(f"Jira sends the attachment's reader to {where}; not followed")
    if answer.headers.get("Content-Type", "").startswith("text/html"):
        # A login page comes with status 200: never to be taken for a clip.
        raise JiraRefusedError("Jira gave a page instead of the attachment: check the token")


def _check_size(answer: requests.Response, max_bytes: int) -> None:
    announced = answer.headers.get("Content-Length", "")
    if announced.isascii() and announced.isdigit() and int(announced) > max_bytes:
        raise AttachmentTooLargeError(
            f"the attachment has {int(announced):,} bytes; the limit is {max_bytes:,} bytes"
        )
