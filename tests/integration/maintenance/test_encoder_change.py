"""Changing the encoder: everything is embedded again while the old index keeps answering.

The new encoder is a tiny CLIP with random weights: other vectors, of another length. Both encoders'
workers run in this process, and once in separate processes.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rq import Worker

from dejabug.encoders import EncoderError
from dejabug.evaluation.from_jira import studio
from dejabug.infra.job_queue import enqueue
from dejabug.infra.jobs import INDEX_CLIP
from dejabug.ingest.indexing import GONE
from dejabug.maintenance import encoder_change
from dejabug.maintenance.encoder_change import ChangeError
from dejabug.maintenance.encoder_switch import EncoderSwitch
from dejabug.maintenance.purge import Old
from dejabug.records import active_encoder
from dejabug.records.active_encoder import NotServingError
from dejabug.records.types import ClipStatus
from dejabug.services import ModelServices, Services
from dejabug.worker import jobs
from dejabug.worker.warm_worker import WarmWorker
from support.command_line import call, words
from support.demo_clips import COWS, PLACEHOLDER, QUIET
from support.forks import Fork
from support.jira_site import Site, changes
from support.search_worker import searching
from support.tickets import history, old_and_new, tell
from support.waiting import wait_until
from support.workers import clips_waiting, work


@pytest.fixture
def other(services: Services, small_clip: Path, monkeypatch: pytest.MonkeyPatch) -> ModelServices:
    """The services of a worker that has the new encoder's settings, with its model loaded."""
    monkeypatch.setattr(encoder_change, "POLL", 0.01)
    monkeypatch.setattr("dejabug.records.active_encoder.KEPT", 0.0)
    services.collections.active_encoder.claim(services.collections.configured.name)
    chosen = {"encoder": "clip", "clip_model": str(small_clip)}
    other = ModelServices(services.settings.model_copy(update=chosen))
    assert other.encoder.dimensions != services.encoder.dimensions
    return other


def work_as(other: Services) -> None:
    """What a worker with the other encoder's settings does, until its queues are empty."""
    queues = [other.queues.get(name) for name in other.queues.of_worker(["clips"])]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dejabug.services._Process.services", other)
        WarmWorker(queues, other.redis).work(burst=True, logging_level="WARNING")


def prepare(services: Services, other: Services, meanwhile: Callable[[], Any] = int) -> None:
    """Make the other encoder ready, its worker working between all steps."""
    for _ in services.encoder_change.prepare(other.collections.configured.name):
        meanwhile()
        work_as(other)


@contextmanager
def at_work(other: Services) -> Iterator[None]:
    """A worker of the other encoder is known to Redis."""
    names = [other.collections.configured.own_queue(name) for name in ("clips", "search")]
    worker = WarmWorker([other.queues.get(name) for name in names], other.redis)
    worker.register_birth()
    yield
    worker.register_death()


def swap(services: Services, other: Services) -> None:
    with at_work(other):
        services.encoder_change.swap(other.collections.configured.name)


def issues_found(services: Services) -> set[str]:
    """The keys of what a worker finds."""
    hits = services.questions.search("cows", ["GAME"], 9)
    return set(
        services.collections.active.catalogue.keys_of({hit["issue_id"] for hit in hits}).values()
    )


def test_all_is_embedded_beside_the_old_index_which_answers_all_the_time(
    services: Services, other: Services, jira: Site, clips: Path, tmp_path: Path
) -> None:
    old = history(services, jira, clips, COWS[0], PLACEHOLDER[0])
    (tmp_path / "bad.mp4").write_bytes(b"nothing")
    tell(services, jira, jira.file("GAME", "bad", tmp_path / "bad.mp4"), watch=False)
    frames, came = services.collections.active.index.state().frames, []

    def meanwhile() -> None:
        assert issues_found(services) >= set(old)
        if not came:  # a ticket in the middle of it goes into both
            came.append(jira.file("GAME", "cows again", clips / COWS[2]))
            tell(services, jira, came[0])
            assert len(jira.comments(came[0])) == 1

    with searching(services):
        prepare(services, other, meanwhile)
    writes = len(changes(jira))
    assert (
        services.collections.active.catalogue.count(ClipStatus.INDEXED) == 3
    )  # the old encoder serves on
    new = other.collections.configured
    assert [new.catalogue.count(s) for s in ClipStatus] == [0, 3, 1, 0]
    assert new.index.clip_count(["GAME"]) == 3
    assert new.catalogue.all_words_waiting() == []
    assert new.tickets.vectors([str(jira.issue(old[0])["id"])])
    swap(services, other)
    assert services.collections.active_name == other.collections.configured.name
    assert services.collections.active.index.state().frames != 0
    work(services)
    assert changes(jira)[writes:] == []  # no comment is touched
    with searching(other):
        assert issues_found(services) >= set(old)
    # What comes now is the new encoder's alone.
    tell_under(other, jira, jira.file("GAME", "night", clips / QUIET))
    assert services.collections.active.index.clip_count(["GAME"]) == 4
    former = services.collections.configured
    late = replace(services, pinned=former.name)  # a web process that has not heard of it yet
    with searching(services):
        assert issues_found(late) >= set(old)
    assert former.index.state().frames >= frames
    assert former.catalogue.count(ClipStatus.INDEXED) == 3


