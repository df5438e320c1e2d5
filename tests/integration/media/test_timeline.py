"""A clip's packets, as ffmpeg lists them → its times. Each rule at its limits, without a file."""

from __future__ import annotations

import math

import pytest

from dejabug.media.probe import Probe
from dejabug.media.timeline import (
    LONGEST_SKIPPED,
    Timeline,
    TracedPicture,
    can_skip,
    ends_early,
    timeline_of,
    traced_pictures,
)

# Decoding time, presentation time, duration in tenths of a second, and flags if any: none are a
# keyframe, F=0x0 is no keyframe, and 0x4 marks what is never shown.
Packet = tuple[object, object, int, str]


def listing(*packets: Packet) -> str:
    """As ffmpeg's framecrc writes it."""
    rows = [
        f"0, {dts}, {pts}, {lasts}, 100, 0x4c2fbf2e{flags}" for dts, pts, lasts, flags in packets
    ]
    return "\n".join(["#tb 0: 1/10", *rows])


def steady(count: int, first: int = 0, every: int = 1) -> list[Packet]:
    """Pictures of a tenth of a second, each `every`th a keyframe."""
    return [
        (first + n, first + n, 1, "" if n % every == 0 else ", F=0x0") for n in range(count)
    ]  # fmt: skip


def read(
    *packets: Packet,
    talk: str = "",
    announced: float | None = None,
    longest: float = 1800.0,
    codec: str = "vp9",
) -> Timeline:
    about = Probe("matroska,webm", codec, 64, 48, announced, 10.0)
    return timeline_of(listing(*packets), talk, about, longest)


def test_a_clip_lasts_from_its_first_picture_to_the_end_of_its_last() -> None:
    assert read(*steady(30)).duration == pytest.approx(3.0)
    assert read(*steady(30, first=50)).duration == pytest.approx(3.0)
    assert read((0, 0, 1, ""), (1, 1, 7, "")).duration == pytest.approx(0.8)


def test_pictures_are_shown_at_their_presentation_times_in_whatever_order_they_are_stored() -> None:
    # The key picture at 0, the one at 3 that others need, those between.
    packets = [(-5, 0, 1, ""), (-1, 3, 1, ", F=0x0"), (0, 1, 1, ", F=0x0"), (1, 2, 1, ", F=0x0")]
    found = read(*packets)
    assert found.duration == pytest.approx(0.4)
    assert found.keyframe_gap == pytest.approx(0.3)


@pytest.mark.parametrize("unknown", ["NOPTS", -(2**63)])
def test_where_there_is_no_presentation_time_the_decoding_time_stands_in(unknown: object) -> None:
    assert read((0, unknown, 1, ""), (4, unknown, 1, "")).duration == pytest.approx(0.5)
    assert read((unknown, unknown, 1, "")).duration is None


def test_pictures_outside_the_edit_list_are_not_shown() -> None:
    packets = [(-3, -3, 1, ", F=0x5"), (-2, -2, 1, ", F=0x4"), *steady(10), (10, 10, 1, ", F=0x4")]
    found = read(*packets)
    assert found.duration == pytest.approx(1.0)
    assert found.keyframe_gap == pytest.approx(0.1)


def test_where_no_durations_are_kept_the_last_picture_stays_as_long_as_the_others() -> None:
    assert read((0, 0, 0, ""), (2, 2, 0, ""), (8, 8, 0, "")).duration == pytest.approx(1.2)
    assert read((5, 5, 0, "")).duration == 0.0


def test_the_gap_is_the_longest_time_without_a_keyframe_that_at_the_end_included() -> None:
    assert read(*steady(30, every=7)).keyframe_gap == pytest.approx(0.7)
    assert read(*steady(10), *steady(9, first=10, every=9)).keyframe_gap == pytest.approx(0.8)
    key, other = (0, 0, 1, ""), (1, 1, 1, ", F=0x0")
    assert read(other, (2, 2, 1, "")).keyframe_gap == math.inf
    assert read(key, other, *steady(2, first=20)).keyframe_gap == pytest.approx(2.0)


def test_no_more_is_looked_at_than_is_allowed() -> None:
    assert read(*steady(30), longest=2.0).duration == 2.0
    assert not read(*steady(30), longest=3.0, announced=600.0).cut_off


