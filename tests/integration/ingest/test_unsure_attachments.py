"""Attachments whose name and type say nothing: their first bytes decide, and if it is not a
clip, no more than these bytes is downloaded."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from dejabug.infra.download import HEAD_BYTES, UnwantedError, body_of
from dejabug.jira.client import JiraAccess, JiraClient
from dejabug.media.signatures import is_media
from dejabug.records.progress import progress_of
from dejabug.records.retention import EVERY
from dejabug.records.types import ClipStatus
from dejabug.services import Services
from dejabug.worker import jobs
from dejabug.worker.jobs import preview_clip
from support.demo_clips import COWS
from support.downloads import FOUR_GB, MEBIBYTE, sending
from support.jira_site import YEAR, Site, age
from support.parts import use_settings
from support.reconciling import reconciled
from support.tickets import old_and_new, tell
from support.workers import work

ENDLESS = {"Transfer_Encoding": "chunked"}
LOG = b"2026-11-29 18:04:11 the server says hello\n" * 20_000


def attach(jira: Site, key: str, name: str, content: bytes, kind: str) -> str:
    """Attach a file under a type of its own; the attachment's id."""
    store = jira.app.extensions["store"]
    with store.lock:
        issue = store.find(key, store.users["admin"])
        return str(store.attach(issue, "tester", name, kind, content).id)


def downloads(jira: Site) -> list[str]:
    """The ids of attachments that were asked for, in order."""
    paths = [each["path"] for each in jira.log()["requests"]]
    return [path.rpartition("/")[2] for path in paths if "/attachment/content/" in path]


def clips_of(services: Services, issue_id: str) -> dict[str, ClipStatus]:
    return {
        clip.id: clip.status for clip in services.collections.active.catalogue.clips_of(issue_id)
    }


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("recording", "application/octet-stream"),
        ("2026-11-29 18.04.11", "binary/octet-stream"),
        ("clip.mp4.part", ""),
        ("clip.mp4 ", "application/octet-stream"),
    ],
)
def test_a_clip_without_a_name_or_a_type_is_found_like_any_other(
    services: Services, jira: Site, clips: Path, name: str, kind: str
) -> None:
    old, _, _ = old_and_new(services, jira, clips)
    key = jira.file("GAME", "it floats")
    clip_id = attach(jira, key, name, (clips / COWS[1]).read_bytes(), kind)
    issue_id = tell(services, jira, key)
    assert clips_of(services, issue_id) == {clip_id: ClipStatus.INDEXED}
    assert old in jira.comments(key)[0]["body"]
    preview_clip(clip_id)
    assert services.media.previews.state(clip_id) == "ready"


def test_what_is_no_media_is_looked_at_once_and_told_to_nobody_but_the_log(
    services: Services, jira: Site
) -> None:
    key = jira.file("GAME", "it crashes")
    file_id = attach(jira, key, "server", LOG, "application/octet-stream")
    with capture_logs() as told:
        issue_id = tell(services, jira, key)
    (said,) = [each for each in told if each["event"] == "attachment_is_no_media"]
    assert (said["attachment"], said["issue"], said["size"]) == (file_id, key, len(LOG))
    assert not [each for each in told if each["event"] == "clip_done"]
    assert clips_of(services, issue_id) == {}
    record = services.collections.active.catalogue.issue(issue_id)
    assert record is not None
    assert progress_of(services.collections.active.catalogue, record).state == "no_clips"
    assert services.collections.active.catalogue.count(ClipStatus.FAILED) == 0
    # Neither a webhook, nor a round of reconciling, nor a backlog, nor `/dejabug again` asks again.
    tell(services, jira, key)
    assert reconciled(services, whole=True).repaired == {}
    list(services.backfill.run("project = GAME"))
    services.scheduler.requeue_clips(issue_id)
    work(services)
    assert downloads(jira) == [file_id]


def test_what_only_begins_like_a_recording_is_no_failed_clip(
    services: Services, jira: Site, tmp_path: Path
) -> None:
    key = jira.file("GAME", "it crashes")
    packets = b"".join(bytes((0x47, 0, number % 3, 0x10)) + bytes(184) for number in range(40))
    attach(jira, key, "savegame.sav", packets, "application/octet-stream")
    assert clips_of(services, tell(services, jira, key)) == {}


def test_a_damaged_recording_without_a_name_is_a_failed_clip(
    services: Services, jira: Site, clips: Path
) -> None:
    key = jira.file("GAME", "it crashes")
    cut_off = (clips / COWS[1]).read_bytes()[:3000]
    clip_id = attach(jira, key, "recording", cut_off, "application/octet-stream")
    assert clips_of(services, tell(services, jira, key)) == {clip_id: ClipStatus.FAILED}


def test_archives_logs_and_texts_are_not_fetched_at_all(services: Services, jira: Site) -> None:
    key = jira.file("GAME", "it crashes")
    for name in ("logs.zip", "Player.LOG", "notes.txt", "crash.dmp ", "spec.pdf", "IMG_1.HEIC"):
        attach(jira, key, name, b"\0\0\0\x18ftypisom", "application/octet-stream")
    attach(jira, key, "report", LOG, "text/plain")
    assert clips_of(services, tell(services, jira, key)) == {}
    assert downloads(jira) == []