def tell_under(other: Services, jira: Site, key: str) -> None:
    """A webhook, and work by the processes that are left once the other encoder serves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dejabug.services._Process.services", other)
        tell(other, jira, key)


def test_broken_off_at_any_moment_it_goes_on_and_ends_with_each_clip_once(
    services: Services, other: Services, jira: Site, clips: Path
) -> None:
    history(services, jira, clips, COWS[0], COWS[1], PLACEHOLDER[0])
    steps = services.encoder_change.prepare(other.collections.configured.name)
    next(steps)
    steps.close()  # Ctrl-C
    assert (
        other.collections.active_encoder.roles(now=True).candidate
        == other.collections.configured.name
    )
    queue = services.queues.of(other.collections.configured)
    steps = services.encoder_change.prepare(other.collections.configured.name)
    while queue.count < 3:
        next(steps)
    steps.close()
    WarmWorker([queue], services.redis).register_birth()
    queue.delete(delete_jobs=True)  # a Redis that came back without its last second
    prepare(services, other)
    prepare(services, other)
    swap(services, other)
    assert services.collections.active.catalogue.count(ClipStatus.INDEXED) == 3
    assert services.collections.active.index.clip_count(["GAME"]) == 3
    sizes = [
        clip.frames
        for clip in services.collections.active.catalogue.with_status(ClipStatus.INDEXED)
    ]
    assert services.collections.active.index.state().frames == sum(sizes)


def test_a_clip_that_jira_hides_is_skipped_with_its_reason_and_the_swap_refused(
    services: Services, other: Services, jira: Site, clips: Path
) -> None:
    _, _, issue_id = old_and_new(services, jira, clips)
    (clip,) = services.collections.active.catalogue.clips_of(issue_id)
    jira.call("DELETE", f"/rest/api/2/attachment/{clip.id}")  # its webhook got lost
    prepare(services, other)
    (gone,) = other.collections.configured.catalogue.with_status(ClipStatus.FAILED)
    assert (gone.id, gone.reason) == (clip.id, GONE)
    assert services.collections.active.index.holds(clip.id)  # what serves does not suffer for it
    with pytest.raises(ChangeError, match="1 of 2 clips failed only with the new encoder"):
        swap(services, other)
    assert services.collections.active_name == services.collections.configured.name
    services.encoder_change.swap(other.collections.configured.name, force=True)
    assert services.collections.active_name == other.collections.configured.name


def test_a_clip_that_failed_for_reasons_of_others_is_tried_again(
    services: Services, other: Services, jira: Site, clips: Path
) -> None:
    history(services, jira, clips, COWS[0])
    prepare(services, other)
    (clip,) = other.collections.configured.catalogue.with_status(ClipStatus.INDEXED)
    failed = {"status": str(ClipStatus.FAILED), "reason": "timeout: a busy machine"}
    services.redis.hset(
        f"dejabug:clip:{other.collections.configured.slug}:{clip.id}", mapping=failed
    )
    indexed, broken = map(
        other.collections.configured.catalogue.status_key, (ClipStatus.INDEXED, ClipStatus.FAILED)
    )
    services.redis.smove(indexed, broken, clip.id)
    prepare(services, other)
    assert other.collections.configured.catalogue.count(ClipStatus.INDEXED) == 1


def test_nobody_to_answer_or_anything_missing_is_no_swap(
    services: Services, other: Services, jira: Site, clips: Path
) -> None:
    history(services, jira, clips, COWS[0])
    with at_work(other), pytest.raises(ChangeError, match="not complete yet"):
        services.encoder_change.swap(other.collections.configured.name)
    prepare(services, other)
    with pytest.raises(ChangeError, match="dejabug worker search clips"):
        services.encoder_change.swap(other.collections.configured.name)
    assert services.collections.active_name == services.collections.configured.name


def test_an_encoder_that_nobody_has_loaded_is_not_begun_with(
    services: Services, other: Services
) -> None:
    with pytest.raises(ChangeError, match="no worker has ever loaded clip:typo"):
        next(services.encoder_change.prepare("clip:typo@squash"))
    assert services.collections.active_encoder.roles(now=True).candidate is None
    with pytest.raises(ChangeError, match="already the active encoder"):
        next(services.encoder_change.prepare(services.collections.configured.name))


def test_two_who_change_the_encoder_at_once_do_not_meet(
    services: Services, other: Services, jira: Site, clips: Path
) -> None:
    history(services, jira, clips, COWS[0])
    first = services.encoder_change.prepare(other.collections.configured.name)
    next(first)
    with pytest.raises(ChangeError, match="another process is changing the encoder"):
        next(other.encoder_change.prepare(other.collections.configured.name))
    with pytest.raises(ChangeError, match="another process is changing the encoder"):
        other.encoder_change.forget(other.collections.configured.name)
    first.close()
    services.redis.hset("dejabug:dimensions", "third", 8)
    with pytest.raises(ChangeError, match="is being prepared"):
        next(services.encoder_change.prepare("third"))


def test_a_swap_that_comes_second_changes_nothing(services: Services, other: Services) -> None:
    switch = EncoderSwitch(
        services.redis, services.collections.configured, other.collections.configured
    )
    switch.swap(services.collections.active_encoder)
    with pytest.raises(NotServingError):
        switch.swap(services.collections.active_encoder)
    assert services.collections.active_name == other.collections.configured.name


def test_another_model_by_the_same_name_is_refused(services: Services, other: Services) -> None:
    services.redis.hset("dejabug:dimensions", other.collections.configured.name, 512)
    with pytest.raises(EncoderError, match="have 512 dimensions, but this model makes 24"):
        other.collections.adopt(other.encoder)


def test_a_comment_that_is_owed_at_the_swap_is_written(
    services: Services, other: Services, jira: Site, clips: Path
) -> None:
    """The new encoder did its part before it served, the old one would have after."""
    (old,) = history(services, jira, clips, COWS[0])
    prepare(services, other)
    key = jira.file("GAME", "cows", clips / COWS[2])
    with services.redis.pipeline() as pipe:
        services.scheduler.sync_issue(str(jira.issue(key)["id"]), True, pipe)
        pipe.execute()
    WarmWorker([services.queues.get("default")], services.redis).work(
        burst=True, logging_level="WARNING"
    )
    assert clips_waiting(services) == 1
    work_as(other)
    assert services.queues.get("default").count == 0
    swap(services, other)
    work(services)  # what is left of the old encoder's work included
    (comment,) = jira.comments(key)
    assert f"[{old}|" in comment["body"]


def test_what_is_deleted_or_moved_in_jira_is_so_under_both_encoders(
    services: Services, other: Services, jira: Site, clips: Path
) -> None:
    first, second = history(services, jira, clips, COWS[0], PLACEHOLDER[0])
    prepare(services, other)
    jobs.forget_issue(_id_of(services, first))
    jira.call("PUT", f"/rest/api/2/issue/{second}", "admin", json=_component("Caves"))
    tell(services, jira, second, watch=False)
    for collection in services.collections.all():
        assert collection.index.clip_count(["GAME"]) == 1
        assert collection.catalogue.count(ClipStatus.INDEXED) == 1
        (clip_id,) = collection.index.issues_of_clips_on([_id_of(services, second)])
        assert collection.index.places([clip_id])[clip_id].game == "Caves"


def _id_of(services: Services, key: str) -> str:
    record = services.collections.active.catalogue.issue_by_key(key)
    assert record is not None
    return record.id


def _component(name: str) -> dict[str, Any]:
    return {"fields": {"components": [{"name": name}]}}


def test_pictures_that_the_old_encoder_s_moments_show_stay(
    services: Services, other: Services, jira: Site, clips: Path
) -> None:
    history(services, jira, clips, COWS[0])
    (clip,) = services.collections.active.catalogue.with_status(ClipStatus.INDEXED)
    times = services.collections.active.index.clip_vectors([clip.id])[clip.id].times.tolist()
    services.media.thumbnails.write(
        clip.id, [0.123], np.zeros((1, 32, 32, 3), np.uint8), beside=True
    )
    prepare(services, other)
    assert set(services.media.thumbnails.times(clip.id)) >= {0.123, *times}


def test_what_is_purged_or_unshown_is_so_under_another_encoder(
    services: Services, other: Services, jira: Site, clips: Path
) -> None:
    keys = history(services, jira, clips, COWS[0], PLACEHOLDER[0])
    purged, unshown = (
        services.collections.active.catalogue.clips_of(_id_of(services, key))[0] for key in keys
    )
    assert len([*services.footage_purge.purge([Old(purged, "GAME")], "clips")]) == 1
    assert len([*services.footage_purge.purge([Old(unshown, "GAME")], "pictures")]) == 1
    prepare(services, other)
    new = other.collections.configured
    assert [new.catalogue.count(s) for s in ClipStatus] == [0, 1, 0, 1]
    assert not new.index.holds(purged.id)
    assert services.media.thumbnails.times(purged.id) == []
    assert new.index.holds(unshown.id)
    assert services.media.thumbnails.times(unshown.id) == []
    counts = EncoderSwitch(services.redis, services.collections.configured, new).counts()
    assert counts.done == counts.known
    swap(services, other)
    for clip in (purged, unshown):
        now = services.collections.active.catalogue.clip(clip.id)
        assert now is not None
        assert now.attached == clip.attached > 0


def test_a_job_that_a_worker_has_taken_in_the_moment_of_the_swap_is_put_back(
    services: Services, other: Services
) -> None:
    queue, own = services.queues.get("clips"), services.collections.configured.own_queue("clips")
    services.scheduler.index_clip("5")
    asked: list[int] = []

    def current() -> list[str]:
        """It serves when it begins to wait, and does not when it has got the job."""
        asked.append(1)
        return ["clips", own] if len(asked) == 1 else [own]

    worker = WarmWorker([queue], services.redis, current=current)
    worker.work(burst=True, logging_level="WARNING")
    assert clips_waiting(services) == 1
    assert queue.jobs[0].get_status() == "queued"
    assert worker.queue_names() == [own]


def test_workers_go_over_to_the_queues_of_what_serves(services: Services, other: Services) -> None:
    names = ["search", "default", "clips"]
    search, clips = (
        services.collections.configured.own_queue(name) for name in ("search", "clips")
    )
    assert services.queues.of_worker(names) == ["search", search, "default", "clips", clips]
    next_search, next_clips = (
        other.collections.configured.own_queue(name) for name in ("search", "clips")
    )
    assert other.queues.of_worker(names) == [next_search, "default", next_clips]
    EncoderSwitch(
        services.redis, services.collections.configured, other.collections.configured
    ).swap(services.collections.active_encoder)
    assert services.queues.of_worker(names) == [search, "default", clips]
    assert other.queues.of_worker(names) == ["search", next_search, "default", "clips", next_clips]


def test_what_is_forgotten_leaves_no_key_and_the_way_back_is_one_command(
    services: Services, other: Services, jira: Site, clips: Path
) -> None:
    history(services, jira, clips, COWS[0], QUIET)
    prepare(services, other)
    swap(services, other)
    with pytest.raises(ChangeError, match="is the active encoder; switch to another"):
        services.encoder_change.forget(other.collections.configured.name)
    former = services.collections.configured.name
    with at_work(services), pytest.raises(ChangeError, match="stop them"):
        services.encoder_change.forget(former)
    # Back, and forth again: nothing is embedded twice for it.
    for name in (former, other.collections.configured.name):
        steps = list(services.encoder_change.prepare(name))
        assert steps[-1].counts.clips == 0
        services.encoder_change.swap(name, force=True)
    assert call("encoder", "forget", former, "--yes").exit_code == 0
    left = [
        key
        for key in services.redis.scan_iter("dejabug:*")
        if services.collections.configured.slug.encode() in key
    ]
    assert left == []
    names = services.redis.execute_command("FT._LIST")  # type: ignore[no-untyped-call]
    assert not [name for name in names if services.collections.configured.slug.encode() in name]
    assert services.collections.active.index.clip_count(["GAME"]) == 2


def test_what_is_forgotten_takes_its_jobs_along(services: Services) -> None:
    """Those too that wait for another try: they have no end of their own."""
    name = "another"
    services.collections.active_encoder.claim(services.collections.configured.name)
    services.collections.note_encoder(name, 8, "nobody's")
    queue = services.queues.get(services.collections.get(name).own_queue("clips"))
    for clip_id in ("1", "2", "3"):
        enqueue(queue, INDEX_CLIP, clip_id)
    _, waits, failed = queue.jobs
    for job in (waits, failed):
        queue.remove(job)
    queue.scheduled_job_registry.schedule(waits, datetime.now(UTC))
    queue.failed_job_registry.add(failed, ttl=60)
    services.encoder_change.forget(name)
    kept = {key for key in services.redis.scan_iter("rq:*") if b"executions" not in key}
    assert kept == set()


def test_what_others_queue_for_one_that_is_just_given_up_goes_too(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process goes on by the roles that it has read, for a second at most."""
    monkeypatch.setattr(active_encoder, "KEPT", 60.0)  # it stays behind for all of this test
    name = "another"
    services.collections.active_encoder.claim(services.collections.configured.name)
    services.collections.note_encoder(name, 8, "nobody's")
    services.collections.active_encoder.prepare(name)
    another = Services(services.settings)
    assert [collection.name for collection in another.collections.receiving] == [
        services.collections.configured.name,
        name,
    ]
    paused: list[float] = []

    def pause(seconds: float) -> None:
        paused.append(seconds)
        for collection in another.collections.receiving:
            another.scheduler.index_ticket("10001", collection)

    monkeypatch.setattr(encoder_change.time, "sleep", pause)
    services.encoder_change.forget(name)
    assert paused
    assert min(paused) > active_encoder.KEPT
    slug = services.collections.get(name).slug.encode()
    assert [key for key in services.redis.scan_iter("*") if slug in key] == []


