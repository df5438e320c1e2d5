"""The job that makes a clip's preview when somebody is about to watch it, and restores its
thumbnails if they were lost."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import structlog

from dejabug import media
from dejabug.infra.download import UnwantedError
from dejabug.infra.job_queue import enqueue
from dejabug.infra.jobs import MAKE_PREVIEW
from dejabug.infra.metrics import stage
from dejabug.infra.refused_writes import optional
from dejabug.ingest.attachments import Attachments
from dejabug.jira.errors import AttachmentGoneError, AttachmentTooLargeError
from dejabug.media_store.store import MediaStore
from dejabug.media_store.thumbnails import HEIGHT
from dejabug.records.collections import Collections
from dejabug.records.types import ClipRecord
from dejabug.records.work_queues import WorkQueues
from dejabug.settings import Settings

log = structlog.get_logger()

# A preview may take this many times as long as sampling: every frame is decoded and encoded.
# Measured on 1080p60: 2.6 times the decoding.
TIMES_DECODING = 3


class PreviewMaker:
    """Queues and makes previews of clips."""

    def __init__(
        self,
        collections: Collections,
        media: MediaStore,
        attachments: Attachments,
        queues: WorkQueues,
        settings: Settings,
    ) -> None:
        self._collections = collections
        self._media = media
        self._attachments = attachments
        self._queues = queues
        self._settings = settings

    def request(self, clip_id: str, *, awaited: bool) -> None:
        """Queue a clip's preview, unless it exists, can't be made, or is queued already; ahead of
        all others if somebody is waiting for it (`awaited`).

        Does nothing for a screenshot, an unknown clip, a clip whose footage was purged, and where
        no previews are shown."""
        if not self._settings.shows_media:
            return
        clip = self._collections.active.catalogue.clip(clip_id)
        if clip is None or clip.still or clip.unshown:
            return
        if self._media.previews.state(clip_id) == "missing":
            with optional():  # the viewer gets the rest of the answer anyway
                enqueue(
                    self._queues.get("previews"),
                    MAKE_PREVIEW,
                    clip_id,
                    job_id=f"preview-{clip_id}",
                    at_front=awaited,
                )

    def make(self, clip_id: str) -> None:
        """Download a clip and write its preview; record it if none can be made."""
        clip = self._collections.active.catalogue.clip(clip_id)
        if clip is None or clip.unshown or self._media.previews.state(clip_id) != "missing":
            self._leave_nothing(clip_id)  # a worker may have been killed before it did this
            return  # forgotten, purged, or made, while it waited
        started = time.monotonic()
        why = ""
        try:
            self._write(clip)
        except (AttachmentGoneError, AttachmentTooLargeError, UnwantedError) as error:
            why = type(error).__name__
        except media.ClipError as error:
            why = error.code
        if why:
            self._media.previews.give_up(clip_id)
        self._leave_nothing(clip_id)
        seconds = round(time.monotonic() - started, 2)
        log.info("preview_done", clip=clip_id, failed=why, seconds=seconds)

    def _leave_nothing(self, clip_id: str) -> None:
        """Delete everything about a clip that was deleted in Jira or purged, perhaps meanwhile."""
        now = self._collections.active.catalogue.clip(clip_id)
        if now is None or now.unshown:
            self._media.previews.forget(clip_id)
            self._media.thumbnails.forget(clip_id)

    def _write(self, clip: ClipRecord) -> None:
        settings = self._settings
        limits = media.Limits(
            timeout_seconds=TIMES_DECODING * settings.decode_timeout,
            memory_bytes=settings.decode_memory,
            max_bytes=settings.clip_max_bytes,
            sandbox=settings.decode_sandbox,
        )
        with self._attachments.fetched(clip) as path, stage("preview"):
            self._media.previews.write(clip.id, path, limits, media.find_ffmpeg(settings.ffmpeg))
            if self._collections.active.knows_dimensions() and not self._media.thumbnails.times(
                clip.id
            ):
                self._write_pictures(clip, path, limits)

    def _write_pictures(self, clip: ClipRecord, path: Path, limits: media.Limits) -> None:
        """Make a clip's thumbnails again, for its indexed frames: their folder was lost."""
        frames = self._collections.active.index.clip_vectors([clip.id]).get(clip.id)
        if frames is None:
            return
        settings = self._settings
        sampled = media.sample_frames(
            path,
            rate=settings.frames_per_second,
            max_frames=settings.max_frames,
            short_side=HEIGHT,
            limits=limits,
            program=media.find_ffmpeg(settings.ffmpeg),
            drop_duplicates=False,
        )
        nearest = [int(np.abs(sampled.times - time).argmin()) for time in frames.times]
        self._media.thumbnails.write(clip.id, frames.times.tolist(), sampled.pixels[nearest])
        log.info("pictures_made_again", clip=clip.id, pictures=len(nearest))
