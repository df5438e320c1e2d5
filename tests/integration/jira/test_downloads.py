"""Attachments that are larger than announced, never end, or don't fit on the disk."""

from __future__ import annotations

import gzip
import resource
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from rq.job import JobStatus

from dejabug.infra.job_queue import BACKOFF
from dejabug.jira.client import JiraAccess, JiraClient
from dejabug.jira.errors import AttachmentTooLargeError, JiraUnavailableError
from dejabug.records.types import ClipStatus
from dejabug.services import Services
from dejabug.worker import jobs
from dejabug.worker.jobs import preview_clip
from support.demo_clips import COWS
from support.downloads import FOUR_GB, MEBIBYTE, sending
from support.jira_site import Site
from support.servers import serve_in_a_thread
from support.workers import work


def load(url: str, path: Path, most: int) -> int:
    access = JiraAccess(api_url=url, browse_url=url, user="bot", token="x", cloud=True)
    return JiraClient(access).download("5", path, max_bytes=most, filename="a.mp4")


def test_an_attachment_without_an_end_is_cut_at_the_bound(tmp_path: Path) -> None:
    with sending(Transfer_Encoding="chunked") as (url, asked):
        with pytest.raises(AttachmentTooLargeError, match="more than 5,242,880 bytes"):
            load(url, tmp_path / "a", 5 * MEBIBYTE)
        assert (tmp_path / "a").stat().st_size <= 5 * MEBIBYTE
        # Nothing that a server packs may grow in our hands before it is counted.
        assert asked[0]["Accept-Encoding"] == "identity"


def test_one_that_says_it_is_too_large_is_not_read(tmp_path: Path) -> None:
    with sending(Content_Length=str(FOUR_GB)) as (url, _):
        with pytest.raises(AttachmentTooLargeError, match="4,294,967,296 bytes"):
            load(url, tmp_path / "a", MEBIBYTE)
        assert not (tmp_path / "a").exists()


def test_one_that_is_packed_on_its_way_is_counted_unpacked(jira: Site, tmp_path: Path) -> None:
    packed = gzip.compress(bytes(64 * MEBIBYTE))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(packed)))
            self.end_headers()
            self.wfile.write(packed)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serve_in_a_thread(server)
    with pytest.raises(AttachmentTooLargeError):
        load(f"http://127.0.0.1:{server.server_port}", tmp_path / "a", 5 * MEBIBYTE)
    assert (tmp_path / "a").stat().st_size <= 5 * MEBIBYTE
    server.shutdown()
    server.server_close()


def test_a_full_disk_is_told_as_one(jira: Site, clips: Path) -> None:
    with sending(Transfer_Encoding="chunked") as (url, _), pytest.raises(OSError, match="space"):
        load(url, Path("/dev/full"), 5 * MEBIBYTE)


def filed(services: Services, jira: Site, clip: Path) -> Any:
    """A ticket with a clip, read and its clip queued: the clip's record."""
    issue_id = str(jira.issue(jira.file("GAME", "cows", clip))["id"])
    jobs.sync_issue(issue_id, False)
    (record,) = services.collections.active.catalogue.clips_of(issue_id)
    return record


def test_a_disk_that_is_full_for_a_while_costs_a_repeat_and_not_a_clip(
    services: Services, jira: Site, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    clip = filed(services, jira, clips / COWS[0])
    (job_id,) = [each for each in services.queues.get("clips").job_ids if each.startswith("clip-")]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # no file of ours grows beyond
    try:
        work(services)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert services.collections.active.catalogue.clip(clip.id).status is ClipStatus.QUEUED  # type: ignore[union-attr]
    job = services.queues.get("clips").fetch_job(job_id)
    assert job is not None
    assert (job.get_status(), job.retries_left) == (JobStatus.SCHEDULED, len(BACKOFF) - 1)
    assert list((tmp_path / "scratch").iterdir()) == []
    jobs.index_clip(clip.id)
    assert services.collections.active.catalogue.clip(clip.id).status is ClipStatus.INDEXED  # type: ignore[union-attr]


@pytest.mark.parametrize("honest", [True, False])
def test_an_attachment_of_four_gigabytes_is_refused_unread(
    honest: bool, services: Services, jira: Site, tmp_path: Path
) -> None:
    """Whether Jira's list tells its size, or only the answer to the download does."""
    small = tmp_path / "huge.mp4"
    small.write_bytes(b"x")
    key = jira.file("GAME", "huge", small)
    issue = jira.issue(key)
    store = jira.app.extensions["store"]
    _, attachment = store.attachment(issue["fields"]["attachment"][0]["id"], store.users["admin"])
    with store.path_of(attachment.id).open("wb") as file:
        file.truncate(FOUR_GB)
    if honest:
        attachment.size = FOUR_GB
    jobs.sync_issue(str(issue["id"]), False)
    (clip,) = services.collections.active.catalogue.clips_of(str(issue["id"]))
    before = len(jira.log()["requests"])
    jobs.index_clip(clip.id)
    done = services.collections.active.catalogue.clip(clip.id)
    assert done is not None
    assert done.status is ClipStatus.FAILED
    assert done.reason == (
        "too_large: the attachment has 4,294,967,296 bytes; the limit is 1,073,741,824 bytes "
        "(DEJABUG_CLIP_MAX_BYTES)"
    )
    asked = [each["path"] for each in jira.log()["requests"][before:]]
    assert sum("attachment/content" in path for path in asked) == (0 if honest else 1)
    preview_clip(clip.id)
    assert services.media.previews.state(clip.id) == "none"


def test_a_download_that_breaks_off_is_tried_again(tmp_path: Path) -> None:
    with sending(Content_Length=str(3 * MEBIBYTE)) as (url, asked):
        asked.append(None)  # it ends before the first piece
        with pytest.raises(JiraUnavailableError):
            load(url, tmp_path / "a", 5 * MEBIBYTE)
