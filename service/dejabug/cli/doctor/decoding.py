"""Checks of what decodes clips: ffmpeg, and its sandbox."""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image

from dejabug import media
from dejabug.cli.doctor.finding import UnwellError
from dejabug.services import Services


def check_ffmpeg(services: Services) -> str:
    """The ffmpeg that decodes clips. Raises UnwellError."""
    try:
        found = media.look_at_ffmpeg(services.settings.ffmpeg)
        if found.too_old:
            raise UnwellError(found.says, media.ffmpeg_remedy())
        if services.settings.shows_media and not media.writes_h264(found.program):
            raise UnwellError(
                f"{found.program} cannot write H.264, so that no clip can be shown",
                "Install the system's ffmpeg, or pip install imageio-ffmpeg.",
            )
        return f"{found.says}, tone-maps HDR by {media.tone_mapper(found.program)}"
    except OSError as error:
        raise UnwellError(
            str(error), "Install ffmpeg, or set DEJABUG_FFMPEG to one that runs here."
        ) from error


def check_sandbox(services: Services) -> str:
    """The rights that it gives up. Raises UnwellError."""
    settings = services.settings
    limits = media.Limits(memory_bytes=settings.decode_memory, sandbox=settings.decode_sandbox)
    remedy = (
        "Use a kernel with Landlock, and an ffmpeg that lies under /usr. Without a sandbox clips "
        "are decoded by DEJABUG_DECODE_SANDBOX=off: docs/explanation/malicious-files.md says what is lost."
    )
    with tempfile.TemporaryDirectory(prefix="dejabug-") as folder:
        picture = Path(folder) / "clip"
        Image.new("RGB", (64, 64)).save(picture, "BMP")
        try:
            program = media.find_ffmpeg(settings.ffmpeg)
            media.sample_frames(picture, limits=limits, program=program, drop_duplicates=False)
            return f"{media.told_protection(settings.decode_sandbox)}, and a picture is read in it"
        except FileNotFoundError:
            return "without ffmpeg, nothing is decoded"  # a finding of its own
        except (media.SandboxMissingError, media.ClipError, OSError) as error:
            raise UnwellError(f"no picture can be read in it: {error}", remedy) from error
