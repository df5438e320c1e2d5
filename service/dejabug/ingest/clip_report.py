"""A file → what the service reads from it and what it leaves out, for people who wonder why a clip
finds nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dejabug import media
from dejabug.ingest.clip_indexer import limits_of, sample_for
from dejabug.media.scaling import scaled_size
from dejabug.media.tracks import Track, Tracks, read_tracks
from dejabug.records.types import ClipStatus
from dejabug.settings import Settings

# The image size, in pixels, of the default encoder, CLIP. Known here without loading the model,
# which takes seconds.
CLIP_IMAGE_SIZE = 224
NO_TRACKS = Tracks(())


@dataclass(frozen=True)
class ClipReport:
    """What was read from a file: `about` and `tracks` from its header, `frames` from its content;
    None if they could not be read, and `failure` says why. `mapper`: which of ffmpeg's filters
    converts HDR and wide colours to SDR; empty if nothing is converted.
    """

    path: Path
    image_size: int
    about: media.Probe | None = None
    tracks: Tracks = NO_TRACKS
    frames: media.Frames | None = None
    failure: media.ClipError | None = None
    mapper: str = ""

    @property
    def status(self) -> ClipStatus:
        """The status that the clip would get in the service."""
        return ClipStatus.INDEXED if self.frames is not None else ClipStatus.FAILED

    @property
    def reason(self) -> str:
        """Why it failed, as the service records it: `code: message`; empty if it did not."""
        return f"{self.failure.code}: {self.failure}" if self.failure else ""

    @property
    def sampled_size(self) -> tuple[int, int] | None:
        """Width and height of its frames, in pixels."""
        if self.frames is not None:
            height, width = self.frames.pixels.shape[1:3]
            return width, height
        if self.about is None:
            return None
        return scaled_size(self.about.width, self.about.height, self.image_size)

    @property
    def duration(self) -> float | None:
        """Seconds; None if the file does not say."""
        if self.frames is not None:
            return self.frames.duration
        return self.about.duration if self.about else None

    @property
    def notes(self) -> list[str]:
        """Which part of the clip was not analysed and why, a sentence each."""
        return self.frames.notes() if self.frames is not None else []

    @property
    def times(self) -> list[float]:
        """The times of its frames, in seconds, without near-duplicates and blank ones."""
        return _seconds(self.frames.times) if self.frames is not None else []

    @property
    def sampled_times(self) -> list[float]:
        """The same with near-duplicates and blank ones."""
        return _seconds(self.frames.sampled_times) if self.frames is not None else []

    @property
    def other_tracks(self) -> list[Track]:
        """The video streams that are not read."""
        shown = self.about.track if self.about else -1
        return [track for track in self.tracks.found if track.number != shown]

    def as_json(self) -> dict[str, Any]:
        """The report for scripts; sizes as sampled, seconds rounded to a thousandth."""
        width, height = self.sampled_size or (None, None)
        truncated = self.frames is not None and self.frames.truncated
        return {
            "duration": None if self.duration is None else round(self.duration, 3),
            "width": width,
            "height": height,
            "times": self.times,
            "sampled_times": self.sampled_times,
            "truncated": truncated or (self.failure is not None and _is_cut_off(self.failure)),
            "notes": self.notes,
            "status": str(self.status),
            "reason": self.reason,
        }


def examine_clip(settings: Settings, path: Path, image_size: int = CLIP_IMAGE_SIZE) -> ClipReport:
    """Read a file as the service does, with its settings, limits and sandbox.

    Needs neither Redis nor the model. Raises FileNotFoundError without an ffmpeg, and
    SandboxMissingError; problems of the file itself are in the report.
    """
    program, limits = media.find_ffmpeg(settings.ffmpeg), limits_of(settings)
    try:
        about = media.probe(path, limits=limits, program=program)
    except media.ClipError as error:
        return ClipReport(path, image_size, failure=error)
    converted = about.colours.curve != "sdr" or about.colours.gamut
    mapper = media.tone_mapper(program) if converted else ""
    tracks, frames, failure = NO_TRACKS, None, None
    try:
        tracks = read_tracks(path, limits=limits, program=program)
        frames = sample_for(settings, path, image_size)
    except media.ClipError as error:
        failure = error
    return ClipReport(path, image_size, about, tracks, frames, failure, mapper)


def _is_cut_off(failure: media.ClipError) -> bool:
    return failure.code == "truncated"


def _seconds(times: Any) -> list[float]:
    return [round(float(time), 3) for time in times]
