"""A clip's file, downloaded from Jira for as long as it is worked on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from dejabug.infra.metrics import DOWNLOADED, stage
from dejabug.infra.temporary_folders import scratch_folder
from dejabug.jira.errors import AttachmentTooLargeError
from dejabug.media.signatures import is_media
from dejabug.records.types import ClipRecord
from dejabug.services import Services


@contextlib.contextmanager
def fetched(place: Services, clip: ClipRecord) -> Iterator[Path]:
    """The clip's file, gone again afterwards. Raises like `JiraClient.download` (UnwantedError for
    an unsure clip that is no recording and no picture), and OSError when the disk is full."""
    most = place.settings.clip_max_bytes
    if clip.size > most and not clip.unsure:
        raise AttachmentTooLargeError(
            f"the attachment has {clip.size:,} bytes, and {most:,} are allowed"
        )
    with scratch_folder() as folder:
        path = folder / "clip"
        with stage("download"):
            size = place.jira.download(
                clip.id,
                path,
                max_bytes=most,
                filename=clip.filename,
                wanted=is_media if clip.unsure else None,
            )
        DOWNLOADED.inc(size)
        yield path
