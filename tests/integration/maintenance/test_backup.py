"""`dejabug export` and `dejabug import`: what is restored, and that broken files do no harm."""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from dejabug.access.tokens import ApiToken
from dejabug.cli import app
from dejabug.index import ClipLocation, slug_of
from dejabug.maintenance.backup import BackupError, BackupReader, check_backup, records
from dejabug.maintenance.backup import importing as importing_module
from dejabug.ranking import Calibration
from dejabug.records.comments import CommentRecord
from dejabug.records.learned_parameters import read_learned
from dejabug.records.projects import KEY as RULES
from dejabug.records.projects import Rules
from dejabug.records.types import ClipRecord, ClipStatus, IssueRecord
from dejabug.records.verdicts import Verdict
from dejabug.retrieval import neighbourhood
from dejabug.search.disclosure import Filters
from dejabug.services import ModelServices, Services
from support.demo_clips import PLACEHOLDER, QUIET
from support.jira_site import Site
from support.searches import GAME
from support.studio import LENGTH, fill
from support.tickets import history, old_and_new, tell
from support.workers import work

# What a backup leaves out on purpose: made again, short-lived, or another's business.
LEFT_OUT = (
    "dejabug:account", "dejabug:sight:", "dejabug:reader:", "dejabug:event:", "dejabug:ranked:",
    "dejabug:lock:", "dejabug:session:", "dejabug:obeyed:", "dejabug:rate:", "rq:",
    "dejabug:index-home", "dejabug:index-name", "dejabug:indexes-made",
)  # fmt: skip


def quiet(_what: str, _done: int, _total: int) -> None:
    """Nobody looks."""


def snapshot(store: redis.Redis) -> dict[str, Any]:
    """All that is in Redis and should be in a backup, comparable; means to four digits, since they
    are made again of halved numbers."""
    readers: dict[bytes, Callable[[bytes], Any]] = {
        b"string": store.get,
        b"hash": store.hgetall,
        b"set": store.smembers,
        b"zset": lambda key: store.zrange(key, 0, -1),
        b"list": lambda key: store.lrange(key, 0, -1),
    }
    found = {}
    for key in store.scan_iter():
        name = key.decode()
        if not name.startswith(LEFT_OUT):
            value = readers[store.type(key)](key)
            if isinstance(value, dict) and b"mean" in value:
                mean = np.frombuffer(value[b"mean"], np.float32)
                value = {**value, b"mean": np.round(mean, 3).tolist()}
            found[name] = value
    return found


@pytest.fixture
def filled(cold_services: Services, tmp_path: Path) -> tuple[Services, Path, dict[str, Any]]:
    """A filled studio, its backup, and what was in Redis."""
    fill(cold_services)
    path = tmp_path / "backup.zip"
    cold_services.backup_writer.write(path, quiet)
    return cold_services, path, snapshot(cold_services.redis)


def emptied(services: Services) -> ModelServices:
    """The same service with an empty Redis."""
    services.redis.flushall()
    return Services(services.settings)


def test_everything_comes_back_as_it_was_under_every_encoder(
    filled: tuple[Services, Path, dict[str, Any]],
) -> None:
    services, path, before = filled
    manifest = emptied(services).backup_reader.read(path, quiet)
    assert snapshot(services.redis) == before
    assert manifest.counts.model_dump() == {
        "issues": 5, "clips": 14, "frames": 30, "tickets": 10, "verdicts": 2, "tokens": 1,
    }  # fmt: skip
    slug = slug_of("another:model")
    assert any(name.startswith(f"dejabug:frame:{slug}") for name in before)


def test_after_a_restore_the_same_is_found_and_the_same_comment_is_edited(
    services: Services, jira: Site, clips: Path, tmp_path: Path
) -> None:
    history(services, jira, clips, PLACEHOLDER[0], QUIET)
    old, key, _ = old_and_new(services, jira, clips)
    secret, _ = services.tokens.create("ci", ["GAME"])
    (comment,) = jira.comments(key)
    asked = services.encoder.embed_texts(["cows everywhere"])[0]

    def found() -> list[Any]:
        page = services.search.like_issue(GAME, key, Filters(), 10)
        clips = [(each.key, round(each.score, 2)) for each in page.results]
        return [*clips, *services.collections.active.tickets.nearest(asked, 5, ["GAME"])]

    before = found()
    path = tmp_path / "backup.zip"
    services.backup_writer.write(path, quiet)
    services.redis.flushall()
    services = ModelServices(
        services.settings, loaded=services.encoder
    )  # a process that starts again
    _ = services.encoder
    services.backup_reader.read(path, quiet)
    neighbourhood.catch_up(services.collections.active)  # as a worker's maintenance does
    assert found() == before
    assert before[0][0] == old
    assert services.tokens.recognise(secret) is not None
    jira.call("PUT", f"/rest/api/2/issue/{old}", json={"fields": {"summary": "Renamed: a herd"}})
    tell(services, jira, old)
    (now,) = jira.comments(key)
    assert now["id"] == comment["id"]
    assert "Renamed: a herd" in now["body"]
    assert not [job for job in services.queues.get("clips").job_ids if job.startswith("clip-")]
    work(services)
    assert (
        services.collections.active.catalogue.count(ClipStatus.INDEXED) == 4
    )  # and nothing was embedded again