def test_what_is_older_than_footage_is_kept_is_not_taken_for_a_clip_unlooked_at(
    services: Services, jira: Site
) -> None:
    services.records.retention.put("clips", EVERY, time.time() - YEAR)
    key = jira.file("GAME", "it crashes")
    attach(jira, key, "server", LOG, "application/octet-stream")
    age(jira, key, 2.0)
    issue_id = tell(services, jira, key)
    assert clips_of(services, issue_id) == {}
    record = services.collections.active.catalogue.issue(issue_id)
    assert record is not None
    assert progress_of(services.collections.active.catalogue, record).state == "no_clips"
    assert downloads(jira) == []
    assert (
        services.reconciler.missed(services.jira.issue(issue_id)) is None
    )  # and nothing is to be read again


def test_a_file_that_is_forgotten_with_its_issue_leaves_nothing(
    services: Services, jira: Site
) -> None:
    key = jira.file("GAME", "it crashes")
    attach(jira, key, "server", LOG, "application/octet-stream")
    issue_id = tell(services, jira, key)
    assert services.collections.active.catalogue.no_media(issue_id)
    jobs.forget_issue(issue_id)
    assert not services.collections.active.catalogue.no_media(issue_id)


def test_a_dry_run_counts_what_it_cannot_know_apart(
    services: Services, jira: Site, clips: Path
) -> None:
    key = jira.file("GAME", "it crashes", clips / COWS[0])
    attach(jira, key, "server", LOG, "application/octet-stream")
    attach(jira, key, "recording", (clips / COWS[1]).read_bytes(), "application/octet-stream")
    before = list(services.backfill_estimate.run("project = GAME"))[-1]
    assert (before.clips, before.new, before.unsure) == (1, 1, 2)
    progress = list(services.backfill.run("project = GAME"))[-1]
    assert progress.clips == before.new
    work(services)
    after = list(services.backfill_estimate.run("project = GAME"))[-1]
    assert (after.clips, after.known, after.unsure) == (2, 2, 0)


# The download


def load(url: str, path: Path, most: int) -> Any:
    access = JiraAccess(api_url=url, browse_url=url, user="bot", token="x", cloud=True)
    client = JiraClient(access)
    return client.download("5", path, max_bytes=most, filename="a", wanted=is_media)


@pytest.mark.parametrize("headers", [ENDLESS, {"Content_Length": str(FOUR_GB)}])
def test_a_download_is_given_up_after_the_first_bytes_of_no_media(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    """The stand-in never ends by itself; what is too large is no failure where it is no media."""
    with sending(**headers) as (url, _), pytest.raises(UnwantedError):
        load(url, tmp_path / "a", MEBIBYTE)
    assert not (tmp_path / "a").exists()


def test_an_unsure_file_that_is_too_large_is_looked_at_before_it_is_a_failure(
    services: Services, jira: Site, clips: Path
) -> None:
    settings = services.settings.model_copy(update={"clip_max_bytes": 10_000})
    use_settings(services, settings)
    key = jira.file("GAME", "it crashes")
    attach(jira, key, "server", LOG, "application/octet-stream")
    clip_id = attach(jira, key, "a", (clips / COWS[1]).read_bytes(), "application/octet-stream")
    issue_id = tell(services, jira, key)
    assert clips_of(services, issue_id) == {clip_id: ClipStatus.FAILED}
    (clip,) = services.collections.active.catalogue.clips_of(issue_id)
    assert clip.reason.startswith("too_large: ")


class Answer:
    """An answer whose body comes in pieces of these sizes."""

    def __init__(self, body: bytes, sizes: list[int]) -> None:
        self.body, self.sizes, self.taken = body, sizes, 0

    def iter_content(self, _: int) -> Iterator[bytes]:
        for size in self.sizes:
            piece = self.body[self.taken : self.taken + size]
            self.taken += len(piece)
            yield piece


@pytest.mark.parametrize(
    "sizes", [[1] * 9000, [HEAD_BYTES, 5000], [HEAD_BYTES - 1, 1, 5000], [9000]]
)
def test_the_beginning_is_judged_whole_however_small_its_pieces_are(sizes: list[int]) -> None:
    body = bytes(range(256)) * 34
    judged: list[bytes] = []
    answer = Answer(body, sizes)
    pieces = body_of(answer, lambda head: not judged.append(head))  # type: ignore[arg-type,func-returns-value]
    assert judged == [body[:HEAD_BYTES]]
    assert b"".join(pieces) == body
    unwanted = Answer(body, sizes)
    with pytest.raises(UnwantedError):
        body_of(unwanted, lambda _: False)  # type: ignore[arg-type]
    assert unwanted.taken <= max(HEAD_BYTES, sizes[0])


def test_a_body_that_is_shorter_than_a_beginning_is_judged_too() -> None:
    answer: Any = Answer(b"GIF89a", [6])
    assert b"".join(body_of(answer, is_media)) == b"GIF89a"
    empty: Any = Answer(b"", [])
    with pytest.raises(UnwantedError):
        body_of(empty, is_media)
