"""A clip's grey signature: indexed with its frames, copied and forgotten with them, added to
clips that an earlier version indexed, and never loaded by a search."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis
from typer.testing import CliRunner

from dejabug import media
from dejabug.cli import app
from dejabug.encoders.starter import StarterEncoder
from dejabug.evaluation.corpus import indexed
from dejabug.index import MOST_PICTURES, BadVectorsError, ClipLocation, FrameIndex, copy_vectors
from dejabug.infra.jobs import CLIP_JOB
from dejabug.infra.redis_server import RedisServer
from dejabug.ingest.clip_indexer import sample_signature
from dejabug.maintenance import signature_backfill
from dejabug.ranking import Signature
from dejabug.records.collection import Collection
from dejabug.records.types import ClipRecord, ClipStatus
from dejabug.services import Services
from dejabug.worker.jobs import read_signature
from support.demo_clips import COWS, PLACEHOLDER
from support.jira_site import Site
from support.tickets import history, tell
from support.vectors import DIMENSIONS, HOME, times, unit
from support.workers import work

FIELD = "signature"


def some(count: int, seed: int = 0) -> Signature:
    """A signature whose times are no round numbers, as those of keyframes are."""
    pick = np.random.default_rng(seed)
    when = np.sort(pick.uniform(0, 1800, count)).astype(np.float32)
    return Signature(when, pick.integers(0, 256, (count, 12, 12), dtype=np.uint8))


def same(one: Signature | None, other: Signature | None) -> bool:
    """Whether two signatures are the same to the bit."""
    if one is None or other is None:
        return one is other
    as_bytes = [
        (each.times.dtype, each.times.tobytes(), each.pictures.shape, each.pictures.tobytes())
        for each in (one, other)
    ]
    return as_bytes[0] == as_bytes[1]


def signature_in(frames: FrameIndex, clip_id: str) -> Signature | None:
    return frames.signatures([clip_id]).get(clip_id)


def age(services: Services) -> None:
    """Make it an index of an earlier version, in which no clip has a signature."""
    store = services.collections.location.connection()
    for key in store.scan_iter("dejabug:embedded:*", _type="HASH"):
        store.hdel(key, FIELD)


# In the index


@pytest.mark.parametrize("count", [0, 1, 77, MOST_PICTURES])
def test_a_signature_comes_back_to_the_bit(frames: FrameIndex, count: int) -> None:
    frames.write_clip("1", HOME, times(3), unit(3), some(count))
    assert same(signature_in(frames, "1"), some(count))


def test_signatures_of_many_clips_are_read_in_one_round_trip(
    frames: FrameIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        frames.write_clip(str(number), HOME, times(1), unit(1), some(9, number))
    frames.write_clip("old", HOME, times(1), unit(1))
    sent = []
    send = redis.Connection.send_packed_command

    def counted(self: redis.Connection, *arguments: Any, **options: Any) -> None:
        sent.append(arguments)
        send(self, *arguments, **options)

    monkeypatch.setattr(redis.Connection, "send_packed_command", counted)
    found = frames.signatures(["old", "unknown", *map(str, range(20))])
    assert len(sent) == 1
    assert list(found) == [str(number) for number in range(20)]
    assert all(same(found[str(number)], some(9, number)) for number in range(20))


def test_a_clip_that_is_written_again_keeps_nothing_of_its_signature_before(
    frames: FrameIndex,
) -> None:
    frames.write_clip("1", HOME, times(3), unit(3), some(50))
    frames.write_clip("1", HOME, times(3), unit(3), some(7, 1))
    assert same(signature_in(frames, "1"), some(7, 1))
    frames.write_clip("1", HOME, times(3), unit(3))
    assert signature_in(frames, "1") is None
    assert frames.without_signature(["1"]) == ["1"]


def test_a_clip_that_moves_takes_its_signature_along(frames: FrameIndex) -> None:
    frames.write_clip("1", HOME, times(3), unit(3), some(5))
    frames.move_clip("1", ClipLocation("1", "OTHER", "Racer"))
    assert same(signature_in(frames, "1"), some(5))


def test_a_signature_is_forgotten_with_its_clip_and_comes_back_by_no_late_worker(
    frames: FrameIndex, store: redis.Redis
) -> None:
    frames.write_clip("1", HOME, times(3), unit(3), some(5))
    frames.forget_clip("1")
    assert frames.signatures(["1"]) == {}
    assert not frames.put_signature("1", some(5))
    assert list(store.scan_iter("dejabug:embedded:*")) == []


def test_a_clip_without_a_signature_gets_one_beside_what_it_has(frames: FrameIndex) -> None:
    frames.write_clip("1", HOME, times(3), unit(3))
    before = frames.clip_vectors(["1"])["1"]
    assert frames.without_signature(["unknown", "1"]) == ["1"]
    assert frames.put_signature("1", some(5))
    assert frames.without_signature(["unknown", "1"]) == []
    after = frames.clip_vectors(["1"])["1"]
    assert (after.vectors == before.vectors).all()
    assert (frames.places(["1"]), frames.clip_count(["GAME"])) == ({"1": HOME}, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        Signature(np.zeros(2, np.float32), np.zeros((3, 12, 12), np.uint8)),
        Signature(np.zeros(3, np.float32), np.zeros((3, 12, 11), np.uint8)),
        Signature(np.zeros(3, np.float32), np.zeros((3, 12, 12), np.int8)),
        Signature(np.full(3, np.nan, np.float32), np.zeros((3, 12, 12), np.uint8)),
        some(MOST_PICTURES + 1),
    ],
)
def test_a_signature_that_is_none_is_refused_with_nothing_written(
    frames: FrameIndex, wrong: Signature
) -> None:
    with pytest.raises(BadVectorsError, match="signature"):
        frames.write_clip("1", HOME, times(3), unit(3), wrong)
    assert not frames.holds("1")


def test_signatures_go_along_to_another_redis(
    frames: FrameIndex, store: redis.Redis, tmp_path: Path
) -> None:
    frames.write_clip("1", HOME, times(3), unit(3), some(40))
    frames.write_clip("old", HOME, times(3), unit(3))
    with RedisServer(tmp_path / "other") as server:
        other = redis.Redis.from_url(server.url)
        for _ in copy_vectors(store, other):
            pass
        moved = FrameIndex(other, "test", DIMENSIONS)
        assert same(signature_in(moved, "1"), some(40))
        assert moved.without_signature(["1", "old"]) == ["old"]


# With clips


def clip_of(services: Services, jira: Site, key: str) -> ClipRecord:
    (clip,) = services.collections.active.catalogue.clips_of(str(jira.issue(key)["id"]))
    return clip


def test_an_indexed_clip_has_the_signature_of_its_file(
    services: Services, jira: Site, clips: Path
) -> None:
    (key,) = history(services, jira, clips, COWS[0])
    sampled = media.sample_frames(clips / COWS[0]).signature
    found = signature_in(services.collections.active.index, clip_of(services, jira, key).id)
    assert found is not None
    assert len(found.times) > 4 * 4  # four a second, of five seconds and more
    assert same(found, Signature(sampled.times, sampled.pictures))


def test_a_clip_of_the_same_file_gets_a_copy(services: Services, jira: Site, clips: Path) -> None:
    (old,) = history(services, jira, clips, COWS[0])
    key = jira.file("GAME", "the same again")
    jira.attach(key, clips / COWS[0], "another-name.mov")
    tell(services, jira, key)
    twins = [clip_of(services, jira, each).id for each in (old, key)]
    found = services.collections.active.index.signatures(twins)
    assert same(found[twins[0]], found[twins[1]])


def test_under_another_encoder_a_clip_has_its_signature_too(
    services: Services, jira: Site, clips: Path
) -> None:
    (key,) = history(services, jira, clips, COWS[0])
    clip = clip_of(services, jira, key)
    where = services.collections.active.index.places([clip.id])[clip.id]
    services.collections.note_encoder("another:model", services.encoder.dimensions, "another")
    other = services.collections.get("another:model")
    age(services)  # what served until now may be of an earlier version
    assert services.clip_indexer.embed_clip(other, clip, where) is not None
    assert signature_in(other.index, clip.id) is not None


def test_purged_footage_takes_its_signature_along_and_vectors_that_are_kept_keep_it(
    services: Services, jira: Site, clips: Path
) -> None:
    (key,) = history(services, jira, clips, COWS[0])
    clip = clip_of(services, jira, key)
    before = signature_in(services.collections.active.index, clip.id)
    list(
        services.footage_purge.purge(
            services.footage_purge.find_old(4e9, what="pictures"), "pictures"
        )
    )
    assert before is not None
    assert same(signature_in(services.collections.active.index, clip.id), before)
    list(services.footage_purge.purge(services.footage_purge.find_old(4e9), "clips"))
    assert services.collections.active.index.signatures([clip.id]) == {}
    assert not list(services.redis.scan_iter(f"dejabug:embedded:*:{clip.id}"))


def test_an_evaluation_keeps_signatures_as_the_service_does(
    starter: StarterEncoder, cold_services: Services, clips: Path, tmp_path: Path
) -> None:
    line = (clips / "manifest.jsonl").read_text("utf-8").splitlines()[0]
    (tmp_path / "manifest.jsonl").write_text(line, "utf-8")
    (tmp_path / COWS[0]).symlink_to(clips / COWS[0])
    with indexed(tmp_path, cold_services.settings, encoder=starter) as corpus:
        (item,) = corpus.items
        assert (
            len(
                corpus.services.collections.active.index.signatures([item.clip_id])[
                    item.clip_id
                ].times
            )
            > 0
        )


# What a search loads


def test_no_search_by_words_loads_a_signature(services: Services, jira: Site, clips: Path) -> None:
    history(services, jira, clips, COWS[0], PLACEHOLDER[0])
    key = jira.file("GAME", "cows", clips / COWS[2])
    issue_id = tell(services, jira, key)
    clip = clip_of(services, jira, key)
    query = services.collections.active.index.clip_vectors([clip.id])[clip.id]
    vector = services.encoder.embed_texts(["a herd of cows"])[0]

    def ask() -> None:
        assert services.retrievers.active.search("a herd of cows", vector, services.scale, ["GAME"])
        assert services.collections.active.index.best_frames(vector, 10, ["GAME"])
        assert services.collections.active.index.nearest_clips(query.vectors, 10, ["GAME"])
        services.collections.active.index.neighbours.references({clip.id: "GAME"})
        services.collections.active.index.places([clip.id])

    services.redis.delete(*services.redis.keys("dejabug:ranked:*"))
    commands = heard(services.collections.location.connection(), ask)
    about_clips = [each for each in commands if "dejabug:embedded:" in each]
    assert about_clips
    assert any("FT.SEARCH" in each or "FT.AGGREGATE" in each for each in commands)
    assert not [each for each in about_clips if FIELD in each.split() or "HGETALL" in each]
    assert {each.split()[0] for each in about_clips} <= {
        "HGET", "HMGET", "SMEMBERS", "SRANDMEMBER", "SCARD",
    }  # fmt: skip
    assert issue_id


def heard(connection: redis.Redis, act: Callable[[], None]) -> list[str]:
    """The commands that Redis was given meanwhile."""
    with connection.monitor() as monitor:
        act()
        connection.echo("that was all")
        found: list[str] = []
        while True:
            command = monitor.next_command()["command"]
            if command == "ECHO that was all":
                return found
            found.append(command)


# For clips of an earlier version


def command(*words: str) -> str:
    done = CliRunner().invoke(app, ["index", "signatures", *words])
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def test_clips_of_an_earlier_version_get_their_signatures_with_their_vectors_as_they_are(
    services: Services, jira: Site, clips: Path
) -> None:
    history(services, jira, clips, COWS[0], PLACEHOLDER[0])
    ids = sorted(
        clip.id for clip in services.collections.active.catalogue.with_status(ClipStatus.INDEXED)
    )
    before = services.collections.active.index.signatures(ids)
    vectors = {
        clip: each.vectors
        for clip, each in services.collections.active.index.clip_vectors(ids).items()
    }
    assert command() == "Every indexed clip has a signature."
    age(services)
    assert services.collections.active.index.signatures(ids) == {}
    assert command("--dry-run") == "2 clips without a signature. Nothing was queued."
    assert services.queues.get("previews").count == 0
    told = command()
    assert "2 clips queued" in told
    assert "no worker takes jobs from the queue previews".capitalize() in told
    command()  # once more queues nothing twice
    assert services.queues.get("previews").count == 2
    work(services, previews=True)
    assert command("--dry-run") == "Every indexed clip has a signature."
    after = services.collections.active.index.signatures(ids)
    assert all(same(after[clip_id], before[clip_id]) for clip_id in ids)
    for clip_id, each in services.collections.active.index.clip_vectors(ids).items():
        assert (each.vectors == vectors[clip_id]).all()


def test_signatures_are_read_by_a_worker_without_a_model(
    cold_services: Services, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loaded(_settings: Any) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("dejabug.services.load_encoder", loaded)
    for name in (COWS[0], "freedoom-07.webm", "physics-06.mkv"):
        whole = media.sample_frames(clips / name).signature
        small = sample_signature(cold_services.settings, clips / name)
        assert same(small, Signature(whole.times, whole.pictures)), name


def test_a_clip_that_would_not_be_used_today_gets_its_signature_too(
    cold_services: Services, loading: Path, black: Path, tmp_path: Path
) -> None:
    nothing = tmp_path / "nothing.mp4"
    look = ["-f", "lavfi", "-i", "color=black:s=320x240:r=10:d=3", "-pix_fmt", "yuv420p"]
    subprocess.run([media.find_ffmpeg(), "-v", "error", *look, str(nothing)], check=True)
    with pytest.raises(media.ClipError, match="single colour"):
        media.sample_frames(nothing)
    counts = [
        len(sample_signature(cold_services.settings, path).times)
        for path in (nothing, loading, black)
    ]
    assert counts == [12, 24, 0]  # four a second, and none of a screenshot


def test_every_encoder_that_lacks_a_clips_signature_gets_it_from_one_download(
    services: Services, jira: Site, clips: Path
) -> None:
    (key,) = history(services, jira, clips, COWS[0])
    clip = clip_of(services, jira, key)
    before = signature_in(services.collections.active.index, clip.id)
    other = copied_to(services, "another:model", clip)
    age(services)
    downloads = len(downloads_of(jira))
    read_signature(clip.id)
    assert len(downloads_of(jira)) - downloads == 1
    assert same(signature_in(services.collections.active.index, clip.id), before)
    assert same(signature_in(other.index, clip.id), before)


def copied_to(services: Services, name: str, clip: ClipRecord) -> Collection:
    frames = services.collections.active.index.clip_vectors([clip.id])[clip.id]
    where = services.collections.active.index.places([clip.id])[clip.id]
    services.collections.note_encoder(name, frames.vectors.shape[1], name)
    other = services.collections.get(name)
    other.index.write_clip(clip.id, where, frames.times, frames.vectors)
    other.catalogue.put_clip(clip)
    return other


def downloads_of(jira: Site) -> list[Any]:
    return [each for each in jira.log()["requests"] if "/attachment/content/" in each["path"]]


def test_what_cannot_be_read_any_more_stays_without_and_keeps_nothing_else_waiting(
    services: Services, jira: Site, clips: Path
) -> None:
    gone, there = history(services, jira, clips, COWS[0], PLACEHOLDER[0])
    lost, kept = (clip_of(services, jira, key).id for key in (gone, there))
    age(services)
    jira.call("DELETE", f"/rest/api/2/issue/{gone}", "admin")
    command()
    work(services, previews=True)
    assert services.signature_backfill.missing() == [lost]
    assert signature_in(services.collections.active.index, kept) is not None


def test_a_clip_that_is_forgotten_while_its_signature_waits_stays_forgotten(
    services: Services, jira: Site, clips: Path
) -> None:
    (key,) = history(services, jira, clips, COWS[0])
    clip = clip_of(services, jira, key)
    age(services)
    services.collections.active.index.forget_clip(clip.id)
    read_signature(clip.id)
    assert not list(services.redis.scan_iter(f"dejabug:embedded:*:{clip.id}"))


def test_queueing_waits_while_workers_have_enough_to_do(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signature_backfill, "MOST_WAITING", 2)
    monkeypatch.setattr(signature_backfill, "POLL", 0)
    steps = services.signature_backfill.queue(["1", "2", "3"])
    assert [next(steps).queued, next(steps).queued] == [1, 2]
    assert "no worker" in next(steps).pause
    assert "no worker" in next(steps).pause
    services.queues.get("previews").empty()
    assert next(steps).queued == 3
    (job,) = services.queues.get("previews").jobs
    assert (job.id, job.timeout) == ("signature-3", CLIP_JOB)
