"""Thumbnails, previews and uploads in an object store, for processes that share no folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis
from typer.testing import CliRunner

from dejabug import media
from dejabug.cli import app
from dejabug.cli.doctor import Check, examine
from dejabug.media_store import objects
from dejabug.media_store.blobs import BlobReader
from dejabug.media_store.objects import DELETE_QUEUE, ObjectStore, StoreAwayError
from dejabug.media_store.preview_records import KNOWN, WATCHED, RedisRecords
from dejabug.media_store.previews import Previews
from dejabug.records.types import ClipStatus
from dejabug.search import upload_comparison
from dejabug.services import Services
from dejabug.web import create_app
from dejabug.worker import jobs
from dejabug.worker.jobs import preview_clip
from support.api import Caller, is_problem
from support.demo_clips import COWS, QUIET
from support.jira_site import YEAR, Site, age
from support.object_store import ACCESS, SECRET, Bucket
from support.processes import dejabug
from support.tickets import history, tell
from support.waiting import wait_until
from support.workers import work

DAY = 24 * 3600


@pytest.fixture
def environment(
    environment: dict[str, str], bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> Any:
    monkeypatch.setattr(objects, "BACKOFF_SECONDS", 0.0)
    monkeypatch.setitem(objects.REQUEST_LIMITS, "retries", {"total_max_attempts": 1})
    yield {**environment, **bucket.environment, "DEJABUG_PUBLIC_URL": "http://dejabug.example"}
    if not bucket.server.here:
        bucket.server.back()


def files_below(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def test_a_worker_and_a_web_process_with_folders_of_their_own_share_all_media(
    cold_services: Services, jira: Site, clips: Path, start: Any, tmp_path: Path, bucket: Bucket
) -> None:
    own, theirs = tmp_path / "data", tmp_path / "worker"
    keys = [jira.file("GAME", f"a bug in {clip}", clips / clip) for clip in (*COWS[:2], QUIET)]
    start(DEJABUG_DATA_DIR=str(theirs), DEJABUG_LOG_FORMAT="json")
    with cold_services.redis.pipeline() as pipe:
        for key in keys:
            cold_services.scheduler.sync_issue(str(jira.issue(key)["id"]), False, pipe)
        pipe.execute()
    wait_until(
        lambda: cold_services.collections.active.catalogue.count(ClipStatus.INDEXED) == len(keys)
    )
    caller = Caller(create_app(cold_services), cold_services, "GAME")

    def found() -> Any:
        clip = caller.get(f"/issues/{keys[0]}/similar").get_json()["results"][0]["clip"]
        shown = caller.get(f"/clips/{clip['id']}").get_json()
        return shown if shown["video"] == "ready" else None

    shown = wait_until(found)
    assert len(shown["times"]) > 1
    base = shown["media"].removeprefix("http://dejabug.example")
    picture = caller.client.get(f"{base}/pictures/{round(shown['times'][1] * 1000)}.jpg")
    assert (picture.status_code, picture.data[:2]) == (200, b"\xff\xd8")
    part = caller.client.get(f"{base}/video.mp4", headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.data) == (206, b"ftyp")
    sent = caller.send((clips / COWS[2]).read_bytes()).get_json()
    done = wait_until(
        lambda: (j := caller.get(f"/jobs/{sent['id']}").get_json())["state"] == "done" and j
    )
    assert done["results"]["results"][0]["key"] in keys[:2]
    assert {name.partition("/")[0] for name in bucket.names()} == {"pictures", "previews"}
    assert files_below(own, theirs) == []
    said = (tmp_path / "worker-0.log").read_text("utf-8")
    (ready,) = [line for line in map(json.loads, said.splitlines()) if "media" in line]
    assert ready["media"] == bucket.address
    assert ACCESS not in said
    assert SECRET not in said


def test_a_clip_waits_for_a_store_that_is_away_and_is_indexed_when_it_is_back(
    services: Services, jira: Site, clips: Path, bucket: Bucket
) -> None:
    bucket.server.away()
    key = jira.file("GAME", "cows", clips / COWS[0])
    issue_id = tell(services, jira, key, watch=False)
    (clip,) = services.collections.active.catalogue.clips_of(issue_id)
    assert clip.status is ClipStatus.QUEUED
    retried = services.queues.get("clips").scheduled_job_registry.get_job_ids()
    assert [job_id.rpartition("-")[2] for job_id in retried] == [clip.id]
    with pytest.raises(StoreAwayError):
        jobs.index_clip(clip.id)
    bucket.server.back()
    jobs.index_clip(clip.id)
    (clip,) = services.collections.active.catalogue.clips_of(issue_id)
    assert clip.status is ClipStatus.INDEXED
    assert len(services.media.thumbnails.times(clip.id)) == clip.frames
    assert len(bucket.names()) == 1


def test_while_the_store_is_away_people_are_told_and_searches_are_answered(
    services: Services, jira: Site, clips: Path, bucket: Bucket
) -> None:
    (old, _) = history(services, jira, clips, *COWS[:2])
    app = create_app(services)
    caller = Caller(app, services, "GAME")
    clip = caller.get(f"/issues/{old}/similar").get_json()["results"][0]["clip"]
    services.preview_maker.make(clip["id"])
    base = caller.get(f"/clips/{clip['id']}").get_json()["media"]
    base = base.removeprefix("http://dejabug.example")
    paths = ("/video.mp4", f"/pictures/{round(clip['times'][0] * 1000)}.jpg")
    bucket.server.away()
    for path in paths:
        answer = caller.client.get(base + path)
        is_problem(answer, 503, "media store is not available")
        assert answer.headers["Retry-After"] == "5"
        assert answer.headers["Cache-Control"] == "no-store"
    refused = caller.send((clips / COWS[2]).read_bytes())
    is_problem(refused, 503, "Upload the clip again")
    assert refused.headers["Retry-After"] == "10"
    assert caller.get(f"/issues/{old}/similar").get_json()["results"][0]["clip"] == clip
    (known, *_) = services.collections.active.catalogue.clips_of(str(jira.issue(old)["id"]))
    with pytest.raises(StoreAwayError):
        preview_clip(known.id)
    bucket.server.back()
    for path in paths:
        assert caller.client.get(base + path).status_code == 200
    services.upkeep.run()
    assert not [name for name in bucket.names() if name.startswith("uploads/")]
    assert services.redis.zcard(DELETE_QUEUE) == 0


def test_an_upload_whose_file_cannot_be_fetched_fails_with_what_to_do(
    services: Services, clips: Path, bucket: Bucket
) -> None:
    caller = Caller(create_app(services), services, "GAME")
    sent = caller.send((clips / COWS[0]).read_bytes(), prefer="respond-async").get_json()
    assert bucket.names() == [f"uploads/{sent['id']}"]
    bucket.server.away()
    work(services)
    job = caller.get(f"/jobs/{sent['id']}").get_json()
    assert (job["state"], job["reason"]) == ("failed", upload_comparison.AWAY)
    bucket.server.back()
    services.upkeep.run()
    assert bucket.names() == []


def test_an_upload_that_is_refused_leaves_nothing(
    services: Services, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = Caller(create_app(services), services, "GAME")
    assert caller.send(b"").status_code == 400
    monkeypatch.setattr(services.queues.get("search").__class__, "enqueue_call", None)
    assert caller.send(b"some bytes").status_code == 500
    assert bucket.names() == []
    assert services.redis.zcard(DELETE_QUEUE) == 0


KILLED = """
import sys
from pathlib import Path
import redis
from dejabug.media_store import objects
objects.PART_BYTES = 5 * 1024 * 1024
store = objects.ObjectStore(sys.argv[1], redis.Redis.from_url(sys.argv[2]))
store.put_file("uploads/1", Path(sys.argv[3]), expires_in=-1)
"""


def test_a_process_that_is_killed_while_it_writes_leaves_nothing_half(
    bucket: Bucket, store: redis.Redis, tmp_path: Path
) -> None:
    from moto.s3.models import s3_backends

    backend = next(iter(s3_backends["123456789012"].values()))
    file = tmp_path / "large"
    file.write_bytes(os.urandom(100 * 1024 * 1024))
    pool = store.connection_pool.connection_kwargs
    url = f"redis://{pool['host']}:{pool['port']}/0"
    command = [sys.executable, "-c", KILLED, bucket.address, url, str(file)]
    with subprocess.Popen(command) as child:

        def parts() -> int:
            under_way = backend.buckets[bucket.name].multiparts.values()
            return sum(len(one.parts) for one in under_way)

        wait_until(parts)
        child.send_signal(signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    assert bucket.names() == []
    objects_now = ObjectStore(bucket.address, store)
    assert objects_now.read("uploads/1") is None
    # Its end was written down before its beginning.
    assert store.zrange(DELETE_QUEUE, 0, -1) == [b"uploads/1"]
    assert objects_now.collect_garbage() == 1
    assert store.zcard(DELETE_QUEUE) == 0


def test_a_purge_and_a_deletion_take_the_objects_away_also_when_the_store_was_away(
    services: Services, jira: Site, clips: Path, bucket: Bucket
) -> None:
    keys = [jira.file("GAME", name, clips / name) for name in (COWS[0], QUIET)]
    age(jira, keys[0], 3)
    ids = [tell(services, jira, key, watch=False) for key in keys]
    for issue_id in ids:
        preview_clip(services.collections.active.catalogue.clips_of(issue_id)[0].id)
    assert len(bucket.names()) == 4
    before = time.time() - 2 * YEAR
    assert (
        len(list(services.footage_purge.purge(services.footage_purge.find_old(before), "clips")))
        == 1
    )
    (young,) = services.collections.active.catalogue.clips_of(ids[1])
    assert bucket.names() == [
        f"pictures/{young.id[-2:]}/{young.id}.zip",
        f"previews/{young.id[-2:]}/{young.id}.mp4",
    ]
    bucket.server.away()
    jobs.forget_issue(ids[1])
    assert services.media.thumbnails.times(young.id) == []
    assert services.media.previews.state(young.id) == "missing"
    bucket.server.back()
    services.upkeep.run()
    assert bucket.names() == []
    kept = [key for key in services.redis.keys("dejabug:p*") if b":pictures:" in key]
    assert [services.redis.ttl(key) > 0 for key in kept] == [True] * len(kept)
    assert not services.redis.exists(DELETE_QUEUE, KNOWN, WATCHED)


def test_a_preview_that_somebody_else_deleted_is_made_anew(
    services: Services, jira: Site, clips: Path, bucket: Bucket
) -> None:
    (key,) = history(services, jira, clips, COWS[0])
    (clip,) = services.collections.active.catalogue.clips_of(str(jira.issue(key)["id"]))
    preview_clip(clip.id)
    caller = Caller(create_app(services), services, "GAME")
    base = caller.get(f"/clips/{clip.id}").get_json()["media"]
    video = base.removeprefix("http://dejabug.example") + "/video.mp4"
    assert caller.client.get(video).status_code == 200
    bucket.server.files.rm(f"{bucket.name}/dejabug/previews", recursive=True)
    assert caller.client.get(video).status_code == 404
    assert caller.get(f"/clips/{clip.id}").get_json()["video"] == "preparing"
    work(services, previews=True)
    assert caller.client.get(video).status_code == 200


def test_a_folder_s_media_are_copied_once_and_the_folder_stays(
    services: Services, jira: Site, clips: Path, bucket: Bucket
) -> None:
    folder = Services(services.settings.model_copy(update={"media_store": ""}))
    ids = []
    for key in history(services, jira, clips, COWS[0], QUIET):
        (clip,) = services.collections.active.catalogue.clips_of(str(jira.issue(key)["id"]))
        ids.append(clip.id)
        folder.media.thumbnails.write(clip.id, [0.0, 1.5], np.zeros((2, 90, 160, 3), np.uint8))
        services.media.thumbnails.forget(clip.id)
    folder.media.previews.write(ids[0], clips / COWS[0], media.Limits(), media.find_ffmpeg())
    folder.media.thumbnails.write("99999", [0.0], np.zeros((1, 90, 160, 3), np.uint8))  # nobody's
    before = files_below(services.settings.data_dir)
    for told in ("Copied the thumbnails of 2 clips, and 1 preview.", "of 0 clips, and 0 previews."):
        run = CliRunner().invoke(app, ["copy-media"])
        assert run.exit_code == 0, run.output
        assert told in run.output
    assert files_below(services.settings.data_dir) == before
    assert len(bucket.names()) == 3
    for clip_id in ids:
        assert services.media.thumbnails.times(clip_id) == [0.0, 1.5]
        assert services.media.thumbnails.read(clip_id, 1.5) == folder.media.thumbnails.read(
            clip_id, 1.5
        )
    assert services.media.previews.state(ids[0]) == "ready"


def previews_of(bucket: Bucket, store: redis.Redis) -> Previews:
    return Previews(ObjectStore(bucket.address, store), RedisRecords(store))


def test_unwatched_previews_go_and_the_longest_unwatched_first(
    bucket: Bucket, store: redis.Redis
) -> None:
    previews = previews_of(bucket, store)
    objects_now = ObjectStore(bucket.address, store)
    objects_now.put("elsewhere", bytes(100))
    for number, days in enumerate((40, 5, 4, 3, 0)):
        previews.put(f"1{number}", BlobReader(objects_now, "elsewhere", 100, "v"))
        store.zadd(WATCHED, {f"1{number}": time.time() - days * DAY})
    objects_now.delete("elsewhere")
    previews.give_up("99")
    assert previews.prune(30 * DAY, 1000) == 1
    assert previews.watch("12")  # now it was watched last
    assert previews.prune(30 * DAY, 250) == 2
    states = [previews.state(f"1{n}") for n in range(5)]
    assert states == ["missing", "missing", "ready", "missing", "ready"]
    assert bucket.names() == ["previews/12/12.mp4", "previews/14/14.mp4"]
    assert previews.state("99") == "none"
    store.zadd(WATCHED, {"99": time.time() - 40 * DAY})
    assert previews.prune(30 * DAY, 0) == 2
    assert previews.state("99") == "missing"
    assert not store.exists(KNOWN, WATCHED)


@pytest.mark.parametrize("clip_id", ["../12", "a/b", "", ".", "٣", "1\n"])
def test_an_id_names_no_other_object(bucket: Bucket, store: redis.Redis, clip_id: str) -> None:
    previews = previews_of(bucket, store)
    for use in (previews.watch, previews.state, previews.give_up, previews.forget):
        with pytest.raises(ValueError, match="clip id"):
            use(clip_id)


def test_doctor_tries_the_store_and_leaves_nothing(
    cold_services: Services, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def finding(services: Services) -> Check:
        checks = {check.what: check for check in examine(services, model=False)}
        assert "data folder" not in checks
        return checks["media store"]

    check = finding(cold_services)
    assert check.well
    assert check.says.startswith(f"{bucket.address} can be written, read and deleted from")
    assert bucket.names() == []
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    check = finding(Services(cold_services.settings))
    assert not check.well
    assert check.says.startswith(f"{bucket.address}: put failed")
    assert "docs/how-to/object-store.md" in check.remedy
    assert ACCESS not in check.says
    # It is searched once, by the first that reaches the store.
    assert cold_services.redis.zcard(DELETE_QUEUE) == 1


def test_an_address_of_no_use_stops_a_worker_at_its_start(environment: dict[str, str]) -> None:
    environment["DEJABUG_MEDIA_STORE"] = "nostore://bucket"
    run = dejabug("worker", "default", "--burst", **environment)
    assert run.returncode == 1
    assert "DEJABUG_MEDIA_STORE: nostore:// is not supported by this installation" in run.stderr
