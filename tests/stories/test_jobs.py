"""Queued jobs: from a ticket to its comment, and what can go wrong.

The jobs run in this process, with a real Redis, a real Jira over HTTP, ffmpeg, and the starter
encoder. tests/integration/worker/test_worker.py runs them in separate processes.
"""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rq.job import JobStatus

from dejabug import media
from dejabug.evaluation.from_jira import studio
from dejabug.index import FrameIndex
from dejabug.infra.job_queue import BACKOFF, enqueue
from dejabug.infra.jobs import SYNC_ISSUE
from dejabug.jira.errors import JiraUnavailableError
from dejabug.media_store.thumbnails import Thumbnails
from dejabug.records.catalogue import Catalogue
from dejabug.records.outbox import PENDING
from dejabug.records.types import ClipStatus
from dejabug.records.verdicts import Verdict
from dejabug.services import Services
from dejabug.worker import jobs
from dejabug.worker.warm_worker import WarmWorker
from support.demo_clips import COWS, PLACEHOLDER, QUIET
from support.jira_site import Site, changes, link
from support.parts import use_settings
from support.searches import text_search
from support.tickets import history, old_and_new, promise, tell
from support.waiting import wait_until
from support.workers import clips_waiting, killed_at, work


def test_a_new_ticket_gets_one_comment_with_its_duplicates(
    services: Services, jira: Site, clips: Path
) -> None:
    old = history(services, jira, clips, COWS[0], COWS[1], PLACEHOLDER[0], QUIET)
    assert all(jira.comments(key) == [] for key in old)  # a backfill never comments
    both = ". ".join(str(jira.issue(key)["fields"]["summary"]) for key in old[:2])
    key = jira.file("GAME", both, clips / COWS[2])
    tell(services, jira, key)
    (comment,) = jira.comments(key)
    assert comment["author"]["accountId"] == "bot"
    text = comment["body"]
    assert text.index(f"[{old[0]}|") < len(text)
    first_two = sorted((text.index(f"[{key}|"), key) for key in old if f"[{key}|" in text)[:2]
    assert {key for _, key in first_two} == {old[0], old[1]}
    assert "Same moment:" in text
    assert "starter: EfficientNet" in text
    # The picture that the comment shows is attached, and is a picture.
    (strip,) = [
        a for a in jira.issue(key)["fields"]["attachment"] if a["filename"].endswith(".png")
    ]
    assert f"!{strip['filename']}|" in text
    content = jira.app.extensions["store"].path_of(strip["id"]).read_bytes()
    assert Image.open(io.BytesIO(content)).width > 400
    assert services.redis.zcard(PENDING) == 0


def test_every_job_may_run_twice(services: Services, jira: Site, clips: Path) -> None:
    _, key, issue_id = old_and_new(services, jira, clips)
    before, frames = jira.comments(key), services.collections.active.index.state().frames
    writes = len(changes(jira))
    (clip,) = services.collections.active.catalogue.clips_of(issue_id)
    jobs.index_clip(clip.id)
    jobs.suggest(issue_id)
    tell(services, jira, key)
    assert jira.comments(key) == before
    assert services.collections.active.index.state().frames == frames
    assert changes(jira)[writes:] == []


def test_a_comment_that_was_written_but_not_remembered_is_found_again(
    services: Services, jira: Site, clips: Path
) -> None:
    """Killed between Jira's answer and our note of it: the repeat must not comment twice."""
    _, key, issue_id = old_and_new(services, jira, clips)
    services.records.comments.put_comment(issue_id, None)
    jobs.suggest(issue_id)
    assert len(jira.comments(key)) == 1
    pictures = [a for a in jira.issue(key)["fields"]["attachment"] if a["filename"].endswith("png")]
    assert len(pictures) == 1


