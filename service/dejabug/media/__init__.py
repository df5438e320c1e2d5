"""A file → its probe, its sampled frames, its preview. Only ffmpeg child processes read the file,
each within limits and with few rights."""

from __future__ import annotations

from dejabug.media.errors import ClipError, SandboxMissingError
from dejabug.media.ffmpeg import ffmpeg_version, find_ffmpeg, writes_h264
from dejabug.media.kinds import is_evidence, is_image, is_video
from dejabug.media.limited_process import LONGEST, Limits, told_protection
from dejabug.media.preview import UNFINISHED, EncoderMissingError, make_preview
from dejabug.media.probe import Probe, probe
from dejabug.media.sampling import Frames, Signature, sample_frames
from dejabug.media.tonemapping import tone_mapper
from dejabug.media.versions import ffmpeg_remedy, look_at_ffmpeg

__all__ = [
    "LONGEST",
    "UNFINISHED",
    "ClipError",
    "EncoderMissingError",
    "Frames",
    "Limits",
    "Probe",
    "SandboxMissingError",
    "Signature",
    "ffmpeg_remedy",
    "ffmpeg_version",
    "find_ffmpeg",
    "is_evidence",
    "is_image",
    "is_video",
    "look_at_ffmpeg",
    "make_preview",
    "probe",
    "sample_frames",
    "told_protection",
    "tone_mapper",
    "writes_h264",
]
