"""A file of a Slack message → a file on disk, fetched from Slack's own host only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from dejabug.downloads import AS_IT_IS, TooManyBytesError, save_body

# Where Slack keeps files; the bot's token goes nowhere else.
HOST = "https://files.slack.com/"
# Seconds to connect, and between two packets.
TIMEOUT = (5, 30)


class NoFileError(Exception):
    """There is nothing to search with; the message says why."""


def clip_of(files: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The first video or picture of a message. Raises NoFileError."""
    for file in files:
        if str(file.get("mimetype", "")).startswith(("video/", "image/")):
            return file
    raise NoFileError("that message has no video and no picture of its own.")


def fetch(file: Mapping[str, Any], token: str, path: Path, most: int) -> None:
    """Write a Slack file to `path`, `most` bytes at most. Raises NoFileError."""
    address = str(file.get("url_private_download") or file.get("url_private") or "")
    if not address.startswith(HOST):
        raise NoFileError("that file does not lie with Slack, and is not fetched.")
    try:
        with requests.get(
            address,
            headers={"Authorization": f"Bearer {token}", **AS_IT_IS},
            stream=True,
            allow_redirects=False,
            timeout=TIMEOUT,
        ) as answer:
            kind = answer.headers.get("Content-Type", "")
            # Without the scope files:read, Slack sends its login page with status 200.
            if answer.status_code != 200 or kind.startswith("text/html"):
                raise NoFileError("Slack does not give us that file.")
            size = save_body(answer, path, most)
    except TooManyBytesError as error:
        raise NoFileError(f"that file has {error}; send a shorter clip.") from None
    except requests.RequestException:
        raise NoFileError("Slack did not send that file; try again.") from None
    if size == 0:
        raise NoFileError("that file is empty.")
