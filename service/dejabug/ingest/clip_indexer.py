"""A clip's file → its frames in the index and its thumbnails. Each file is embedded once."""

from __future__ import annotations

import hashlib
import math
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import redis
import structlog

from dejabug import media
from dejabug.encoders import Encoder
from dejabug.index import ClipLocation
from dejabug.infra.download import UnwantedError
from dejabug.infra.locks import held
from dejabug.infra.metrics import CLIPS_DONE, stage
from dejabug.ingest.attachments import Attachments
from dejabug.jira.errors import AttachmentGoneError, AttachmentTooLargeError
from dejabug.media_store.store import MediaStore
from dejabug.ranking import Signature
from dejabug.records.collection import Collection
from dejabug.records.collections import Collections
from dejabug.records.issue_fields import location_of
from dejabug.records.types import ClipRecord, ClipStatus
from dejabug.retrieval import neighbourhood
from dejabug.settings import Settings

log = structlog.get_logger()

# The shorter side, in pixels, of frames that are sampled only to get the signature.
SIGNATURE_ONLY = 32


class ClipIndexer:
    """Embeds clips into a collection."""

    def __init__(
        self,
        connection: redis.Redis,
        encoder: Encoder,
        collections: Collections,
        media: MediaStore,
        attachments: Attachments,
        settings: Settings,
    ) -> None:
        self._redis = connection
        self._encoder = encoder
        self._collections = collections
        self._media = media
        self._attachments = attachments
        self._settings = settings

    def embed_clip(
        self, collection: Collection, clip: ClipRecord, where: ClipLocation
    ) -> ClipRecord | None:
        """Download a clip, sample and embed its frames, and write them to this collection's index.
        Returns the clip's new record, indexed or failed with the reason, or None if Jira no longer
        has it.

        A file that is on two issues is embedded once: the second job waits, and copies. Raises
        JiraError when Jira is unavailable; redis.RedisError when Redis is, before anything is done;
        UnwantedError when an attachment of unknown type is not a clip.
        """
        self._collections.location.connection().ping()
        try:
            with self._attachments.fetched(clip) as path:
                content = sha256_of(path)
                name = f"dejabug:lock:content:{collection.slug}:{content}"
                with held(self._redis, name):
                    done = self._copied(collection, clip, where, content)
                    done = done or self._sampled(collection, clip, where, path)
                    done = replace(done, content=content)
                    collection.catalogue.put_outcome(done)  # for a job waiting for the same file
                return done
        except AttachmentGoneError:
            return None
        except AttachmentTooLargeError as error:
            return _failed(clip, "too_large", str(error))
        except media.ClipError as error:
            if clip.unsure and error.code == "not_a_video":
                # Sound alone, or bytes that only begin like a recording.
                raise UnwantedError from error
            return _failed(clip, error.code, str(error))

    def tell_outcome(self, collection: Collection, clip: ClipRecord, seconds: float) -> None:
        """Update a clip's result to match its issue as it is now, and report it."""
        issue = collection.catalogue.issue(clip.issue_id)
        if clip.unshown:  # it may have changed a moment ago
            self._media.thumbnails.forget(clip.id)
        if clip.status is ClipStatus.INDEXED:
            collection.throughput.record(seconds, clip.size)
            if issue is not None:  # it may have moved meanwhile
                collection.index.move_clip(clip.id, location_of(issue))
            neighbourhood.compare_clip(collection, clip.id)
        reason = clip.reason.split(":")[0] if clip.status is ClipStatus.FAILED else ""
        CLIPS_DONE.labels(str(clip.status), reason).inc()
        log.info(
            "clip_done",
            clip=clip.id,
            issue=issue.key if issue else clip.issue_id,
            status=str(clip.status),
            reason=reason,
            frames=clip.frames,
            seconds=round(seconds, 2),
        )

    def _copied(
        self, collection: Collection, clip: ClipRecord, where: ClipLocation, content: str
    ) -> ClipRecord | None:
        """The clip, indexed by copying the frames of another clip with the same file."""
        for twin in collection.catalogue.twins(content):
            frames = collection.index.clip_vectors([twin.id]).get(twin.id)
            if twin.id != clip.id and frames is not None:
                signature = collection.index.signatures([twin.id]).get(twin.id)
                collection.index.write_clip(clip.id, where, frames.times, frames.vectors, signature)
                if not clip.unshown:
                    with self._drawing(clip.id):
                        self._media.thumbnails.copy(twin.id, clip.id)
                log.info("clip_copied", clip=clip.id, same_as=twin.id)
                return _indexed(clip, twin.frames, twin.duration, twin.reason)
        return None

    def _sampled(
        self, collection: Collection, clip: ClipRecord, where: ClipLocation, path: Path
    ) -> ClipRecord:
        """The clip, indexed from its own frames. Raises ClipError."""
        frames = self.sample(path)
        with stage("embed"):
            vectors = self._encoder.embed_images(frames.pixels)
        with stage("write"):
            collection.index.write_clip(clip.id, where, frames.times, vectors, signature_of(frames))
        # Another encoder's frames may have other times, and their thumbnails are still shown.
        beside = len(self._collections.all()) > 1
        if not clip.unshown:
            with stage("pictures"), self._drawing(clip.id):
                self._media.thumbnails.write(
                    clip.id, frames.times.tolist(), frames.pixels, beside=beside
                )
        return _indexed(clip, len(frames.times), frames.duration, note_on(frames))

    def _drawing(self, clip_id: str) -> AbstractContextManager[None]:
        """Held while a clip's thumbnails are written: two encoders' workers may do so at once."""
        return held(self._redis, f"dejabug:lock:pictures:{clip_id}")

    def sample(self, path: Path, *, timeout: float = math.inf) -> media.Frames:
        """Sample a clip by the settings, within their limits, and in `timeout` seconds. Raises
        ClipError."""
        return sample_for(self._settings, path, self._encoder.image_size, timeout=timeout)