def test_a_file_that_ends_well_before_its_announced_end_is_cut_off() -> None:
    lasts = 5.0
    edge = lasts + 1.5
    assert not read(*steady(50), announced=edge).cut_off
    assert read(*steady(50), announced=edge + 0.01).cut_off
    assert not read(*steady(50), announced=None).cut_off
    # Pictures may begin after sound.
    assert not read(*steady(50, first=30), announced=edge + 3.0).cut_off
    assert read(*steady(50, first=30), announced=edge + 3.01).cut_off


def test_a_file_whose_clock_begins_late_may_count_its_length_from_there_or_from_zero() -> None:
    about = Probe("mov,mp4,m4a,3gp,3g2,mj2", "h264", 64, 48, 12.0, 10.0, start=7.0)
    assert not timeline_of(listing(*steady(50)), "", about, 1800.0).cut_off
    assert timeline_of(listing(*steady(30)), "", about, 1800.0).cut_off


@pytest.mark.parametrize("container", ["mpegts", "mpeg", "gif"])
def test_where_no_length_is_announced_none_is_missing(container: str) -> None:
    about = Probe(container, "h264", 64, 48, 600.0, 10.0)
    assert not timeline_of(listing(*steady(50)), "", about, 1800.0).cut_off


def streams(*rows: str) -> str:
    """A listing of two streams: pictures in tenths of a second, sound in thousandths."""
    return "\n".join(["#tb 0: 1/10", "#tb 1: 1/1000", *rows])


def test_a_file_is_whole_while_any_of_its_streams_goes_to_the_end() -> None:
    about = Probe("flv", "h264", 64, 48, 10.0, 10.0)
    pictures, sound = "0, 0, 29, 1, 9, 0xab", "1, 0, 9000, 20, 9, 0xab"
    assert not ends_early(streams(pictures, sound), about, 1800.0)
    assert ends_early(streams(pictures, "1, 0, 5000, 20, 9, 0xab"), about, 1800.0)
    assert ends_early(streams(pictures), about, 1800.0)
    assert not ends_early(streams(pictures), about, 4.0)


def test_a_damaged_packet_is_the_end_of_a_file_only_where_it_is_the_last() -> None:
    about = Probe("mpegts", "h264", 64, 48, 10.0, 10.0)
    whole, damaged = "0, 0, 1, 1, 9, 0xab, F=0x0", "0, 1, 2, 1, 9, 0xab, F=0x3"
    assert ends_early(streams(whole, damaged), about, 1800.0)
    assert not ends_early(streams(damaged, whole), about, 1800.0)
    assert not ends_early("", about, 1800.0)


@pytest.mark.parametrize(
    ("container", "delays", "duration"),
    [
        ("gif", [1, 1, 1], 0.3),
        ("gif", [2, 2, 2], 0.06),
        ("gif", [1, 50, 0], 0.7),
        ("apng", [1, 1], 0.2),
        ("webp_anim", [1, 1, 1], 0.03),
    ],
)
def test_pictures_of_a_hundredth_of_a_second_and_less_stay_for_a_tenth_as_in_browsers(
    container: str, delays: list[int], duration: float
) -> None:
    starts = [sum(delays[:n]) for n in range(len(delays))]
    rows = [f"0, {at}, {at}, {lasts}, 9, 0xab" for at, lasts in zip(starts, delays, strict=True)]
    about = Probe(container, "gif", 64, 48, None, None)
    found = timeline_of("\n".join(["#tb 0: 1/100", *rows]), "", about, 1800.0)
    assert found.duration == pytest.approx(duration)


def test_the_trace_of_a_few_pictures_says_too_little_of_a_long_clip() -> None:
    """It ends early where it says more than is kept."""
    about = Probe("matroska,webm", "h264", 64, 48, None, 60.0)

    def skippable(traced: int, listed: int) -> bool:
        said = "\n".join(
            f"[trace_headers @ 0x5581] Packet: 90 bytes, pts {n}, dts {n}, duration 1\n"
            + "\n".join(unit(5, 1))
            for n in range(traced)
        )
        return timeline_of(listing(*steady(listed)), "", about, 1800.0, trace=said).skippable

    assert skippable(30, 500)
    assert not skippable(29, 500)
    assert skippable(3, 3)
    assert not skippable(0, 3)


