"""Downloads a clip's file from Jira and keeps it only while it is processed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from dejabug.infra.metrics import DOWNLOADED, stage
from dejabug.infra.temporary_folders import scratch_folder
from dejabug.jira.client import JiraClient
from dejabug.jira.errors import AttachmentTooLargeError
from dejabug.media.signatures import is_media
from dejabug.records.types import ClipRecord
from dejabug.settings import Settings


class Attachments:
    """Downloads clips from Jira, within the settings' limits."""

    def __init__(self, jira: JiraClient, settings: Settings) -> None:
        self._jira = jira
        self._settings = settings

    @contextlib.contextmanager
    def fetched(self, clip: ClipRecord) -> Iterator[Path]:
        """The clip's file, deleted afterwards. Raises like `JiraClient.download` (UnwantedError if
        an attachment of unknown type is neither a recording nor an image), and OSError when the
        disk is full."""
        most = self._settings.clip_max_bytes
        if clip.size > most and not clip.unsure:
            raise AttachmentTooLargeError(
                f"the attachment has {clip.size:,} bytes; the limit is {most:,} bytes "
                "(DEJABUG_CLIP_MAX_BYTES)"
            )
        with scratch_folder() as folder:
            path = folder / "clip"
            with stage("download"):
                size = self._jira.download(
                    clip.id,
                    path,
                    max_bytes=most,
                    filename=clip.filename,
                    wanted=is_media if clip.unsure else None,
                )
            DOWNLOADED.inc(size)
            yield path
