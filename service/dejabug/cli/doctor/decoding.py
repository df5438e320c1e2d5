"""Checks of the clip decoder: ffmpeg and its sandbox."""

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
                f"{found.program} can't write H.264, so clips have no previews",
                "Install ffmpeg with libx264 from your system's packages, or run: pip install "
                "'dejabug[ffmpeg]'",
            )
        return f"{found.says}, HDR tone mapping by {media.tone_mapper(found.program)}"
    except OSError as error:
        raise UnwellError(
            str(error),
            "Install ffmpeg, or set DEJABUG_FFMPEG to its path, e.g. /usr/bin/ffmpeg",
        ) from error


def check_sandbox(services: Services) -> str:
    """ffmpeg's sandbox, tested on an image. Raises UnwellError."""
    settings = services.settings
    limits = media.Limits(memory_bytes=settings.decode_memory, sandbox=settings.decode_sandbox)
    remedy = (
        "Use a kernel with Landlock and an ffmpeg under /usr. To decode clips without a sandbox, "
        "set DEJABUG_DECODE_SANDBOX=off; docs/explanation/malicious-files.md describes the risk."
    )
    with tempfile.TemporaryDirectory(prefix="dejabug-") as folder:
        picture = Path(folder) / "clip"
        Image.new("RGB", (64, 64)).save(picture, "BMP")
        try:
            program = media.find_ffmpeg(settings.ffmpeg)
            media.sample_frames(picture, limits=limits, program=program, drop_duplicates=False)
            return f"{media.told_protection(settings.decode_sandbox)}, and a test image decodes"
        except FileNotFoundError:
            return "not tested, since there is no ffmpeg"  # which is another check
        except (media.SandboxMissingError, media.ClipError, OSError) as error:
            raise UnwellError(f"a test image can't be decoded in it: {error}", remedy) from error
