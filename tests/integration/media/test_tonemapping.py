"""HDR and wide colours as an SDR screen shows them: both methods, in frames and in previews."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import ffmpeg as ffmpeg_python
import numpy as np
import numpy.typing as npt
import pytest

from dejabug import media
from dejabug.media import rendering
from dejabug.media.colours import Colours
from dejabug.media.ffmpeg import command
from dejabug.media.tonemapping import ToneMapper, shown_in_sdr, tone_mapper
from support.numbered_pictures import PATCHES, read_patches
from support.recorders import RECORDINGS

WAYS: tuple[ToneMapper, ...] = ("zscale", "tables")
HDR = [name for name, clip in RECORDINGS.items() if clip.colours.is_hdr and not clip.turned]


def mapped(levels: list[int], colours: Colours, way: ToneMapper) -> npt.NDArray[np.int16]:
    """Grey signals of 16 bits → what is shown, 0 to 255."""
    raw = np.array([[level] * 3 for level in levels], np.uint16).tobytes()
    source: Any = ffmpeg_python.input(
        "pipe:", format="rawvideo", pix_fmt="rgb48le", s=f"{len(levels)}x1"
    )
    shown = shown_in_sdr(source, colours, way)
    output = shown.output("pipe:", format="rawvideo", pix_fmt="rgb24")
    arguments = [each for each in command(media.find_ffmpeg(), output) if each != "-nostdin"]
    done = subprocess.run(arguments, input=raw, capture_output=True, check=True)
    pixels = np.frombuffer(done.stdout, np.uint8).reshape(len(levels), 3)
    assert (np.ptp(pixels, axis=1) <= 1).all()  # grey stays grey
    return pixels[:, 1].astype(np.int16)


@pytest.mark.parametrize("way", WAYS)
def test_pq_is_shown_by_its_light(way: ToneMapper) -> None:
    # Signals of 0, 10, 100, 162.4 (the knee), 203 (white) and 1000 cd/m² by SMPTE ST 2084.
    signals = [0.0, 0.3007, 0.5081, 0.5576, 0.5807, 0.7518]
    shown = mapped([round(65535 * each) for each in signals], Colours(transfer="smpte2084"), way)
    kept = [255 * (light / 203) ** (1 / 2.4) for light in (0, 10, 100, 162.4)]
    assert shown[:4].tolist() == pytest.approx(kept, abs=2)
    assert 236 <= shown[4] <= 248
    assert shown[5] == 255


@pytest.mark.parametrize("way", WAYS)
def test_hlg_shows_its_white_as_white(way: ToneMapper) -> None:
    # 75 % is reference white, 38 % a grey card's 26 cd/m² (ITU-R BT.2408, table 1).
    shown = mapped(
        [0, round(65535 * 0.38), round(65535 * 0.75)], Colours(transfer="arib-std-b67"), way
    )
    assert shown.tolist() == pytest.approx([0, 255 * (26 / 203) ** (1 / 2.4), 243], abs=6)


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_both_ways_show_the_same_grey(transfer: str) -> None:
    levels = list(range(0, 65536, 1024))
    colours = Colours(transfer=transfer)
    zscale, tables = (mapped(levels, colours, way) for way in WAYS)
    # Near black, linear light of 16 bits is coarse.
    assert np.abs(zscale - tables).max() <= 5
    assert np.abs(zscale - tables)[16:].max() <= 2
    assert (np.diff(zscale) >= 0).all()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", HDR)
def test_colours_of_hdr_are_those_of_sdr(
    name: str, way: ToneMapper, recorded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "tone_mapper", lambda _: way)
    picture = media.sample_frames(recorded(name), drop_duplicates=False).pixels[0]
    assert np.abs(read_patches(picture) - np.array(PATCHES)).max() <= 16


def test_a_preview_has_the_colours_of_the_frames(recorded: Any, tmp_path: Path) -> None:
    clip = recorded(HDR[0])
    media.make_preview(clip, tmp_path / "preview.mp4")
    preview = media.sample_frames(tmp_path / "preview.mp4", drop_duplicates=False).pixels[0]
    frame = media.sample_frames(clip, drop_duplicates=False).pixels[0]
    assert np.abs(read_patches(preview) - read_patches(frame)).max() <= 8


def test_the_way_is_chosen_by_the_filters_that_an_ffmpeg_has(tmp_path: Path) -> None:
    assert tone_mapper(media.find_ffmpeg()) == "zscale"
    plain = tmp_path / "ffmpeg"
    plain.write_text("#!/bin/sh\necho ' TS lutrgb  V->V  Compute a table. (zscale tonemap)'\n")
    plain.chmod(0o755)
    assert tone_mapper(str(plain)) == "tables"