def test_a_large_index_is_grown_before_it_serves(
    services: Services, other: Services, jira: Site, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history(services, jira, clips, COWS[0])
    monkeypatch.setattr("dejabug.index.hnsw.FLAT_LIMIT", 5)
    notes = set()
    for step in services.encoder_change.prepare(other.collections.configured.name):
        notes.add(step.note)
        work_as(other)
        services.upkeep.run()  # as a worker's housekeeper does each minute
    assert "Redis is building the index" in notes
    assert [
        collection.index.state().algorithm for collection in services.collections.receiving
    ] == [
        "HNSW",
        "HNSW",
    ]


def test_an_encoder_is_measured_before_it_serves(
    services: Services, other: Services, jira: Site, clips: Path
) -> None:
    history(services, jira, clips, COWS[0])
    prepare(services, other)
    corpus = studio(other.measured())
    assert len(corpus.items) == 1
    assert (
        corpus.services.collections.active.index.alias == other.collections.configured.index.alias
    )
    assert (
        other.collections.active.index.alias == services.collections.configured.index.alias
    )  # which answers
    assert services.measured() is services


def test_an_encoder_that_was_given_up_gets_no_new_tickets(
    services: Services, other: Services, jira: Site, clips: Path
) -> None:
    history(services, jira, clips, COWS[0])
    prepare(services, other)
    assert [collection.name for collection in services.collections.receiving] == [
        services.collections.configured.name,
        other.collections.configured.name,
    ]
    services.encoder_change.forget(other.collections.configured.name)
    assert [collection.name for collection in services.collections.receiving] == [
        services.collections.configured.name
    ]
    assert services.collections.active.index.clip_count(["GAME"]) == 1


def test_the_commands_say_who_serves_and_what_is_to_be_done(
    services: Services, other: Services, jira: Site, clips: Path
) -> None:
    history(services, jira, clips, COWS[0])
    prepare(services, other)
    shown = words(call("encoder", "list").output)
    assert "in use" in shown
    assert "next" in shown
    answer = call("encoder", "change", other.collections.configured.name, "--no-swap")
    assert "is ready, and new tickets are indexed with both" in words(answer.output)
    refused = call("encoder", "change", other.collections.configured.name)
    assert refused.exit_code == 1
    assert "searches would fail" in words(refused.output + refused.stderr)
    with at_work(other):
        answer = call("encoder", "change", other.collections.configured.name)
    assert "is now in use: 1 clip indexed, 0 failed" in words(answer.output)
    assert f"dejabug encoder change '{services.collections.configured.name}'" in words(
        answer.output
    )
    assert call("encoder", "forget", "nobody", "--yes").exit_code == 1


def test_real_workers_change_the_encoder_while_questions_are_asked(
    cold_services: Services, environment: dict[str, str], jira: Site, clips: Path, tmp_path: Path
) -> None:
    """Two encoders' workers and the command as processes; the new worker and the command are killed
    on the way. Somebody asks all the time, and always gets an answer."""
    running: list[Fork] = []
    done = threading.Event()

    def start(*arguments: str, **more: str) -> Fork:
        variables = {**os.environ, **environment, **more}
        child = Fork(arguments, variables, tmp_path / f"{len(running)}.log")
        running.append(child)
        return child

    try:
        start("worker")
        wait_until(lambda: cold_services.queues.workers()["clips"])
        keys = [jira.file("GAME", f"cows {n}", clips / name) for n, name in enumerate(COWS)]
        keys.append(jira.file("GAME", "the night", clips / QUIET))
        for key in keys:
            with cold_services.redis.pipeline() as pipe:
                cold_services.scheduler.sync_issue(str(jira.issue(key)["id"]), False, pipe)
                pipe.execute()
        wait_until(
            lambda: (
                cold_services.collections.active.catalogue.count(ClipStatus.INDEXED) == len(keys)
            )
        )
        centre = {"DEJABUG_FRAME_CROP": "center"}
        name = "starter:2@center"
        new = cold_services.collections.get(name)
        worker = start("worker", "clips", "search", **centre)
        wait_until(lambda: cold_services.queues.workers_of(new)["search"])
        answers: list[str] = []
        failures: list[str] = []

        def ask_on() -> None:
            while not done.wait(0.2):
                try:
                    found = issues_found(cold_services)
                except Exception as error:  # noqa: BLE001 (told below)
                    failures.append(repr(error))
                else:
                    (answers if found == set(keys) else failures).append(str(found))

        asking = threading.Thread(target=ask_on)
        asking.start()
        # The next download does not end: worker and command die with it in hand.
        jira.hold("/rest/api/2/attachment/content")
        command = start("encoder", "change", name)
        queue = f"rq:wip:{new.own_queue('clips')}"
        held = wait_until(lambda: held_clip(cold_services, queue))
        for child in (command, worker):
            child.kill()
            child.wait()
        # As if the minute had passed after which the dead ones' job and locks are taken back.
        cold_services.redis.zadd(queue, {held: 1})
        locks = cold_services.redis.keys("rq:scheduler-lock:*")
        cold_services.redis.delete(encoder_change.LOCK, *locks)
        start("worker", "clips", "search", **centre)
        again = start("encoder", "change", **centre)
        assert again.wait(120) == 0, (tmp_path / f"{len(running) - 1}.log").read_text()
        told = (tmp_path / f"{len(running) - 1}.log").read_text()
        assert re.search(r"starter:2@center is now in use: 4 clips indexed, 0 failed", told)
        # The old worker leaves the queues to the new one, which takes them; web processes follow.
        wait_until(lambda: on_clips(cold_services) == {new.slug})
        asked = len(answers)
        wait_until(lambda: len(answers) > asked + 3)
        running[0].terminate()
        assert running[0].wait(30) == 0
        asked = len(answers)
        wait_until(lambda: len(answers) > asked + 3)
        done.set()
        asking.join()
        assert failures == []
        assert new.index.clip_count(["GAME"]) == len(keys)
        frames = [clip.frames for clip in new.catalogue.with_status(ClipStatus.INDEXED)]
        assert new.index.state().frames == sum(frames)
    finally:
        done.set()
        for child in running:
            child.kill()
            child.wait()


def held_clip(services: Services, registry: str) -> bytes | None:
    """A clip's job that a worker has in hand."""
    held: list[bytes] = services.redis.zrange(registry, 0, -1)
    return next((job for job in held if job.startswith(b"clip-")), None)


def on_clips(services: Services) -> set[str]:
    """The encoders whose workers are on the queue `clips`."""
    queues = [worker.queue_names() for worker in Worker.all(connection=services.redis)]
    own = [name for names in queues if "clips" in names for name in names if "@" in name]
    return {name.split("@")[1] for name in own}
