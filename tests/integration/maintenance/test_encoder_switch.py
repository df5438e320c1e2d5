"""Why a new collection should not become active yet, each reason at its limit. No model is loaded:
tests write clips and frames to both collections."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from dejabug.index import ClipLocation
from dejabug.maintenance.encoder_switch import EncoderSwitch
from dejabug.records.types import ClipRecord, ClipStatus, IssueRecord
from dejabug.services import Services
from support.waiting import wait_until

INDEXED, FAILED, PURGED = ClipStatus.INDEXED, ClipStatus.FAILED, ClipStatus.PURGED
VECTOR = np.eye(4, dtype=np.float32)[:1]


@pytest.fixture
def switch(cold_services: Services) -> EncoderSwitch:
    """Two empty collections; there is an issue in each of two projects."""
    names = ("old", "new")
    for name in names:
        cold_services.collections.note_encoder(name, 4, "a test's")
    old, new = map(cold_services.collections.get, names)
    for number, project in (("1", "GAME"), ("2", "OTHER")):
        new.catalogue.put_issue(IssueRecord(number, f"{project}-1", project, ""))
    return EncoderSwitch(cold_services.redis, old, new)


def put(switch: EncoderSwitch, ids: Iterable[int], old: ClipStatus, new: ClipStatus) -> None:
    """Clips, by turns on both issues, as the two collections know them; those that are indexed in
    the new one have a frame there."""
    for number in ids:
        issue, project = [("1", "GAME"), ("2", "OTHER")][number % 2]
        for kept, status in ((switch.old, old), (switch.new, new)):
            kept.catalogue.put_clip(ClipRecord(str(number), issue, "a.mp4", 1, status))
        if new is INDEXED:
            where = ClipLocation(issue, project, "")
            switch.new.index.write_clip(str(number), where, np.zeros(1, np.float32), VECTOR)


def test_a_collection_that_holds_all_of_the_old_one_leaves_no_doubt(switch: EncoderSwitch) -> None:
    put(switch, range(4), INDEXED, INDEXED)
    assert switch.doubts() == []
    assert list(switch.lost()) == []


def test_an_empty_collection_after_an_empty_one_leaves_no_doubt(switch: EncoderSwitch) -> None:
    assert switch.doubts() == []


def test_one_clip_of_a_hundred_may_be_lost_and_two_may_not(switch: EncoderSwitch) -> None:
    put(switch, range(99), INDEXED, INDEXED)
    put(switch, [100], INDEXED, FAILED)
    assert switch.doubts() == []
    put(switch, [7], INDEXED, FAILED)
    switch.new.index.forget_clip("7")
    assert [clip.id for clip in switch.lost()] == ["100", "7"]
    assert switch.doubts() == ["2 of 100 clips failed only with the new encoder"]


def test_a_clip_that_the_old_encoder_could_not_read_either_is_not_lost(
    switch: EncoderSwitch,
) -> None:
    put(switch, [1], INDEXED, INDEXED)
    put(switch, range(2, 9), FAILED, FAILED)
    put(switch, [9], PURGED, PURGED)
    assert switch.doubts() == []


def test_a_clip_that_is_said_to_be_in_and_has_no_frames_is_a_doubt(switch: EncoderSwitch) -> None:
    put(switch, range(4), INDEXED, INDEXED)
    switch.new.index.forget_clip("3")
    told = ["the index has only 3 of the 4 clips that should be in it"]
    assert switch.doubts() == told
    put(switch, [3], INDEXED, INDEXED)
    assert switch.doubts() == []


def test_frames_that_redis_could_not_index_are_a_doubt(switch: EncoderSwitch) -> None:
    put(switch, range(2), INDEXED, INDEXED)
    # Half a vector, as from a writer that was of another model.
    (frame, *_) = switch.new.home.connection().scan_iter(f"dejabug:frame:{switch.new.slug}:*")
    switch.new.home.connection().hset(frame, "vector", VECTOR.astype(np.float16).tobytes()[:4])
    # Redis counts it twice while it still looks through the keys of a new index, perhaps meanwhile.
    before = wait_until(lambda: switch.new.index.state().failures)
    doubts = switch.doubts()
    counts = range(before, switch.new.index.state().failures + 1)
    assert doubts in [[f"Redis could not index {count} frames"] for count in counts]


def test_every_doubt_is_told(switch: EncoderSwitch) -> None:
    put(switch, range(4), INDEXED, INDEXED)
    put(switch, [4], INDEXED, FAILED)
    switch.new.index.forget_clip("3")
    assert switch.doubts() == [
        "1 of 5 clips failed only with the new encoder",
        "the index has only 3 of the 4 clips that should be in it",
    ]


def test_what_is_missing_is_what_the_old_one_knows_of_issues_that_still_exist(
    switch: EncoderSwitch,
) -> None:
    put(switch, [1], INDEXED, INDEXED)
    put(switch, [2], INDEXED, FAILED)  # had its turn
    for number, issue in ((3, "2"), (4, "gone")):
        switch.old.catalogue.put_clip(ClipRecord(str(number), issue, "a.mp4", 1, INDEXED))
    assert switch.missing() == ["3"]
    assert switch.take(switch.missing()) == ["3"]
    assert switch.missing() == []
    counts = switch.counts()
    assert (counts.known, counts.done, counts.failed, counts.clips) == (4, 2, 1, 1)
