"""Files as objects in an S3 store, over HTTP."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from pydantic import ValidationError

from dejabug.infra.errors import UserError
from dejabug.media_store import objects as module
from dejabug.media_store.blobs import BlobReader
from dejabug.media_store.objects import DELETE_QUEUE, ObjectStore, StoreAwayError
from dejabug.settings import Settings
from support.object_store import ACCESS, SECRET, Bucket
from support.processes import dejabug
from support.repository import ROOT


@pytest.fixture
def objects(bucket: Bucket, store: redis.Redis) -> ObjectStore:
    return ObjectStore(bucket.address, store)


@pytest.fixture
def gate(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """The bucket, whose server may be sent away; it is back at the end."""
    monkeypatch.setattr(module, "BACKOFF_SECONDS", 0.0)
    monkeypatch.setitem(module.REQUEST_LIMITS, "retries", {"total_max_attempts": 1})
    yield bucket
    if not bucket.server.here:
        bucket.server.back()


def test_an_object_is_read_whole_and_in_part(objects: ObjectStore, tmp_path: Path) -> None:
    objects.put("a/1", b"0123456789")
    assert objects.read("a/1") == b"0123456789"
    assert objects.read("a/1", 2, 5) == b"234"
    assert objects.read("a/1", 8, 50) == b"89"
    assert objects.read("a/1", 50, 60) == b""
    assert objects.fetch("a/1", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == b"0123456789"
    assert objects.read("a/2") is None
    assert objects.read("a/2", 0, 5) is None
    assert not objects.fetch("a/2", tmp_path / "g")


def test_what_another_process_writes_is_seen_at_once(
    objects: ObjectStore, bucket: Bucket, store: redis.Redis
) -> None:
    assert objects.read("a/1") is None
    other = ObjectStore(bucket.address, store)
    for said in (b"one", b"two"):
        other.put("a/1", said)
        assert objects.read("a/1") == said
    other.delete("a/1")
    assert objects.read("a/1") is None


def test_a_large_file_goes_in_parts(
    objects: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PART_BYTES", 5 * 1024 * 1024)
    large = tmp_path / "large"
    large.write_bytes(os.urandom(11 * 1024 * 1024))
    objects.put_file("a/large", large)
    assert objects.fetch("a/large", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == large.read_bytes()


def test_a_reader_seeks_as_a_file_does(objects: ObjectStore) -> None:
    objects.put("a/1", b"0123456789")
    reader = BlobReader(objects, "a/1", 10, "v")
    assert reader.read(3) == b"012"
    assert (reader.seek(-2, os.SEEK_END), reader.read(), reader.read(5)) == (8, b"89", b"")
    assert (reader.seek(4), reader.seek(1, os.SEEK_CUR), reader.read(2)) == (4, 5, b"56")
    objects.delete("a/1")
    reader.seek(0)
    with pytest.raises(FileNotFoundError):
        reader.read(1)


def test_what_shall_go_goes_when_the_store_is_back(
    objects: ObjectStore, gate: Bucket, store: redis.Redis
) -> None:
    objects.put("a/1", b"x")
    objects.put("a/2", b"x")
    gate.server.away()
    objects.delete("a/1")
    assert objects.collect_garbage() == 0
    gate.server.back()
    assert gate.names() == ["a/1", "a/2"]
    assert objects.collect_garbage() == 1
    assert gate.names() == ["a/2"]
    assert store.zcard(DELETE_QUEUE) == 0


def test_what_is_written_anew_is_off_the_delete_queue(
    objects: ObjectStore, gate: Bucket, store: redis.Redis
) -> None:
    objects.put("a/1", b"old")
    gate.server.away()
    objects.delete("a/1")
    with pytest.raises(StoreAwayError, match=gate.address):
        objects.put("a/1", b"new")
    assert store.zscore(DELETE_QUEUE, "a/1")  # the old one still has to go
    gate.server.back()
    objects.put("a/1", b"new")
    assert objects.collect_garbage() == 0
    assert objects.read("a/1") == b"new"


def test_a_short_lived_object_goes_whatever_becomes_of_its_writer(
    objects: ObjectStore, bucket: Bucket, tmp_path: Path
) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"x")
    objects.put_file("uploads/1", file, expires_in=3600)
    objects.put_file("uploads/2", file, expires_in=-1)
    assert objects.count_temporary() == 1
    assert objects.collect_garbage() == 1
    assert bucket.names() == ["uploads/1"]


def test_a_store_that_did_not_answer_is_left_alone_for_a_moment(
    bucket: Bucket, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    objects = ObjectStore(bucket.address, store)
    with pytest.raises(StoreAwayError, match="get failed"):
        objects.read("a/1")
    started = time.monotonic()
    for _ in range(100):
        with pytest.raises(StoreAwayError, match="a moment ago"):
            objects.read("a/1")
    assert time.monotonic() - started < module.BACKOFF_SECONDS


def test_a_bucket_that_is_not_there_is_told_when_something_is_written(
    bucket: Bucket, store: redis.Redis
) -> None:
    objects = ObjectStore("s3://no-such-bucket/dejabug", store)
    with pytest.raises(StoreAwayError, match="bucket does not exist"):
        objects.put("a/1", b"x")
    with pytest.raises(StoreAwayError, match="bucket does not exist"):
        objects.try_out()


def documented_policy(bucket: str) -> str:
    """The policy of docs/how-to/object-store.md, for a bucket of this name."""
    text = (ROOT / "docs" / "how-to" / "object-store.md").read_text("utf-8")
    found = re.search(r"```json\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return json.dumps(json.loads(found[1])).replace("dejabug-studio-example", bucket)


def test_the_documented_policy_is_enough(
    bucket: Bucket, store: redis.Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PART_BYTES", 5 * 1024 * 1024)
    bucket.server.become_user(documented_policy(bucket.name), monkeypatch)
    try:
        objects = ObjectStore(bucket.address, store)
        objects.try_out()
        assert objects.read("a/1") is None
        large = tmp_path / "large"
        large.write_bytes(bytes(11 * 1024 * 1024))
        objects.put_file("a/1", large)
        assert objects.fetch("a/1", tmp_path / "back")
        objects.delete("a/1")
        assert store.zcard(DELETE_QUEUE) == 0
        with pytest.raises(StoreAwayError, match="put failed"):
            ObjectStore(f"s3://{bucket.name}/elsewhere", store).put("a/1", b"x")
    finally:
        bucket.server.trust_all()


FORK = """
import os, sys
import redis
from dejabug.media_store.objects import ObjectStore
store = ObjectStore(sys.argv[1], redis.Redis.from_url(sys.argv[2]))
store.put("a/1", b"parent")
child = os.fork()
if not child:
    said = store.read("a/1")
    store.put("a/2", b"child of " + said)
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print(store.read("a/2").decode())
"""


@pytest.mark.usefixtures("bucket")
def test_a_fork_opens_connections_of_its_own(bucket: Bucket, store: redis.Redis) -> None:
    pool = store.connection_pool.connection_kwargs
    url = f"redis://{pool['host']}:{pool['port']}/0"
    command = [sys.executable, "-c", FORK, bucket.address, url]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout.strip()) == (0, "child of parent"), run.stderr


@pytest.mark.parametrize(
    "address",
    [
        "s3://marked-key:marked-secret@bucket/dejabug",
        "s3://bucket/dejabug?key=marked-secret",
        "s3://bucket/#marked-secret",
        "simplecache::s3://marked-secret",
        "memory://marked-secret",
        "file:///srv/marked-secret",
        "https://marked-secret.example/media",
        "/srv/marked-secret",
        "s3://",
        "s3://bucket/../marked-secret/\n",
    ],
)
def test_an_address_that_is_none_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(ValidationError, match="media_store") as refused:
        Settings(media_store=address)
    assert "marked" not in str(refused.value)


def test_a_command_says_what_is_wrong_with_the_address_without_repeating_it() -> None:
    run = dejabug("settings", DEJABUG_MEDIA_STORE="s3://key:marked-secret@bucket")
    assert run.returncode == 1
    assert "s3://bucket/dejabug" in run.stderr
    assert "marked" not in run.stdout + run.stderr


def test_a_protocol_that_nothing_here_speaks_is_told_at_the_start(store: redis.Redis) -> None:
    assert Settings(media_store="nostore://bucket/").media_store == "nostore://bucket"
    with pytest.raises(UserError, match=r"nostore://.*dejabug\[s3\]"):
        ObjectStore("nostore://bucket", store)


def test_no_credentials_are_told_when_the_store_refuses(
    bucket: Bucket, store: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    objects = ObjectStore("s3://no-such-bucket", store)
    with pytest.raises(StoreAwayError) as refused:
        objects.put("a", b"")
    objects.delete("a")
    said = f"{refused.value!r} {refused.value.__cause__!r} {capsys.readouterr()}"
    assert ACCESS not in said
    assert SECRET not in said
