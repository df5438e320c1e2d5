"""A file → its probe and its sampled frames. ffmpeg child processes only, each within limits."""

from __future__ import annotations

from dejabug.media.ffmpeg import ClipError, Limits, ffmpeg_version, find_ffmpeg
from dejabug.media.probe import Probe, is_video, probe
from dejabug.media.sampling import Frames, sample_frames

__all__ = [
    "ClipError",
    "Frames",
    "Limits",
    "Probe",
    "ffmpeg_version",
    "find_ffmpeg",
    "is_video",
    "probe",
    "sample_frames",
]
