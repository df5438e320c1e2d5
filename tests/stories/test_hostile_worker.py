"""Malicious files on tickets and in uploads, with malicious names, and a worker as in
production."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from dejabug import media
from dejabug.records.types import ClipStatus
from dejabug.search import uploads
from dejabug.services import Services
from dejabug.web import create_app
from support.jira_site import Site
from support.processes import log_of, processes_of
from support.waiting import wait_until
from support.webhooks import send_created
from tools.hostile.catalogue import hostile_files, write_canary
from tools.hostile.kinds import Bait, Hostile
from tools.hostile.trap import Trap

pytestmark = pytest.mark.timeout(900)

FFMPEG = media.find_ffmpeg()
# A file → the code it ends with; none where its pictures are read.
NASTY = {
    "stranger-nothing.mp4": "empty",
    "stranger-zip.mp4": "not_a_video",
    "stranger-json.mp4": "not_a_video",
    "stranger-half-head.png": "not_a_video",
    "reach-hls-http.mp4": "not_a_video",
    "reach-concat-path.mp4": "not_a_video",
    "reach-dash-entity.mp4": "not_a_video",
    "reach-svg.png": "not_a_video",
    "reach-dref-path.mov": "no_frames",
    "reach-gab2-file.avi": "blank",
    "box-deep.mp4": "no_frames not_a_video",
    "size-huge.png": "too_many_pixels",
    "size-one.gif": "too_small",
    "time-lasts-for-ever.mkv": "blank",
    "time-says-for-ever.mp4": "blank",
    "streams-codec-SNOW.avi": "unsupported",
    "bomb-beyond.png": "too_many_pixels",
    "bomb-cmov-gigabyte.mov": "memory",
    "bomb-rows.png": "timeout",
    "pose-size-long-1.mkv": "not_a_video",
}
# How they are named in Jira, which takes any name.
NAMES = (
    "-i.mp4", "--version.mp4", "pipe:0.mp4", "http://evil.example/a.mp4", "file:/etc/passwd.mp4",
    "concat:a|b.mp4", "%03d.png", "../../../etc/passwd.mp4", "a\nb.mp4", "a\x00b.mp4",
    "a\x1b[31m.mp4", "\u202e4pm.exe.mp4", "x" * 300 + ".mp4", "ü 🎮 {color:red}.mp4",
    "$(touch pwned).mp4", "'; rm -rf .mp4", "CON.mp4", " .mp4", "..mp4",
    "<script>alert(1)</script>.mp4",
)  # fmt: skip


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def test_a_worker_outlives_hostile_tickets_and_uploads(
    start: Any, cold_services: Services, jira: Site, clips: Path, tmp_path: Path, scratch: Path
) -> None:
    canary = write_canary(tmp_path / "canary.ts", FFMPEG)
    folder = tmp_path / "nasty"
    folder.mkdir()
    strict = {"DEJABUG_DECODE_TIMEOUT": "3", "DEJABUG_DECODE_MEMORY": str(640 * 2**20)}
    with Trap() as trap:
        made = nasty_files(Bait(trap.address, canary))
        # Two to a ticket, so that one bad file has a neighbour.
        keys, pairs = [], list(zip(list(NASTY)[::2], list(NASTY)[1::2], strict=True))
        for first, second in pairs:
            files = [made[name].write(folder) for name in (first, second)]
            keys.append(jira.file("GAME", f"nasty {first}", *files))
        for key, name in zip(keys * 2, NAMES, strict=True):
            rename(jira, key, name)
        good = jira.file("GAME", "cows at last", clips / "crafter-18.mp4")
        worker = start("default", "clips", "search", "previews", TMPDIR=str(scratch), **strict)
        for key in [*keys, good]:
            send_created(cold_services, jira, key)
        count = cold_services.collections.active.catalogue.count
        ended = len(NASTY) + 1
        wait_until(
            lambda: (
                count(ClipStatus.INDEXED) + count(ClipStatus.FAILED) == ended
                and count(ClipStatus.QUEUED) == 0
            ),
            200,
        )
        assert worker.poll() is None
        for key, names in zip(
            keys, zip(list(NASTY)[::2], list(NASTY)[1::2], strict=True), strict=True
        ):
            records = cold_services.collections.active.catalogue.clips_of(
                str(jira.issue(key)["id"])
            )
            for clip, name in zip(
                sorted(records, key=lambda clip: int(clip.id)), names, strict=True
            ):
                if NASTY[name]:
                    code, _, says = clip.reason.partition(": ")
                    assert clip.status is ClipStatus.FAILED, name
                    assert code in NASTY[name].split(), name
                    assert len(says.split()) > 3
                else:
                    assert clip.status is ClipStatus.INDEXED, (name, clip.reason)
        (record,) = cold_services.collections.active.catalogue.clips_of(str(jira.issue(good)["id"]))
        assert (record.status, record.filename) == (ClipStatus.INDEXED, "crafter-18.mp4")
        # The same files again, to search with.
        app = create_app(cold_services).test_client()
        secret, _ = cold_services.tokens.create("test", ["GAME"])
        headers = {"Authorization": f"Bearer {secret}"}
        for name in list(NASTY)[:8]:
            answer = app.post(
                "/api/v1/search/clip",
                headers=headers,
                data={"file": (io.BytesIO(made[name].content), name)},
                content_type="multipart/form-data",
            )
            told = answer.get_json()
            if name == "stranger-nothing.mp4":
                assert (answer.status_code, "empty" in told["detail"]) == (400, True)
                continue
            job = f"/api/v1/jobs/{told['id']}"
            wait_until(lambda job=job: is_over(app.get(job, headers=headers).get_json()))
            told = app.get(job, headers=headers).get_json()
            assert (told["state"], told["reason"].split(":")[0]) == ("failed", NASTY[name])
        trap.settle()
        assert trap.visits == []
    assert worker.poll() is None
    # A job tidies up after it has told how it ended. Torch keeps a folder of its own.
    wait_until(lambda: not list(scratch.glob("dejabug-*")))
    wait_until(lambda: not list((cold_services.settings.data_dir / "uploads").glob("*")))
    wait_until(lambda: not processes_of(scratch))
    assert "Traceback" not in log_of(tmp_path)


def nasty_files(bait: Bait) -> dict[str, Hostile]:
    """Those of NASTY, by their names; what comes after the last of them takes long to make."""
    made: dict[str, Hostile] = {}
    for file in hostile_files(bait, FFMPEG):
        if file.name in NASTY:
            made[file.name] = file
            if len(made) == len(NASTY):
                break
    return made


def is_over(told: Any) -> bool:
    return bool(told["state"] in uploads.ENDED)


def rename(jira: Site, key: str, name: str) -> None:
    """Give the first of a ticket's files that has its own name still another one."""
    store = jira.app.extensions["store"]
    for told in jira.issue(key)["fields"]["attachment"]:
        _, attachment = store.attachment(told["id"], store.users["admin"])
        if attachment.filename in NASTY:
            attachment.filename = name
            return
    raise AssertionError(key)
