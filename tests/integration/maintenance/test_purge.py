"""Footage retention: what is purged stays purged, and comments about it stay correct."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dejabug import media
from dejabug.cli import app
from dejabug.records.retention import EVERY
from dejabug.records.types import ClipStatus
from dejabug.services import ModelServices, Services, set_services
from dejabug.web.media import video_state
from dejabug.worker.periodic import RETENTION, queue_if_due
from support.demo_clips import COWS, PLACEHOLDER, QUIET
from support.jira_site import YEAR, Site, age
from support.tickets import history, tell
from support.workers import work


def purge_older(services: Services, years: float, what: str = "clips") -> int:
    """What the command does."""
    before = time.time() - years * YEAR
    assert what in ("clips", "pictures")
    services.records.retention.put(what, EVERY, before)  # type: ignore[arg-type]
    services.footage_purge.date_clips()
    return len(
        list(services.footage_purge.purge(services.footage_purge.find_old(before, what=what), what))
    )  # type: ignore[arg-type]


@pytest.fixture
def aged(services: Services, jira: Site, clips: Path) -> tuple[str, str]:
    """Two tickets read in, three years and a month old, of the same bug; their keys."""
    told = []
    for name, years in ((COWS[0], 3.0), (COWS[1], 0.1)):
        key = jira.file("GAME", f"cows of {name}", clips / name)
        age(jira, key, years)
        tell(services, jira, key, watch=False)
        told.append(key)
    return told[0], told[1]


def test_old_footage_goes_with_all_that_shows_it_and_nothing_else(
    services: Services, jira: Site, aged: tuple[str, str]
) -> None:
    old, young = (
        services.collections.active.catalogue.clips_of(str(jira.issue(key)["id"]))[0]
        for key in aged
    )
    assert purge_older(services, 2) == 1
    assert not services.collections.active.index.holds(old.id)
    assert services.media.thumbnails.times(old.id) == []
    gone = services.collections.active.catalogue.clip(old.id)
    assert gone is not None
    assert (gone.status, gone.frames, gone.content) == (ClipStatus.PURGED, 0, "")
    assert services.collections.active.index.holds(young.id)
    assert services.media.thumbnails.times(young.id)
    assert services.collections.active.catalogue.words(
        old.issue_id
    )  # what the ticket says is no footage
    assert purge_older(services, 2) == 0
    assert jira.issue(aged[0])["fields"]["attachment"]  # Jira's own file is Jira's


def test_what_was_purged_is_not_read_in_again_by_anything(
    services: Services, jira: Site, aged: tuple[str, str], clips: Path
) -> None:
    purge_older(services, 2)
    issue_id = str(jira.issue(aged[0])["id"])
    for _ in services.backfill.run("project = GAME", restart=True):
        pass
    tell(services, jira, aged[0])
    services.upkeep.run()
    work(services)
    assert services.reconciler.missed(services.jira.issue(issue_id)) is None
    assert services.collections.active.catalogue.count(ClipStatus.PURGED) == 1
    assert services.collections.active.catalogue.count(ClipStatus.INDEXED) == 1
    # Nor is old footage of a ticket that nobody knew yet, nor under another encoder.
    late = jira.file("GAME", "found in the attic", clips / PLACEHOLDER[0])
    age(jira, late, 5)
    tell(services, jira, late)
    assert services.collections.active.catalogue.count(ClipStatus.PURGED) == 2
    services.redis.delete(*services.redis.keys("dejabug:clip*"))
    tell(services, jira, aged[0])
    assert services.collections.active.catalogue.count(ClipStatus.PURGED) == 1


def test_a_clip_that_waits_while_its_time_runs_out_is_not_read(
    services: Services, jira: Site, clips: Path
) -> None:
    key = jira.file("GAME", "cows", clips / COWS[0])
    issue_id = age(jira, key, 3)
    services.issue_sync.take_in(services.jira.issue(issue_id), watch=True)
    services.records.retention.put("clips", "GAME", time.time() - 2 * YEAR)
    work(services)
    (clip,) = services.collections.active.catalogue.clips_of(issue_id)
    assert clip.status is ClipStatus.PURGED
    assert not services.collections.active.index.holds(clip.id)
    paths = [entry["path"] for entry in jira.log()["requests"]]
    assert not [path for path in paths if "/attachment/content/" in path]


@pytest.mark.parametrize("what", ["clips", "pictures"])
def test_a_clip_that_is_purged_while_it_is_embedded_stays_so(
    services: Services, jira: Site, clips: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    key = jira.file("GAME", "cows", clips / COWS[0])
    issue_id = age(jira, key, 3)
    sample: Callable[..., media.Frames] = media.sample_frames

    def sample_and_purge(path: Path, **options: object) -> media.Frames:
        frames = sample(path, **options)
        assert purge_older(services, 2, what) == 1
        return frames

    monkeypatch.setattr(media, "sample_frames", sample_and_purge)
    tell(services, jira, key)
    (clip,) = services.collections.active.catalogue.clips_of(issue_id)
    status = ClipStatus.PURGED if what == "clips" else ClipStatus.INDEXED
    assert (clip.status, clip.unshown) == (status, True)
    assert services.collections.active.index.holds(clip.id) == (what == "pictures")
    assert services.media.thumbnails.times(clip.id) == []


def test_comments_that_rest_on_purged_footage_are_brought_in_line(
    services: Services, jira: Site, aged: tuple[str, str], clips: Path
) -> None:
    history(services, jira, clips, PLACEHOLDER[0], QUIET)
    key = jira.file("GAME", "cows again", clips / COWS[2])
    tell(services, jira, key)
    (comment,) = jira.comments(key)
    assert all(f"[{old}|" in comment["body"] for old in aged)
    purge_older(services, 2)
    work(services)
    (now,) = jira.comments(key)
    assert now["id"] == comment["id"]
    assert f"[{aged[0]}|" not in now["body"]
    assert f"[{aged[1]}|" in now["body"]
    (strip,) = [a for a in jira.issue(key)["fields"]["attachment"] if a["filename"].endswith("png")]
    assert strip["filename"] not in comment["body"]  # the old picture showed purged footage


def test_pictures_alone_may_go_and_the_clip_is_still_found(
    services: Services, jira: Site, aged: tuple[str, str]
) -> None:
    old = services.collections.active.catalogue.clips_of(str(jira.issue(aged[0])["id"]))[0]
    assert purge_older(services, 2, "pictures") == 1
    assert services.collections.active.index.holds(old.id)
    assert services.media.thumbnails.times(old.id) == []
    clip = services.collections.active.catalogue.clip(old.id)
    assert clip is not None
    assert (clip.status, clip.unshown) == (ClipStatus.INDEXED, True)
    services.preview_maker.request(old.id, awaited=True)
    assert services.queues.get("previews").count == 0
    assert video_state(services, clip) == "none"
    # Read again, its frames come back and its pictures do not.
    services.deletion.forget_clip(clip.id, clip.issue_id)
    tell(services, jira, aged[0], watch=False)
    assert services.collections.active.index.holds(old.id)
    assert services.media.thumbnails.times(old.id) == []


def test_footage_is_kept_again_when_that_is_said(
    services: Services, jira: Site, aged: tuple[str, str]
) -> None:
    purge_older(services, 2)
    assert services.footage_purge.lift({"OTHER"}) == 0
    assert services.footage_purge.lift() == 1
    tell(services, jira, aged[0], watch=False)
    assert services.collections.active.catalogue.count(ClipStatus.INDEXED) == 2


def test_every_encoders_vectors_of_old_footage_go(
    services: Services, jira: Site, aged: tuple[str, str]
) -> None:
    old = services.collections.active.catalogue.clips_of(str(jira.issue(aged[0])["id"]))[0]
    frames = services.collections.active.index.clip_vectors([old.id])[old.id]
    where = services.collections.active.index.places([old.id])[old.id]
    services.collections.note_encoder("another:model", frames.vectors.shape[1], "another")
    other = services.collections.get("another:model")
    other.index.write_clip(old.id, where, frames.times, frames.vectors)
    other.catalogue.put_clip(old)
    assert purge_older(services, 2) == 1
    assert not other.index.holds(old.id)


def test_clips_of_earlier_versions_get_their_age_from_jira(
    services: Services, jira: Site, aged: tuple[str, str]
) -> None:
    for key in services.redis.keys("dejabug:clip:*"):
        services.redis.hdel(key, "attached", "unshown")
    assert services.footage_purge.find_old(time.time() - 2 * YEAR) == []
    dated = services.footage_purge.date_clips()
    assert (dated.asked, dated.unknown) == (2, 0)
    assert len(services.footage_purge.find_old(time.time() - 2 * YEAR)) == 1
    # Nothing is known about a clip that Jira does not list, so it stays.
    jira.call("DELETE", f"/rest/api/2/issue/{aged[0]}", "admin")
    for key in services.redis.keys("dejabug:clip:*"):
        services.redis.hdel(key, "attached")
    assert services.footage_purge.date_clips().unknown == 1


def test_workers_purge_once_a_day_by_the_setting(
    services: Services, jira: Site, aged: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    queue_if_due(services, RETENTION)
    assert services.queues.get("default").count == 0  # all is kept by default
    services = ModelServices(
        services.settings.model_copy(update={"retention_days": 730}), loaded=services.encoder
    )
    set_services(services)
    for _ in range(3):
        queue_if_due(services, RETENTION)
    assert services.queues.get("default").job_ids == ["purge"]
    work(services)
    assert services.collections.active.catalogue.count(ClipStatus.PURGED) == 1
    assert services.records.retention.cutoffs().clips == {}  # a longer time set later holds at once


def test_the_command_tells_asks_and_shows(services: Services, aged: tuple[str, str]) -> None:
    tell = CliRunner().invoke
    asked = tell(app, ["purge", "--older-than", "730d"], input="n\n")
    assert asked.exit_code == 1
    assert "Delete 1 clip permanently?" in asked.output
    assert services.collections.active.catalogue.count(ClipStatus.PURGED) == 0
    assert services.records.retention.cutoffs().clips == {}
    done = tell(app, ["purge", "--older-than", "730d", "--project", "game", "--yes"])
    assert "Purged 1 clip." in done.stdout
    shown = tell(app, ["purge"]).stdout
    assert "GAME" in shown
    assert "Purged so far: 1 clip." in shown
    wrong = tell(app, ["purge", "--older-than", "two years"])
    assert wrong.exit_code == 1
    assert "is not a valid duration" in wrong.stderr


@pytest.mark.parametrize(
    ("project", "attached", "purged", "hidden"),
    [
        ("GAME", 50.0, True, True),
        ("GAME", 150.0, False, True),
        ("GAME", 250.0, False, False),
        ("OTHER", 50.0, False, True),
        ("GAME", 0.0, False, False),  # of unknown age
    ],
)
def test_the_later_cut_off_counts(
    cold_services: Services, project: str, attached: float, purged: bool, hidden: bool
) -> None:
    cold_services.records.retention.put("clips", "GAME", 100.0)
    cold_services.records.retention.put("clips", "GAME", 90.0)  # an earlier one changes nothing
    cold_services.records.retention.put("pictures", EVERY, 200.0)
    cutoffs = cold_services.records.retention.cutoffs()
    assert cutoffs.purges(project, attached) is purged
    assert cutoffs.hides(project, attached) is hidden
