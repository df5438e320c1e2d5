"""A file → its probe, its sampled frames, its preview. ffmpeg child processes only, each within
limits."""

from __future__ import annotations

from dejabug.media.ffmpeg import ClipError, Limits, ffmpeg_version, find_ffmpeg, writes_h264
from dejabug.media.kinds import is_evidence, is_image, is_video
from dejabug.media.preview import UNFINISHED, EncoderMissingError, make_preview
from dejabug.media.probe import Probe, probe
from dejabug.media.sampling import Frames, sample_frames

__all__ = [
    "UNFINISHED",
    "ClipError",
    "EncoderMissingError",
    "Frames",
    "Limits",
    "Probe",
    "ffmpeg_version",
    "find_ffmpeg",
    "is_evidence",
    "is_image",
    "is_video",
    "make_preview",
    "probe",
    "sample_frames",
    "writes_h264",
]