@pytest.mark.parametrize(
    ("talk", "cut_off"),
    [
        ("[mov,mp4] stream 0, offset 0x30: partial file", True),
        ("[matroska,webm @ 0x1] File ended prematurely", True),
        ("[mpegts @ 0x1] Packet corrupt (stream = 0)", True),
        ("all is well", False),
    ],
)
def test_a_file_that_ffmpeg_calls_cut_off_is_cut_off_with_times_and_without(
    talk: str, cut_off: bool
) -> None:
    assert read(*steady(3), talk=talk).cut_off is cut_off
    assert read(talk=talk) == Timeline(None, cut_off, skippable=False)


# Whether pictures, in the order of showing, are referenced (R) or not (n).
@pytest.mark.parametrize(
    ("pictures", "skippable"),
    [
        ("RnRnR", True),
        ("RnRn", True),
        ("RRRR", True),
        ("R", True),
        ("RnnR", False),
        ("nRnR", False),
        ("", False),
    ],
)
def test_unreferenced_pictures_are_skipped_where_each_stands_alone_between_others(
    pictures: str, skippable: bool
) -> None:
    traced = [TracedPicture(ticks, kind == "R") for ticks, kind in enumerate(pictures)]
    assert can_skip(traced, 1 / 60) is skippable
    assert can_skip(reversed(traced), 1 / 60) is skippable


def test_a_picture_that_is_shown_for_long_is_not_skipped() -> None:
    traced = [TracedPicture(0, True), TracedPicture(1, False), TracedPicture(2, True)]
    assert can_skip(traced, LONGEST_SKIPPED)
    assert not can_skip(traced, LONGEST_SKIPPED * 1.001)
    assert can_skip(traced, 1 / 20)  # twenty pictures a second
    assert not can_skip(traced, 1 / 15)
    # However long others are.
    assert can_skip([TracedPicture(0, True), TracedPicture(900, True)], 1.0)


def unit(kind: int, ref_idc: int | None = None) -> list[str]:
    """What ffmpeg traces of a unit of coded video."""
    fields = {"nal_unit_type": kind}
    if ref_idc is not None:
        fields = {"nal_ref_idc": ref_idc, **fields}
    return [
        f"[trace_headers @ 0x5581] {n}           {name}          {value:b} = {value}"
        for n, (name, value) in enumerate(fields.items(), start=1)
    ]


def traced(codec: str, *packets: list[list[str]]) -> list[bool]:
    """Whether each packet's picture is referenced."""
    lines = []
    for number, units in enumerate(packets):
        head = f"[trace_headers @ 0x5581] Packet: 90 bytes, pts {number}, dts {number}, duration 1"
        lines += [head, *(line for each in units for line in each)]
    found = traced_pictures("\n".join(lines), codec)
    assert [picture.ticks for picture in found] == [
        number for number, units in enumerate(packets) if units
    ]
    return [picture.referenced for picture in found]


def test_h264_pictures_are_unreferenced_where_all_of_their_slices_say_so() -> None:
    parameters = [unit(7, 3), unit(8, 3), unit(6, 0)]
    assert traced("h264", [*parameters, unit(5, 1)], [unit(1, 0)], [unit(1, 2)]) == [
        True, False, True,
    ]  # fmt: skip
    assert traced("h264", [unit(1, 0), unit(1, 1), unit(1, 0)]) == [True]
    assert traced("h264", [unit(2, 0), unit(3, 1), unit(4, 1)]) == [False]  # in three partitions
    assert traced("h264", [unit(2, 1)]) == [True]
    # Extra information that nobody refers to, before and after a slice.
    assert traced("h264", [unit(6, 0), unit(1, 1), unit(12, 0)]) == [True]
    assert traced("h264", [unit(1, 0), unit(12, 3)], []) == [False]


@pytest.mark.parametrize(
    ("kind", "referenced"),
    [
        *((even, False) for even in (0, 8, 14)),
        *((odd, True) for odd in (1, 9, 15)),
        *((random_access, True) for random_access in (16, 19, 20, 30)),
    ],
)
def test_hevc_pictures_are_unreferenced_by_the_kind_of_their_slices(
    kind: int, referenced: bool
) -> None:
    assert traced("hevc", [unit(32), unit(33), unit(kind)]) == [referenced]
    assert traced("hevc", [unit(kind), unit(39), unit(40)]) == [referenced]