def test_a_comment_that_was_not_remembered_is_withdrawn_when_nothing_is_left_to_say(
    services: Services, jira: Site, clips: Path
) -> None:
    """The same, and by the time of the repeat there is nothing similar any more."""
    old, key, issue_id = old_and_new(services, jira, clips)
    services.records.comments.put_comment(issue_id, None)
    services.records.comments.begin(issue_id)
    services.records.verdicts.put(Verdict(issue_id, str(jira.issue(old)["id"]), False, "person"))
    jobs.suggest(issue_id)
    assert jira.comments(key) == []
    assert [
        a for a in jira.issue(key)["fields"]["attachment"] if a["filename"].endswith("png")
    ] == []
    assert not services.records.comments.begun(issue_id)


def test_the_comment_is_edited_in_place_when_things_change(
    services: Services, jira: Site, clips: Path
) -> None:
    old, key, issue_id = old_and_new(services, jira, clips)
    (first,) = jira.comments(key)
    jira.call("PUT", f"/rest/api/2/issue/{old}", json={"fields": {"summary": "Renamed: a herd"}})
    jobs.suggest(issue_id)
    (second,) = jira.comments(key)
    assert second["id"] == first["id"]
    assert "Renamed: a herd" in second["body"]


@pytest.mark.parametrize("refused", ["/rest/api/2/attachment/", "/rest/api/2/issue/{}/comment/"])
def test_one_picture_is_left_when_an_edit_was_broken_off(
    services: Services, jira: Site, clips: Path, refused: str
) -> None:
    """Before the old picture went, or the comment changed; and then all is as it was at first."""
    old, key, issue_id = old_and_new(services, jira, clips)
    (first,) = jira.comments(key)
    summary = jira.issue(old)["fields"]["summary"]
    for renamed in ("Renamed: a herd", summary):
        jira.call("PUT", f"/rest/api/2/issue/{old}", json={"fields": {"summary": renamed}})
        if renamed != summary:
            fault = {"path": refused.format(issue_id), "status": 500}
            jira.call("POST", "/rest/standin/faults", json=fault)
            with pytest.raises(JiraUnavailableError):
                jobs.suggest(issue_id)
            if "attachment" in refused:
                jobs.suggest(issue_id)
                assert len(pictures(jira, key)) == 1
    jobs.suggest(issue_id)
    (comment,) = jira.comments(key)
    assert (comment["id"], comment["body"]) == (first["id"], first["body"])
    assert len(pictures(jira, key)) == 1
    assert not services.records.comments.begun(issue_id)


def pictures(jira: Site, key: str) -> list[str]:
    """The names of the pictures on an issue."""
    names = [each["filename"] for each in jira.issue(key)["fields"]["attachment"]]
    return [name for name in names if name.endswith(".png")]


def test_nothing_similar_is_silence(services: Services, jira: Site, clips: Path) -> None:
    others = ("crafter-03.webm", "crafter-04.mov", "crafter-05.mp4", "crafter-06.webm", QUIET)
    history(services, jira, clips, COWS[0], *others)
    key = jira.file("GAME", "placeholder tiles", clips / PLACEHOLDER[0])
    tell(services, jira, key)
    assert jira.comments(key) == []


def test_a_match_that_readers_may_no_longer_see_is_withdrawn(
    services: Services, jira: Site, clips: Path
) -> None:
    old, key, issue_id = old_and_new(services, jira, clips)
    assert f"[{old}|" in jira.comments(key)[0]["body"]
    secret = {"fields": {"security": {"name": "Secret"}}}
    jira.call("PUT", f"/rest/api/2/issue/{old}", "admin", json=secret)
    jobs.suggest(issue_id)
    assert jira.comments(key) == []
    names = [a["filename"] for a in jira.issue(key)["fields"]["attachment"]]
    assert names == [COWS[2]]  # the picture strip showed the old ticket's frames


def test_tickets_of_another_project_are_not_suggested_unless_grouped(
    services: Services, jira: Site, clips: Path
) -> None:
    history(services, jira, clips, COWS[0], project="OTHER")
    key = jira.file("GAME", "cows", clips / COWS[2])
    issue_id = tell(services, jira, key)
    assert jira.comments(key) == []
    grouped = services.settings.model_copy(update={"project_groups": "GAME, OTHER; THIRD"})
    use_settings(services, grouped)
    jobs.suggest(issue_id)
    assert "[OTHER-1|" in jira.comments(key)[0]["body"]


