"""The colours that ffmpeg reports for a file → the colours that are shown."""

from __future__ import annotations

import pytest

from dejabug.media.colours import Colours, colours_of

HDR10 = "tv, bt2020nc/bt2020/smpte2084, progressive"


@pytest.mark.parametrize(
    ("details", "colours"),
    [
        ("", Colours("yuv420p")),
        ("progressive", Colours("yuv420p")),
        ("tv", Colours("yuv420p", False)),
        ("pc, bt470bg/unknown/unknown", Colours("yuv420p", True, "bt470bg")),
        ("tv, bt709, progressive", Colours("yuv420p", False, "bt709", "bt709", "bt709")),
        ("bt709, top first", Colours("yuv420p", None, "bt709", "bt709", "bt709")),
        (HDR10, Colours("yuv420p", False, "bt2020nc", "bt2020", "smpte2084")),
        (
            "tv, unknown/bt2020/arib-std-b67",
            Colours("yuv420p", False, "", "bt2020", "arib-std-b67"),
        ),
        ("tv, reserved/reserved/bt709", Colours("yuv420p", False, "", "", "bt709")),
        ("10 bpc, top coded first (swapped)", Colours("yuv420p")),
    ],
)
def test_colours_are_read_from_what_ffmpeg_says_of_a_stream(details: str, colours: Colours) -> None:
    assert colours_of("yuv420p", details) == colours


@pytest.mark.parametrize(
    ("size", "matrix"),
    [
        ((640, 360), "smpte170m"),
        ((720, 576), "smpte170m"),
        ((1279, 576), "smpte170m"),
        ((1280, 500), "bt709"),
        ((720, 577), "bt709"),
        ((1920, 1080), "bt709"),
    ],
)
def test_untagged_pictures_have_the_matrix_that_players_take_for_their_size(
    size: tuple[int, int], matrix: str
) -> None:
    assert Colours("yuv420p").matrix_shown(*size) == matrix


@pytest.mark.parametrize("tag", ["ycgco", "ictcp", "smpte2085", "chroma-derived-nc", "gbr", "film"])
def test_a_matrix_that_no_converter_knows_counts_as_none(tag: str) -> None:
    assert Colours("yuv420p", matrix=tag).matrix_shown(384, 288) == "smpte170m"
    assert Colours("yuv420p", matrix=tag).matrix_shown(1280, 720) == "bt709"


@pytest.mark.parametrize("tag", ["bt709", "smpte170m", "bt470bg", "smpte240m", "bt2020nc"])
def test_a_matrix_that_a_file_names_is_taken_at_its_word_at_any_size(tag: str) -> None:
    assert Colours("yuv420p", matrix=tag).matrix_shown(64, 48) == tag
    assert Colours("yuv420p", matrix=tag).matrix_shown(3840, 2160) == tag


def test_hdr_without_a_matrix_has_that_of_bt2020() -> None:
    for transfer in ("smpte2084", "arib-std-b67"):
        assert Colours("yuv420p10le", transfer=transfer).matrix_shown(640, 360) == "bt2020nc"
    assert Colours("yuv420p10le", primaries="bt2020").matrix_shown(640, 360) == "bt2020nc"
    assert Colours("yuv420p10le", matrix="bt2020c").matrix_shown(640, 360) == "bt2020nc"


@pytest.mark.parametrize("pixels", ["rgb24", "bgra", "gbrp10le", "gray", "ya8", "monob", "pal8"])
def test_red_green_and_blue_and_grey_need_no_matrix(pixels: str) -> None:
    assert Colours(pixels).matrix_shown(1920, 1080) == ""


def test_only_primaries_that_lie_far_from_those_of_bt709_are_converted() -> None:
    assert Colours("yuv420p", primaries="bt2020").gamut == "bt2020"
    assert Colours("yuv420p", primaries="smpte432").gamut == "smpte432"
    assert Colours("yuv420p", primaries="smpte170m").gamut == ""
    assert Colours("yuv420p").gamut == ""
    assert Colours("yuv420p", transfer="smpte2084").gamut == "bt2020"


def test_colours_are_told_in_a_line() -> None:
    told = colours_of("yuv420p10le", HDR10).told()
    assert told == "yuv420p10le, HDR10 (PQ), bt2020nc, bt2020 primaries, limited range"
    assert colours_of("yuv420p", "").told() == "yuv420p, SDR, no matrix tag"
