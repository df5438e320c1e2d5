"""A Slack message's files → the one to search with, and its bytes on disk, downloaded from Slack's
own host only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import requests
import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from dejabug.infra.download import AS_IT_IS, TooManyBytesError, UnwantedError, body_of, save
from dejabug.jira.models import as_mapping
from dejabug.media.kinds import is_evidence, may_be_evidence
from dejabug.media.signatures import is_media

log = structlog.get_logger()

# Where Slack keeps files. The bot's token is sent nowhere else.
HOST = "https://files.slack.com/"
# Seconds to connect, and between two packets.
TIMEOUT = (5, 30)
# A file of which a message has only the id (Slack Connect): `files.info` gives the rest.
ASK = "check_file_info"
NO_CLIP = "that message has no video or image attached."
NOT_READ = "that image format isn't supported. Send a PNG or JPEG."
# Modes of files that were deleted, or that Slack hides.
GONE = {
    "tombstone": "that file was deleted.",
    "hidden_by_limit": "Slack hides that file because it is too old for your workspace's plan.",
}
# Slack's errors when `files.info` is refused, and what to do.
NOT_ACCEPTED = (
    "Slack rejects Déjà Bug's token. Ask your administrator to check DEJABUG_SLACK_BOT_TOKEN."
)
REFUSALS = {
    "missing_scope": (
        "Déjà Bug's Slack app lacks the scope files:read. Ask your administrator to add the scope "
        "and reinstall the app."
    ),
    "file_deleted": GONE["tombstone"],
    "ratelimited": "Slack's rate limit is reached. Try again in a minute.",
    "account_inactive": NOT_ACCEPTED,
    "invalid_auth": NOT_ACCEPTED,
    "not_authed": NOT_ACCEPTED,
    "token_expired": NOT_ACCEPTED,
    "token_revoked": NOT_ACCEPTED,
}
# Slack's own failures.
AWAY = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})
OTHER_REFUSAL = (
    "Déjà Bug has no access to that file ({error}). Add the app to this conversation, or upload "
    "the file again in a channel of your own workspace."
)


# Slack's `filetype` for files of an unknown type.
UNTOLD = frozenset({"", "auto", "binary"})


class NoFileError(Exception):
    """A message has no clip to search with; the error says why."""


def clips_of(files: Sequence[Mapping[str, Any]], client: WebClient) -> list[Mapping[str, Any]]:
    """The files of a message that may be clips: the first whose name or type says that it is a
    video or an image; else all whose type only their bytes can show.

    Raises NoFileError, and SlackApiError when Slack is away.
    """
    unsure: list[Mapping[str, Any]] = []
    refused: list[NoFileError] = []
    for file in files:
        try:
            told = _told(file, client)
        except NoFileError as error:
            refused.append(error)
            continue
        if _is_sure(told):
            return [told]
        kind = _type(told)
        if kind.startswith("image/"):
            refused.append(NoFileError(NOT_READ))
        elif all(may_be_evidence(name, kind) for name in _names(told)):
            unsure.append(told)
    if not unsure:
        raise refused[0] if refused else NoFileError(NO_CLIP)
    return unsure


def fetch(files: Sequence[Mapping[str, Any]], token: str, path: Path, most: int) -> None:
    """Download the first of these files that is a video or an image to `path`, at most `most`
    bytes. Raises NoFileError."""
    refused: list[NoFileError] = []
    for file in files:
        try:
            _fetch(file, token, path, most)
        except UnwantedError:
            log.info("slack_file_is_no_media", file=file.get("id"), size=file.get("size"))
        except NoFileError as error:
            refused.append(error)
        else:
            return
    raise refused[0] if refused else NoFileError(NO_CLIP)


def _told(file: Mapping[str, Any], client: WebClient) -> Mapping[str, Any]:
    """A file with all that Slack says about it. Raises NoFileError, and SlackApiError when Slack is
    unavailable."""
    told = file
    nothing_known = not any(file.get(name) for name in ("mimetype", "name", "title", "mode"))
    if file.get("id") and (file.get("file_access") == ASK or nothing_known):
        try:
            told = as_mapping(client.files_info(file=str(file["id"])).get("file"))
        except SlackApiError as error:
            answer = error.response
            says = as_mapping(answer if isinstance(answer, dict) else answer.data).get("error")
            if not says or says in AWAY:
                raise
            log.warning("slack_file_refused", file=file["id"], why=says)
            raise NoFileError(REFUSALS.get(says, OTHER_REFUSAL.format(error=says))) from None
    if told.get("mode") in GONE:
        raise NoFileError(GONE[told["mode"]])
    return told


def _type(file: Mapping[str, Any]) -> str:
    return str(file.get("mimetype") or "")


def _names(file: Mapping[str, Any]) -> Iterator[str]:
    """Names that may show a file's kind: its own, and one made from Slack's type."""
    yield str(file.get("name") or file.get("title") or "")
    kind = str(file.get("filetype") or "")
    if kind not in UNTOLD:
        yield f"file.{kind}"


def _is_sure(file: Mapping[str, Any]) -> bool:
    """Whether a file's type or name says that it is a video or an image."""
    return any(is_evidence(name, _type(file)) for name in _names(file))


def _fetch(file: Mapping[str, Any], token: str, path: Path, most: int) -> None:
    """Raises NoFileError, and UnwantedError if neither Slack's data nor the first bytes show a
    recording or an image."""
    address = str(file.get("url_private_download") or file.get("url_private") or "")
    if not address.startswith(HOST):
        raise NoFileError("that file is not stored in Slack. Upload it to Slack, then try again.")
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
                raise NoFileError(
                    "Slack refused to send that file. Ask your administrator to check that the "
                    "app has the scope files:read."
                )
            size = save(body_of(answer, None if _is_sure(file) else is_media), path, most)
    except TooManyBytesError as error:
        raise NoFileError(f"that file has {error}. Send a shorter clip.") from None
    except requests.RequestException:
        raise NoFileError("the download from Slack failed. Try again.") from None
    if size == 0:
        raise NoFileError("that file is empty.")