def _indexed(clip: ClipRecord, frames: int, duration: float, note: str) -> ClipRecord:
    return replace(clip, status=ClipStatus.INDEXED, reason=note, frames=frames, duration=duration)


def note_on(frames: media.Frames) -> str:
    """Which part of a clip was not analysed and why; empty if all was."""
    return "; ".join(frames.notes())


def signature_of(frames: media.Frames) -> Signature:
    """The signature decoded along with a clip's frames, in the index's format."""
    return Signature(frames.signature.times, frames.signature.pictures)


def sample_signature(settings: Settings, path: Path) -> Signature:
    """A clip's signature, the same as `sample` gives, without a model. Also works for a clip that
    shows nothing, since an earlier version may have indexed it. Raises ClipError."""
    return signature_of(sample_for(settings, path, SIGNATURE_ONLY, drop_duplicates=False))


@stage("sample")
def sample_for(
    settings: Settings,
    path: Path,
    image_size: int,
    *,
    timeout: float = math.inf,
    drop_duplicates: bool = True,
) -> media.Frames:
    """The same as `sample` without the model: `image_size` is the encoder's, in pixels. Raises
    ClipError."""
    return media.sample_frames(
        path,
        rate=settings.frames_per_second,
        max_frames=settings.max_frames,
        short_side=image_size,
        limits=limits_of(settings, timeout=timeout),
        program=media.find_ffmpeg(settings.ffmpeg),
        drop_duplicates=drop_duplicates,
    )


def limits_of(settings: Settings, *, timeout: float = math.inf) -> media.Limits:
    """The settings' limits for decoding one clip, and at most `timeout` seconds."""
    return media.Limits(
        timeout_seconds=min(settings.decode_timeout, timeout),
        memory_bytes=settings.decode_memory,
        max_bytes=settings.clip_max_bytes,
        sandbox=settings.decode_sandbox,
    )


def _failed(clip: ClipRecord, code: str, message: str) -> ClipRecord:
    return replace(clip, status=ClipStatus.FAILED, reason=f"{code}: {message}")


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
