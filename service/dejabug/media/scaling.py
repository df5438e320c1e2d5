"""Sizes that frames are scaled to, and the scaling filter."""

from __future__ import annotations

# Nearest to PIL's bicubic, which CLIP's training used (44.9 dB); no flag costs measurable time.
SCALE_FLAGS = "bicubic+accurate_rnd+full_chroma_int"
# A long side may be at most this many short sides; a longer panorama is squashed to that.
LONGEST_SIDE = 3
# A preview's sides in pixels: two of them fit side by side into a Jira panel.
PREVIEW_SHORT = 360
PREVIEW_LONG = 1280


def scaled_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    """Width and height with the shorter side at `short_side`, aspect kept within LONGEST_SIDE."""
    factor = short_side / min(width, height)
    longest = short_side * LONGEST_SIDE
    return min(round(width * factor), longest), min(round(height * factor), longest)


def scaling_terms(short_side: int) -> tuple[str, str]:
    """The same as `scaled_size` in ffmpeg's terms, for an image whose size ffmpeg determines."""
    longest = short_side * LONGEST_SIDE
    width, height = (f"min(round({s}*{short_side}/min(iw,ih)),{longest})" for s in ("iw", "ih"))
    return width, height


def preview_size(width: int, height: int) -> tuple[int, int]:
    """Even sides (H.264's chroma has half as many) within a preview's limits, never upscaled.

    Sides of one pixel become two.
    """
    shrunk = min(PREVIEW_SHORT / min(width, height), PREVIEW_LONG / max(width, height))
    factor = min(1.0, shrunk)
    return _even(width * factor), _even(height * factor)


def _even(side: float) -> int:
    return max(2, int(side + 0.001) // 2 * 2)
