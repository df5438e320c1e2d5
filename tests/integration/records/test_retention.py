"""Retention cut-offs at their limits: which clips are purged, and which are only hidden."""

from __future__ import annotations

import time

import pytest
import redis

from dejabug.jira.models import Attachment, Issue
from dejabug.records.retention import EVERY, Cutoffs, Retention, clip_record
from dejabug.records.types import ClipStatus

DAY = 86_400  # seconds


@pytest.mark.parametrize(
    ("cutoffs", "purges", "hides"),
    [
        (Cutoffs(), False, False),
        (Cutoffs(clips={"GAME": 100.5}), True, True),
        (Cutoffs(clips={"GAME": 100.0}), False, False),  # what came in that very moment stays
        (Cutoffs(clips={EVERY: 100.5}), True, True),
        (Cutoffs(clips={EVERY: 100.0}), False, False),
        (Cutoffs(clips={"OTHER": 900.0}), False, False),
        # The later of two counts, whichever it is.
        (Cutoffs(clips={"GAME": 50.0, EVERY: 100.5}), True, True),
        (Cutoffs(clips={"GAME": 100.5, EVERY: 50.0}), True, True),
        (Cutoffs(pictures={"GAME": 100.5}), False, True),
        (Cutoffs(pictures={"GAME": 100.0}), False, False),
        (Cutoffs(pictures={EVERY: 100.5}), False, True),
        (Cutoffs(always=100.5), True, True),
        (Cutoffs(always=100.0), False, False),
        (Cutoffs(clips={"GAME": 50.0}, always=100.5), True, True),
        (Cutoffs(clips={"GAME": 100.5}, always=50.0), True, True),
        (Cutoffs(clips={"GAME": 50.0}, pictures={"GAME": 100.5}, always=50.0), False, True),
    ],
)
def test_a_clip_that_came_before_the_latest_cut_off_goes(
    cutoffs: Cutoffs, purges: bool, hides: bool
) -> None:
    assert cutoffs.purges("GAME", 100.0) is purges
    assert cutoffs.hides("GAME", 100.0) is hides


def test_a_clip_of_unknown_age_is_kept_whatever_is_cut_off() -> None:
    cutoffs = Cutoffs(clips={EVERY: 9e9}, pictures={EVERY: 9e9}, always=9e9)
    assert not cutoffs.purges("GAME", 0.0)
    assert not cutoffs.hides("GAME", 0.0)


def test_a_later_cut_off_replaces_an_earlier_one_of_the_same_kind(store: redis.Redis) -> None:
    retention = Retention(store, 0)
    retention.put("clips", "GAME", 100.0)
    retention.put("pictures", "GAME", 50.0)
    retention.put("clips", "GAME", 100.5)
    retention.put("clips", "GAME", 100.2)
    retention.put("pictures", "GAME", 40.0)
    assert retention.cutoffs() == Cutoffs({"GAME": 100.5}, {"GAME": 50.0}, 0.0)


def test_what_is_lifted_is_forgotten_for_that_project_alone(store: redis.Redis) -> None:
    retention = Retention(store, 0)
    for project in ("GAME", "OTHER", EVERY):
        retention.put("clips", project, 100.0)
        retention.put("pictures", project, 200.0)
    retention.lift("GAME")
    assert retention.cutoffs().clips == {"OTHER": 100.0, EVERY: 100.0}
    assert retention.cutoffs().pictures == {"OTHER": 200.0, EVERY: 200.0}
    retention.lift(EVERY)
    assert retention.cutoffs() == Cutoffs({"OTHER": 100.0}, {"OTHER": 200.0}, 0.0)


def test_the_setting_counts_in_days_back_from_now(store: redis.Redis) -> None:
    assert Retention(store, 0).cutoffs().always == 0.0
    before = time.time()
    always = Retention(store, 30).cutoffs().always
    assert before - 30 * DAY <= always <= time.time() - 30 * DAY


@pytest.mark.parametrize(
    ("cutoffs", "status", "unshown"),
    [
        (Cutoffs(), ClipStatus.QUEUED, False),
        (Cutoffs(clips={"GAME": 2e9}), ClipStatus.PURGED, True),
        (Cutoffs(pictures={"GAME": 2e9}), ClipStatus.QUEUED, True),
    ],
)
def test_a_clip_is_first_known_as_the_cut_offs_have_it(
    cutoffs: Cutoffs, status: ClipStatus, unshown: bool
) -> None:
    file = Attachment("7", "a.mp4", "video/mp4", 9, None, "2026-01-12T09:00:00.000+0100")
    clip = clip_record(file, Issue("1", "GAME-1", "GAME"), cutoffs)
    assert (clip.id, clip.issue_id, clip.filename, clip.size) == ("7", "1", "a.mp4", 9)
    assert (clip.status, clip.unshown) == (status, unshown)
    assert clip.attached == 1768204800.0


def test_a_clip_whose_time_cannot_be_read_is_of_unknown_age_and_kept() -> None:
    file = Attachment("7", "a.mp4", "video/mp4", 9, None, "yesterday")
    clip = clip_record(file, Issue("1", "GAME-1", "GAME"), Cutoffs(always=9e9))
    assert (clip.status, clip.unshown, clip.attached) == (ClipStatus.QUEUED, False, 0.0)