def test_a_restore_that_was_broken_off_goes_on_to_the_same_end(
    filled: tuple[Services, Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    services, path, before = filled
    for home, step in (
        (BackupReader, "_put_issue"),
        (importing_module, "_put_clip"),
        (importing_module, "_put_ticket"),
        (BackupReader, "_put_studio"),
    ):
        fresh, whole = emptied(services), getattr(home, step)
        calls = []

        def killed(*arguments: Any, whole: Any = whole, calls: list[Any] = calls) -> None:
            calls.append(whole(*arguments))
            if len(calls) == min(2, 1 + (whole.__name__ != "_put_studio")):
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(home, step, killed)
            with pytest.raises(KeyboardInterrupt):
                fresh.backup_reader.read(path, quiet)
        fresh.backup_reader.read(path, quiet)
        assert snapshot(services.redis) == before
    Services(services.settings).backup_reader.read(
        path, quiet, merge=True
    )  # and once more changes nothing
    assert snapshot(services.redis) == before


def test_a_threshold_below_the_comment_s_floor_comes_back_as_the_floor(
    cold_services: Services, tmp_path: Path
) -> None:
    """A version without a floor may have written the backup."""
    fill(cold_services)
    cold_services.redis.hset(RULES, "GAME", '{"mode": "quiet", "threshold": 0.1}')
    cold_services.backup_writer.write(tmp_path / "backup.zip", quiet)
    fresh = emptied(cold_services)
    fresh.backup_reader.read(tmp_path / "backup.zip", quiet)
    assert fresh.records.projects.rules("GAME") == Rules("quiet", 0.5)


def test_merging_adds_what_is_missing_and_leaves_what_is_there(
    filled: tuple[Services, Path, dict[str, Any]],
) -> None:
    services, path, _ = filled
    fresh = emptied(services)
    fill(fresh, clips=1)
    fresh.collections.active.catalogue.put_issue(IssueRecord("10001", "MOVED-1", "MOVED", "Other"))
    fresh.records.comments.put_comment("10002", CommentRecord("99", "newer", "", ()))
    fresh.records.projects.put("GAME", Rules("off"))
    failed = ClipRecord("20003", "10003", "a.mp4", 7, ClipStatus.FAILED, "timeout: slow")
    fresh.collections.active.catalogue.put_clip(failed)
    with pytest.raises(BackupError, match=r"not empty .*--merge"):
        fresh.backup_reader.read(path, quiet)
    fresh.backup_reader.read(path, quiet, merge=True)
    issue, comment = (
        fresh.collections.active.catalogue.issue("10001"),
        fresh.records.comments.comment("10002"),
    )
    assert issue is not None
    assert issue.key == "MOVED-1"
    assert comment is not None
    assert comment.id == "99"
    assert fresh.records.projects.rules("GAME") == Rules("off")
    clip = fresh.collections.active.catalogue.clip("20003")
    assert clip is not None
    assert clip.status is ClipStatus.INDEXED  # what could not be read then was read before
    assert fresh.collections.active.catalogue.issue_count() == 5
    assert fresh.collections.active.index.state().frames == 15
    assert len(fresh.tokens.all()) == 2


def test_a_clip_that_is_just_being_written_waits_after_the_restore(
    cold_services: Services, tmp_path: Path
) -> None:
    fill(cold_services)
    slug = slug_of(cold_services.collections.active_name)
    cold_services.redis.delete(f"dejabug:frame:{slug}:20002:1")
    path = tmp_path / "backup.zip"
    cold_services.backup_writer.write(path, quiet)
    (fresh := emptied(cold_services)).backup_reader.read(path, quiet)
    clip = fresh.collections.active.catalogue.clip("20002")
    assert clip is not None
    assert clip.status is ClipStatus.QUEUED
    assert not fresh.collections.active.index.holds("20002")


def test_a_file_that_is_cut_off_or_altered_is_refused_with_nothing_written(
    filled: tuple[Services, Path, dict[str, Any]], tmp_path: Path
) -> None:
    services, path, _ = filled
    whole, broken = path.read_bytes(), tmp_path / "broken.zip"
    fresh = emptied(services)
    middle = len(whole) // 2
    for altered in (
        whole[:middle],
        whole[:-1],
        b"",
        b"no zip at all",
        whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
    ):
        broken.write_bytes(altered)
        with pytest.raises(BackupError):
            fresh.backup_reader.read(broken, quiet)
    assert not services.redis.dbsize()
    with pytest.raises(BackupError, match="file not found"):
        fresh.backup_reader.read(tmp_path / "missing.zip", quiet)


def rewritten(path: Path, target: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """The same archive with members changed, and digests that fit: by somebody who knows how."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        manifest = json.loads(old.read("manifest.json"))
        for name in manifest["members"]:
            data = change(name, old.read(name))
            manifest["members"][name] = hashlib.sha256(data).hexdigest()
            new.writestr(name, data)
        new.writestr("manifest.json", change("manifest.json", json.dumps(manifest).encode()))
    return target


@pytest.mark.parametrize(
    ("member", "old", "new"),
    [
        ("issues/000001.jsonl", b'"id":"10001"', b'"id":"10001:x"'),
        ("issues/000001.jsonl", b'"GAME-1"', b'"GAME 1"'),
        ("issues/000001.jsonl", b'"watched":true', b'"watched":"maybe"'),
        ("encoders/1/clips/000001.jsonl", b'"times":[0.0,0.5,1.0]', b'"times":[0.0,0.5]'),
        ("encoders/1/clips/000001.jsonl", b'"times":[0.0,', b'"times":[1e999,'),
        ("encoders/1/clips/000001.jsonl", b'"status":"indexed"', b'"status":"queued"'),
        ("encoders/1/tickets/000001.jsonl", b'"vector":true', b'"vector":false'),
        ("studio.jsonl", b'"mode":"quiet"', b'"mode":"loud"'),
        ("verdicts/000001.jsonl", b'"source":"person"', b'"source":"x"'),
        ("manifest.json", b'"format": 1', b'"format": 2'),
        ("manifest.json", b'"dimensions": 8', b'"dimensions": 4'),
        ("manifest.json", b'"issues": 5', b'"issues": 6'),
        ("encoders/1/frames/000001.npy", b"'<f2'", b"'<i2'"),
        ("encoders/1/frames/000001.npy", b"'<f2'", b"'|O' "),
        ("encoders/1/frames/000001.npy", b"(15, 8)", b"(8, 15)"),
        ("encoders/1/signatures/000001.npy", b"'|u1'", b"'|i1'"),
        ("encoders/1/signatures/000001.npy", b"(12, 12, 12)", b"(6, 24, 12)"),
        ("encoders/1/clips/000001.jsonl", b'"signature":[0.0]', b'"signature":[]'),
        ("encoders/1/clips/000001.jsonl", b'"signature":[0.0]', b'"signature":[1e300]'),
        ("encoders/1/clips/000001.jsonl", b'"signature":[0.0]', b'"signature":null'),
    ],
)
def test_what_a_backup_cannot_say_is_refused_with_nothing_written(
    filled: tuple[Services, Path, dict[str, Any]],
    tmp_path: Path,
    member: str,
    old: bytes,
    new: bytes,
) -> None:
    services, path, _ = filled
    fresh, seen = emptied(services), []

    def change(name: str, data: bytes) -> bytes:
        if name == member:
            seen.append(old in data)
            return data.replace(old, new, 1)
        return data

    altered = rewritten(path, tmp_path / "altered.zip", change)
    assert seen == [True]
    with pytest.raises(BackupError):
        fresh.backup_reader.read(altered, quiet)
    assert not services.redis.dbsize()


def test_vectors_that_are_no_unit_vectors_are_refused(
    filled: tuple[Services, Path, dict[str, Any]], tmp_path: Path
) -> None:
    services, path, _ = filled

    def doubled(name: str, data: bytes) -> bytes:
        if not name.endswith("frames/000001.npy"):
            return data
        head, rows = data[:-240], np.frombuffer(data[-240:], np.float16)
        return head + (2 * rows).tobytes()

    altered = rewritten(path, tmp_path / "altered.zip", doubled)
    with pytest.raises(BackupError, match="length one"):
        emptied(services).backup_reader.read(altered, quiet)


@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(data=st.data())
def test_no_flipped_byte_goes_unseen_where_it_matters(
    filled: tuple[Services, Path, dict[str, Any]], tmp_path: Path, data: st.DataObject
) -> None:
    """What may differ unseen is what ZIP keeps twice or nobody reads: dates, attributes."""
    services, path, before = filled
    whole = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    broken = tmp_path / "flipped.zip"
    broken.write_bytes(whole)
    try:
        check_backup(broken, quiet)
    except BackupError:
        return
    emptied(services).backup_reader.read(broken, quiet)
    assert snapshot(services.redis) == before


TEXT = st.text(st.characters(codec="utf-8"), max_size=30)


@settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(words=TEXT, filename=TEXT, note=TEXT, game=TEXT, reason=TEXT)
def test_whatever_people_write_comes_back_letter_by_letter(
    cold_services: Services,
    tmp_path: Path,
    words: str,
    filename: str,
    note: str,
    game: str,
    reason: str,
) -> None:
    cold_services.redis.flushall()
    cold_services.collections.note_encoder(cold_services.collections.active_name, LENGTH, "label")
    cold_services.collections.active.catalogue.put_issue(IssueRecord("1", "A-1", "A", game))
    cold_services.collections.active.catalogue.put_words("1", words)
    cold_services.records.comments.put_note("1", note)
    failed = ClipRecord("2", "1", filename, 1, ClipStatus.FAILED, reason)
    cold_services.collections.active.catalogue.put_clip(failed)
    before = snapshot(cold_services.redis)
    cold_services.backup_writer.write(tmp_path / "b.zip", quiet)
    emptied(cold_services).backup_reader.read(tmp_path / "b.zip", quiet)
    assert snapshot(cold_services.redis) == before


def test_many_lines_and_frames_make_many_members(
    cold_services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dejabug.maintenance.backup.exporting.LINES", 2)
    monkeypatch.setattr("dejabug.maintenance.backup.exporting.VECTORS", 5)
    fill(cold_services, clips=7)
    before = snapshot(cold_services.redis)
    path = tmp_path / "b.zip"
    cold_services.backup_writer.write(path, quiet)
    names = zipfile.ZipFile(path).namelist()
    assert "issues/000004.jsonl" in names
    assert "encoders/2/frames/000004.npy" in names
    assert "encoders/2/signatures/000004.npy" in names
    emptied(cold_services).backup_reader.read(path, quiet)
    assert snapshot(cold_services.redis) == before


def test_long_signatures_make_many_members(
    cold_services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dejabug.maintenance.backup.exporting.PICTURES", 4)
    fill(cold_services, clips=5)
    before = snapshot(cold_services.redis)
    path = tmp_path / "b.zip"
    cold_services.backup_writer.write(path, quiet)
    with zipfile.ZipFile(path) as archive:
        shapes = [
            np.load(archive.open(name)).shape[0]
            for name in archive.namelist()
            if name.startswith("encoders/1/signatures/")
        ]
    assert shapes == [7, 5]
    emptied(cold_services).backup_reader.read(path, quiet)
    assert snapshot(cold_services.redis) == before


def test_a_backup_of_a_version_before_signatures_is_restored_without_them(
    filled: tuple[Services, Path, dict[str, Any]], tmp_path: Path
) -> None:
    services, path, before = filled
    old = tmp_path / "old.zip"
    with zipfile.ZipFile(path) as new, zipfile.ZipFile(old, "w") as target:
        manifest = json.loads(new.read("manifest.json"))
        members = manifest["members"]
        for name in [name for name in members if "/signatures/" in name]:
            del members[name]
        for name in members:
            data = new.read(name)
            if "/clips/" in name:
                lines = [json.loads(line) for line in data.splitlines()]
                assert all("signature" in line for line in lines)
                for line in lines:
                    del line["signature"]
                data = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
            members[name] = hashlib.sha256(data).hexdigest()
            target.writestr(name, data)
        target.writestr("manifest.json", json.dumps(manifest))
    fresh = emptied(services)
    fresh.backup_reader.read(old, quiet)
    ids = [str(20001 + number) for number in range(5)]
    assert fresh.collections.active.index.signatures(ids) == {}
    assert fresh.collections.active.index.without_signature(ids) == ids
    unsigned = {
        key: {name: each for name, each in value.items() if name != b"signature"}
        if isinstance(value, dict)
        else value
        for key, value in before.items()
    }
    assert snapshot(services.redis) == unsigned


def test_an_export_that_fails_leaves_the_old_file_and_nothing_beside_it(
    filled: tuple[Services, Path, dict[str, Any]],
) -> None:
    services, path, _ = filled
    before = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def full(_what: str, done: int, _total: int) -> None:
        if done == 3:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        services.backup_writer.write(path, full)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.glob("*backup.zip*")] == ["backup.zip"]
    assert [each.name for each in path.parent.glob(".*")] == []


def test_the_file_is_read_by_standard_tools(filled: tuple[Services, Path, dict[str, Any]]) -> None:
    _, path, _ = filled
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        lines = archive.read("issues/000001.jsonl").decode().splitlines()
        assert {json.loads(line)["key"] for line in lines} == {f"GAME-{n}" for n in range(5)}
        with archive.open("encoders/1/frames/000001.npy") as member:
            assert np.load(member).shape == (15, LENGTH)


def test_no_token_and_no_secret_is_in_a_backup(cold_services: Services, tmp_path: Path) -> None:
    fill(cold_services)
    secret, token = cold_services.tokens.create("ci", ["GAME"])
    session = cold_services.sessions.begin(token.principal)
    path = tmp_path / "b.zip"
    cold_services.backup_writer.write(path, quiet)
    with zipfile.ZipFile(path) as archive:
        text = b"".join(archive.read(name) for name in archive.namelist())
    held = cold_services.settings
    ours = (held.jira_token, held.webhook_secret, held.media_secret)
    for each in (secret, session, *(one.get_secret_value() for one in ours)):
        assert each.encode() not in text


def test_old_footage_is_not_restored_where_it_was_purged_since(
    filled: tuple[Services, Path, dict[str, Any]],
) -> None:
    services, path, _ = filled
    fresh = emptied(services)
    fresh.records.retention.put("clips", "GAME", 2e9)
    fresh.backup_reader.read(path, quiet)
    assert fresh.collections.active.catalogue.count(ClipStatus.PURGED) == 6
    assert fresh.collections.active.index.state().frames == 0


def test_lessons_and_rules_hold_after_a_restore(
    filled: tuple[Services, Path, dict[str, Any]],
) -> None:
    services, path, _ = filled
    fresh = emptied(services)
    fresh.backup_reader.read(path, quiet)
    lessons = read_learned(fresh.redis, fresh.collections.active_name)
    assert lessons.calibrations is not None
    assert lessons.calibrations.frames == Calibration(2.0, 0.5, -1.0, 0.3, -2.0)
    assert fresh.records.verdicts.rejected("10001", ["10002"]) == {"10002"}
    fresh.upkeep.run()  # what was promised before the backup is taken up
    assert fresh.queues.get("default").count == 1


def test_the_commands_say_what_they_did_or_why_not(cold_services: Services, tmp_path: Path) -> None:
    fill(cold_services)
    path, tell = tmp_path / "backup.zip", CliRunner().invoke
    told = tell(app, ["export", str(path)])
    assert told.exit_code == 0, told.output
    assert "5 issues, 14 clips, 30 frames" in told.stdout
    refused = tell(app, ["import", str(path)])
    assert refused.exit_code == 1
    assert "not empty" in refused.stderr
    nowhere = tell(app, ["export", str(tmp_path / "no" / "b.zip")])
    assert nowhere.exit_code == 1
    assert "can't write" in nowhere.stderr
    assert "No such file or directory" in nowhere.stderr
    broken = tell(app, ["import", __file__, "--check"])
    assert broken.exit_code == 1
    assert "it is not a backup, or it is truncated or modified" in broken.stderr


@pytest.mark.parametrize(
    ("line", "record"),
    [
        (records.IssueLine, IssueRecord),
        (records.ClipLine, ClipRecord),
        (records.PlaceLine, ClipLocation),
        (records.CommentLine, CommentRecord),
        (records.VerdictLine, Verdict),
        (records.TokenLine, ApiToken),
        (records.RulesLine, Rules),
        (records.WeightsLine, Calibration),
    ],
)
def test_whatever_a_record_gets_is_in_the_backup_too(line: Any, record: Any) -> None:
    """Who adds a field adds it to the backup, or says here why not."""
    named = {"fingerprint": "face"}  # as an earlier version named it
    names = {named.get(field.name, field.name) for field in fields(record)}
    assert names <= set(line.model_fields)