def test_our_comment_that_a_person_deleted_stays_deleted(
    services: Services, jira: Site, clips: Path
) -> None:
    old, key, issue_id = old_and_new(services, jira, clips)
    (comment,) = jira.comments(key)
    jira.call("DELETE", f"/rest/api/2/issue/{key}/comment/{comment['id']}")
    jira.call("PUT", f"/rest/api/2/issue/{old}", json={"fields": {"summary": "new words"}})
    jobs.suggest(issue_id)
    assert jira.comments(key) == []


def test_a_clip_that_is_broken_says_why_once_and_the_rest_goes_on(
    services: Services, jira: Site, clips: Path, tmp_path: Path
) -> None:
    history(services, jira, clips, COWS[0])
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"PK\x03\x04 this is a zip")
    log = tmp_path / "log.txt"
    log.write_text("no clip")
    key = jira.file("GAME", "cows", broken, log, clips / COWS[2])
    issue_id = tell(services, jira, key)
    found = {
        clip.filename: clip for clip in services.collections.active.catalogue.clips_of(issue_id)
    }
    assert set(found) == {"broken.mp4", COWS[2]}
    assert found["broken.mp4"].status is ClipStatus.FAILED
    assert found["broken.mp4"].reason.startswith("not_a_video: ")
    assert found[COWS[2]].status is ClipStatus.INDEXED
    assert len(jira.comments(key)) == 1
    downloads = [r for r in jira.log()["requests"] if "attachment/content" in r["path"]]
    tell(services, jira, key)
    again = [r for r in jira.log()["requests"] if "attachment/content" in r["path"]]
    assert len(again) == len(downloads)  # a broken clip is not tried again


def test_a_clip_that_is_too_large_is_not_downloaded(
    services: Services, jira: Site, clips: Path
) -> None:
    small = services.settings.model_copy(update={"clip_max_bytes": 1000})
    use_settings(services, small)
    issue_id = tell(services, jira, jira.file("GAME", "cows", clips / COWS[0]))
    (clip,) = services.collections.active.catalogue.clips_of(issue_id)
    assert (clip.status, clip.reason.split(":")[0]) == (ClipStatus.FAILED, "too_large")


def test_a_deleted_issue_is_forgotten_whole(services: Services, jira: Site, clips: Path) -> None:
    empty = set(services.redis.keys("dejabug:*"))
    key = jira.file("GAME", "cows", clips / COWS[0])
    issue_id = tell(services, jira, key)
    assert any(Path(services.settings.data_dir).rglob("*.jpg"))
    jira.call("DELETE", f"/rest/api/2/issue/{key}")
    jobs.forget_issue(issue_id)
    jobs.forget_issue(issue_id)
    # What belongs to no issue.
    stays = (b"dejabug:projects", b"dejabug:pace", b"dejabug:index")
    left = {k for k in services.redis.keys("dejabug:*") if k not in empty}
    assert {k for k in left if not k.startswith(stays)} == set()
    assert services.collections.active.index.state().frames == 0
    assert not any(Path(services.settings.data_dir).rglob("*.jpg"))


def test_an_issue_that_is_gone_when_it_is_read_is_forgotten(
    services: Services, jira: Site, clips: Path
) -> None:
    key = jira.file("GAME", "cows", clips / COWS[0])
    issue_id = tell(services, jira, key)
    jira.call("DELETE", f"/rest/api/2/issue/{key}")
    jobs.sync_issue(issue_id, False)
    assert services.collections.active.catalogue.issue(issue_id) is None
    assert services.collections.active.index.state().frames == 0


