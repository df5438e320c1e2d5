"""Draws a clip's contact sheet from its stored frames."""

from __future__ import annotations

import io

import structlog
from PIL import Image

from dejabug.media_store.contact_sheet import Tile, clock, contact_sheet
from dejabug.records.types import ClipRecord
from dejabug.services import Services

log = structlog.get_logger()

JPEG_QUALITY = 88  # the frames are JPEGs already


def drawn_sheet(services: Services, clip: ClipRecord) -> bytes | None:
    """A JPEG of all frames of a clip; None if none are stored. Raises StoreAwayError."""
    kept = services.media.thumbnails.every(clip.id)
    tiles = []
    for time, data in kept:
        try:
            tiles.append(Tile(Image.open(io.BytesIO(data)).convert("RGB"), time))
        except OSError:  # damaged on disk
            log.warning("picture_damaged", clip=clip.id, time=time)
    if not tiles:
        return None
    issue = services.collections.active.catalogue.issue(clip.issue_id)
    about = [f"{len(tiles)} frames" if len(tiles) > 1 else "1 frame"]
    if clip.duration:
        about.insert(0, f"{clock(clip.duration)} long")
    lines = [", ".join([*([issue.key] if issue else []), *about])]
    lines += [f"note: {clip.reason}"] if clip.reason else []
    target = io.BytesIO()
    contact_sheet(clip.filename, lines, tiles).save(target, "JPEG", quality=JPEG_QUALITY)
    return target.getvalue()