def test_a_deleted_attachment_is_forgotten_alone(
    services: Services, jira: Site, clips: Path
) -> None:
    key = jira.file("GAME", "cows", clips / COWS[0], clips / QUIET)
    issue_id = tell(services, jira, key)
    first, second = services.collections.active.catalogue.clips_of(issue_id)
    jira.call("DELETE", f"/rest/api/2/attachment/{first.id}")
    tell(services, jira, key)
    assert [clip.id for clip in services.collections.active.catalogue.clips_of(issue_id)] == [
        second.id
    ]
    assert not services.collections.active.index.holds(first.id)
    assert services.collections.active.index.holds(second.id)


def test_a_moved_issue_takes_its_clips_along(services: Services, jira: Site, clips: Path) -> None:
    key = jira.file("GAME", "cows", clips / COWS[0])
    issue_id = tell(services, jira, key)
    jira.call("POST", f"/rest/standin/issues/{key}/move", json={"project": "SEQUEL"})
    tell(services, jira, "SEQUEL-1")
    record = services.collections.active.catalogue.issue_by_key("SEQUEL-1")
    assert record is not None
    assert record.id == issue_id
    assert services.collections.active.catalogue.issue_by_key(key) is None
    assert services.collections.active.index.clip_count(["GAME"]) == 0
    assert services.collections.active.index.clip_count(["SEQUEL"]) == 1


def test_jira_away_is_tried_again_with_growing_pauses(
    services: Services, jira: Site, clips: Path
) -> None:
    issue_id = jira.issue(jira.file("GAME", "cows", clips / COWS[0]))["id"]
    jira.fail(path="/rest/api/", status=503)
    with services.redis.pipeline() as pipe:
        services.scheduler.sync_issue(issue_id, True, pipe)
        pipe.execute()
    (job,) = services.queues.get("default").jobs
    work(services)
    job.refresh()
    assert job.get_status() == JobStatus.SCHEDULED
    assert job.retries_left == len(BACKOFF)  # Jira's absence counts for none
    # The promise is kept until it is fulfilled.
    assert services.redis.zscore(PENDING, issue_id) is not None
    jira.fail(path="/rest/api/", status=500)
    with pytest.raises(JiraUnavailableError):
        jobs.sync_issue(issue_id, True)
    assert sum(BACKOFF) > 12 * 3600  # a night's outage


def test_a_pause_that_jira_names_is_kept(services: Services, jira: Site) -> None:
    issue_id = jira.issue(jira.file("GAME", "s"))["id"]
    jira.fail(path="/rest/api/", status=429, headers={"Retry-After": "37"})
    answer = jobs.sync_issue(issue_id, True)
    assert answer.intervals == [37]  # type: ignore[attr-defined]


def test_jira_may_name_as_many_pauses_as_it_likes(services: Services, jira: Site) -> None:
    """A busy hour may bring a job dozens; that it failed as often is no reason to give it up."""
    issue_id = str(jira.issue(jira.file("GAME", "s"))["id"])
    queue = services.queues.get("default")
    enqueue(queue, SYNC_ISSUE, issue_id, True)
    (job,) = queue.jobs
    job.number_of_retries = 10 * len(BACKOFF)
    job.save()
    jira.fail(path="/rest/api/", status=429, headers={"Retry-After": "37"})
    WarmWorker([queue], services.redis).work(burst=True, logging_level="WARNING")
    assert queue.failed_job_registry.count == 0
    assert queue.scheduled_job_registry.get_job_ids() == [job.id]


def test_a_job_that_was_given_up_is_kept_for_a_month(services: Services, jira: Site) -> None:
    """For people to look at; what it failed with may hold more than a log should."""
    issue_id = str(jira.issue(jira.file("GAME", "s"))["id"])
    queue = services.queues.get("default")
    enqueue(queue, SYNC_ISSUE, issue_id, True)
    (job,) = queue.jobs
    job.retries_left = 0
    job.save()
    jira.fail(path="/rest/api/", status=400)
    work(services)
    until = services.redis.zscore(queue.failed_job_registry.key, job.id)
    assert until == pytest.approx(time.time() + 30 * 24 * 3600, abs=60)


def test_a_promise_whose_job_was_lost_is_taken_up_again(
    services: Services, jira: Site, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = jira.file("GAME", "cows", clips / COWS[0])
    issue_id = str(jira.issue(key)["id"])
    services.redis.zadd(PENDING, {issue_id: 1.0})  # as if its job had vanished long ago
    services.upkeep.run()
    work(services)
    (clip,) = services.collections.active.catalogue.clips_of(issue_id)
    assert clip.status is ClipStatus.INDEXED
    assert services.redis.zcard(PENDING) == 0


@pytest.mark.parametrize("watch", [True, False])
@pytest.mark.parametrize("known", [True, False])
def test_a_promise_that_is_taken_up_again_brings_a_comment_only_where_it_was_to(
    services: Services, jira: Site, clips: Path, watch: bool, known: bool
) -> None:
    history(services, jira, clips, COWS[0])
    key = jira.file("GAME", "cows", clips / COWS[2])
    issue_id = tell(services, jira, key, watch=False) if known else str(jira.issue(key)["id"])
    promise(services, issue_id, watch)
    services.queues.get("default").empty()  # its job was lost
    services.redis.zadd(PENDING, {issue_id: 1.0})
    services.upkeep.run()
    work(services)
    assert len(jira.comments(key)) == watch


def test_a_promise_that_waits_long_is_taken_up_by_one_more_job_however_long(
    services: Services, jira: Site
) -> None:
    for _ in range(5):  # hours, in which Jira is away
        services.redis.zadd(PENDING, {"10001": 1.0})
        services.upkeep.run()
    assert services.queues.get("default").count == 1


def test_a_promise_that_is_renewed_while_it_is_kept_stays(services: Services) -> None:
    promise(services, "10001", watch=True)
    first = float(services.redis.zscore(PENDING, "10001") or 0)
    promise(services, "10001", watch=False)
    services.outbox.acknowledge("10001", first)
    assert services.redis.zscore(PENDING, "10001")
    services.outbox.acknowledge("10001", time.time())
    assert services.redis.keys("dejabug:pending*") == []


def forgotten_while_sampled(monkeypatch: pytest.MonkeyPatch, issue_id: str) -> None:
    """From now on, the issue is deleted as soon as a clip was decoded."""
    sample: Callable[..., media.Frames] = media.sample_frames

    def sample_and_lose(path: Path, **options: object) -> media.Frames:
        frames = sample(path, **options)
        jobs.forget_issue(issue_id)
        return frames

    monkeypatch.setattr(media, "sample_frames", sample_and_lose)


def test_a_clip_deleted_while_it_is_embedded_leaves_nothing(
    services: Services, jira: Site, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = jira.file("GAME", "cows", clips / COWS[0])
    issue_id = str(jira.issue(key)["id"])
    forgotten_while_sampled(monkeypatch, issue_id)
    tell(services, jira, key)
    assert services.collections.active.index.state().frames == 0
    assert not any(Path(services.settings.data_dir).rglob("*.jpg"))


@pytest.mark.parametrize(("room", "name"), [(FrameIndex, "forget_clip"), (Thumbnails, "forget")])
@pytest.mark.parametrize("gone", ["attachment", "issue"])
def test_who_is_killed_while_something_is_forgotten_forgets_the_rest_the_next_time(
    services: Services, jira: Site, clips: Path, room: Any, name: str, gone: str
) -> None:
    key = jira.file("GAME", "cows", clips / COWS[0])
    issue_id = tell(services, jira, key)
    (clip,) = services.collections.active.catalogue.clips_of(issue_id)
    jira.call("DELETE", f"/rest/api/2/{gone}/{clip.id if gone == 'attachment' else key}")
    with killed_at(room, name):
        jobs.sync_issue(issue_id, False)
    jobs.sync_issue(issue_id, False)
    assert services.collections.active.index.state().frames == 0
    assert services.collections.active.catalogue.clip_ids_of(issue_id) == []
    assert not any(Path(services.settings.data_dir).rglob("*.jpg"))


def test_a_clip_deleted_while_it_is_embedded_by_a_worker_that_is_killed_leaves_nothing(
    services: Services, jira: Site, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue_id = str(jira.issue(jira.file("GAME", "cows", clips / COWS[0]))["id"])
    jobs.sync_issue(issue_id, False)
    (clip,) = services.collections.active.catalogue.clips_of(issue_id)
    forgotten_while_sampled(monkeypatch, issue_id)
    with killed_at(Catalogue, "put_outcome"):
        jobs.index_clip(clip.id)
    jobs.index_clip(clip.id)
    assert services.collections.active.index.state().frames == 0
    assert not any(Path(services.settings.data_dir).rglob("*.jpg"))


def test_no_temporary_file_is_left(
    services: Services, jira: Site, clips: Path, tmp_path: Path
) -> None:
    import tempfile

    scratch = tmp_path / "scratch"
    scratch.mkdir()
    tempfile.tempdir = str(scratch)
    try:
        broken = tmp_path / "x.mp4"
        shutil.copyfile(clips / "manifest.jsonl", broken)
        tell(services, jira, jira.file("GAME", "s", clips / COWS[0], broken))
        assert list(scratch.iterdir()) == []
    finally:
        tempfile.tempdir = None


def test_a_clip_waits_in_its_queue_once(services: Services, jira: Site, clips: Path) -> None:
    issue_id = jira.issue(jira.file("GAME", "s", clips / COWS[0]))["id"]
    for _ in range(3):
        jobs.sync_issue(issue_id, False)
    assert clips_waiting(services) == 1


def test_words_find_clips_with_their_moments(services: Services, jira: Site, clips: Path) -> None:
    keys = history(services, jira, clips, COWS[0], PLACEHOLDER[0])
    found = text_search(services, "cattle on a green field", ["GAME"], 5)
    issues = {hit["issue_id"] for hit in found}
    assert set(services.collections.active.catalogue.keys_of(issues).values()) == set(keys)
    for hit in found:
        assert 0 <= hit["start"] <= hit["end"] <= 10
    assert text_search(services, "cattle", ["NONE"], 5) == []


def test_a_rejected_pair_is_withdrawn_and_never_comes_back(
    services: Services, jira: Site, clips: Path
) -> None:
    old, key, issue_id = old_and_new(services, jira, clips)
    assert f"[{old}|" in jira.comments(key)[0]["body"]
    services.records.verdicts.put(Verdict(issue_id, str(jira.issue(old)["id"]), False, "person"))
    jobs.suggest(issue_id)
    assert jira.comments(key) == []
    jira.attach(key, clips / COWS[1])  # another clip of the same bug makes no difference
    tell(services, jira, key)
    assert jira.comments(key) == []


def test_duplicate_links_in_jira_are_verdicts_and_other_links_are_not(
    services: Services, jira: Site, clips: Path
) -> None:
    first, second, third = history(services, jira, clips, COWS[0], COWS[1], QUIET)
    ids = {key: str(jira.issue(key)["id"]) for key in (first, second, third)}
    link(jira, "Duplicate", first, second)
    link(jira, "Relates", first, third)
    tell(services, jira, first, watch=False)
    (verdict,) = services.records.verdicts.all()
    assert {verdict.first, verdict.second} == {ids[first], ids[second]}
    assert (verdict.same, verdict.source) == (True, "link")
    found = studio(services)
    assert {item.group for item in found.queries()} == {min(ids[first], ids[second])}
    number = jira.issue(first)["fields"]["issuelinks"][0]["id"]
    jira.call("DELETE", f"/rest/api/2/issueLink/{number}")
    tell(services, jira, first, watch=False)
    assert list(services.records.verdicts.all()) == []


def test_a_comment_waits_for_the_ticket_s_words(
    services: Services, jira: Site, clips: Path
) -> None:
    _old, key, issue_id = old_and_new(services, jira, clips)
    jira.call("PUT", f"/rest/api/2/issue/{key}", json={"fields": {"summary": "Grass is pink"}})
    before = jira.comments(key)[0]["body"]
    jobs.sync_issue(issue_id, True)
    assert services.collections.active.catalogue.words_wait(issue_id)
    jobs.suggest(issue_id)
    assert jira.comments(key)[0]["body"] == before
    work(services)
    assert not services.collections.active.catalogue.words_wait(issue_id)
    assert services.collections.active.catalogue.words(issue_id) == "Grass is pink"


def test_words_whose_job_got_lost_are_taken_up_again(
    services: Services, jira: Site, clips: Path
) -> None:
    issue_id = str(jira.issue(jira.file("GAME", "Cows in mid-air"))["id"])
    jobs.sync_issue(issue_id, False)
    services.queues.get("clips").empty()
    services.upkeep.run()
    work(services)
    assert issue_id in services.collections.active.tickets.vectors([issue_id])


def test_a_deleted_issue_leaves_no_words_no_tags_and_no_verdicts(
    services: Services, jira: Site, clips: Path
) -> None:
    old, _key, issue_id = old_and_new(services, jira, clips)
    services.records.verdicts.put(Verdict(issue_id, str(jira.issue(old)["id"]), True, "person"))
    services.collections.active.catalogue.put_tags(issue_id, ["Clipping"])
    jobs.forget_issue(issue_id)
    assert services.collections.active.tickets.vectors([issue_id]) == {}
    assert services.collections.active.catalogue.words(issue_id) == ""
    assert services.collections.active.catalogue.tags(issue_id) == []
    assert list(services.records.verdicts.all()) == []


def test_a_moved_issue_s_words_are_found_in_its_new_project(
    services: Services, jira: Site, clips: Path
) -> None:
    (key,) = history(services, jira, clips, COWS[0])
    issue_id = str(jira.issue(key)["id"])
    services.collections.active.tickets.move(issue_id, "NEW")
    vector = services.collections.active.tickets.vectors([issue_id])[issue_id]
    assert services.collections.active.tickets.nearest(vector, 3, ["GAME"]) == []
    assert [
        issue for issue, _ in services.collections.active.tickets.nearest(vector, 3, ["NEW"])
    ] == [issue_id]


def test_maintenance_adds_words_to_tickets_of_an_earlier_version(
    services: Services, jira: Site, clips: Path
) -> None:
    (key,) = history(services, jira, clips, COWS[0])
    issue_id = str(jira.issue(key)["id"])
    services.redis.hdel(f"dejabug:ticket:{services.collections.active.slug}:{issue_id}", "terms")
    wait_until(lambda: services.collections.active.tickets.without_terms(10) == [issue_id])
    services.upkeep.run()
    vector = services.collections.active.tickets.vectors([issue_id])[issue_id]
    assert (
        "cow"
        in services.collections.active.tickets.said([issue_id], vector, ["GAME"])[issue_id].terms
    )
    assert services.collections.active.tickets.without_terms(10) == []


def test_a_clear_ticket_is_tagged_and_its_match_says_so(
    services: Services, jira: Site, clips: Path
) -> None:
    old = jira.file("GAME", "Objects float in the air and never fall", clips / COWS[0])
    tell(services, jira, old, watch=False)
    assert services.collections.active.catalogue.tags(str(jira.issue(old)["id"])) == [
        "Floating object"
    ]
    key = jira.file(
        "GAME", "Objects float in the air over the meadow and never fall", clips / COWS[2]
    )
    tell(services, jira, key)
    (comment,) = jira.comments(key)
    assert "Kind of bug: Floating object" in comment["body"]


def test_words_find_a_clip_by_its_ticket_too(services: Services, jira: Site, clips: Path) -> None:
    keys = history(services, jira, clips, COWS[0], PLACEHOLDER[0], QUIET)
    found = text_search(services, "herd of cows everywhere", ["GAME"], 5)
    assert found[0]["issue_id"] == str(jira.issue(keys[0])["id"])
    assert found[0]["ticket"] > 0.3
    assert 0 < found[0]["score"] <= 1
