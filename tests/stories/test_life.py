"""A ticket's whole life: its clips come and go, it is edited, moved, hidden, deleted."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from PIL import Image, ImageDraw

from dejabug.evaluation.manifest import read_manifest
from dejabug.index import FrameIndex
from dejabug.ingest.scheduling import Scheduler
from dejabug.jira.models import Issue
from dejabug.records.projects import Rules
from dejabug.records.types import ClipStatus
from dejabug.retrieval import similar_issues
from dejabug.services import Services
from dejabug.suggestions import comment_policy
from dejabug.worker import jobs
from support.demo_clips import COWS, PLACEHOLDER, QUIET
from support.jira_site import Site
from support.parts import use_settings
from support.tickets import history, old_and_new, tell
from support.workers import killed_at, work


def body(jira: Site, key: str) -> str:
    (comment,) = jira.comments(key)
    return str(comment["body"])


def edit(jira: Site, key: str, **fields: Any) -> None:
    jira.call("PUT", f"/rest/api/2/issue/{key}", "admin", json={"fields": fields})


def test_a_clip_added_later_brings_the_comment(services: Services, jira: Site, clips: Path) -> None:
    (old,) = history(services, jira, clips, COWS[0])
    key = jira.file("GAME", "strange things happen here")
    tell(services, jira, key)
    assert jira.comments(key) == []
    jira.attach(key, clips / COWS[2])
    tell(services, jira, key)
    assert f"[{old}|" in body(jira, key)


def test_a_clip_that_is_replaced_changes_what_the_comment_says(
    services: Services, jira: Site, clips: Path
) -> None:
    cows, tiles = history(services, jira, clips, COWS[0], PLACEHOLDER[0])
    key = jira.file("GAME", "x", clips / COWS[2])
    issue_id = tell(services, jira, key)
    assert body(jira, key).index(f"[{cows}|") < 200
    (clip,) = services.collections.active.catalogue.clips_of(issue_id)
    jira.call("DELETE", f"/rest/api/2/attachment/{clip.id}")
    jira.attach(key, clips / PLACEHOLDER[1])
    tell(services, jira, key)
    assert f"[{tiles}|" in body(jira, key)
    assert f"[{cows}|" not in body(jira, key)


def test_a_deleted_clip_takes_its_comment_along(
    services: Services, jira: Site, clips: Path
) -> None:
    _, key, issue_id = old_and_new(services, jira, clips)
    (clip,) = services.collections.active.catalogue.clips_of(issue_id)
    jira.call("DELETE", f"/rest/api/2/attachment/{clip.id}")
    tell(services, jira, key)
    assert jira.comments(key) == []


def test_a_deleted_issue_leaves_comments_on_other_issues(
    services: Services, jira: Site, clips: Path
) -> None:
    first, second = history(services, jira, clips, COWS[0], COWS[1])
    key = jira.file("GAME", "cows", clips / COWS[2])
    tell(services, jira, key)
    assert f"[{first}|" in body(jira, key)
    issue_id = jira.issue(first)["id"]
    jira.call("DELETE", f"/rest/api/2/issue/{first}")
    jobs.forget_issue(issue_id)
    work(services)
    assert f"[{first}|" not in body(jira, key)
    assert f"[{second}|" in body(jira, key)


def test_comments_elsewhere_follow_a_ticket_s_fix_and_its_new_key(
    services: Services, jira: Site, clips: Path
) -> None:
    old, key, _ = old_and_new(services, jira, clips)
    assert "regression" not in body(jira, key)
    edit(jira, old, status={"name": "Done"}, resolution={"name": "Fixed"})
    edit(jira, old, fixVersions=[{"name": "1.4"}])
    tell(services, jira, old, watch=False)
    assert f"possible regression of {old}, fixed in 1.4" in body(jira, key)
    settings = services.settings.model_copy(update={"project_groups": "GAME,SEQUEL"})
    use_settings(services, settings)
    jira.call("POST", f"/rest/standin/issues/{old}/move", json={"project": "SEQUEL"})
    tell(services, jira, "SEQUEL-1", watch=False)
    assert "[SEQUEL-1|" in body(jira, key)
    assert f"[{old}|" not in body(jira, key)


def test_a_worker_killed_before_others_were_told_of_a_security_level_tells_them_the_next_time(
    services: Services, jira: Site, clips: Path
) -> None:
    old, key, _ = old_and_new(services, jira, clips)
    assert f"[{old}|" in body(jira, key)
    old_id = str(jira.issue(old)["id"])
    edit(jira, old, security={"name": "Secret"})
    jira.app.extensions["store"].users["bot"].levels = ["Secret"]
    with killed_at(Scheduler, "correct_comments_naming"):
        jobs.sync_issue(old_id, False)
    tell(services, jira, old, watch=False)
    assert jira.comments(key) == []


def test_a_worker_killed_while_a_ticket_moves_moves_the_rest_the_next_time(
    services: Services, jira: Site, clips: Path
) -> None:
    key = jira.file("GAME", "cows", clips / COWS[0])
    issue_id = tell(services, jira, key, watch=False)
    jira.call("POST", f"/rest/standin/issues/{key}/move", json={"project": "SEQUEL"})
    with killed_at(FrameIndex, "move_clip"):
        jobs.sync_issue(issue_id, False)
    tell(services, jira, "SEQUEL-1", watch=False)
    assert (
        services.collections.active.index.clip_count(["GAME"]),
        services.collections.active.index.clip_count(["SEQUEL"]),
    ) == (0, 1)


@pytest.mark.parametrize("event", ["clip", "deletion"])
def test_what_was_read_before_an_event_is_not_taken_in_after_it(
    services: Services, jira: Site, clips: Path, monkeypatch: pytest.MonkeyPatch, event: str
) -> None:
    """Jira reports two changes at once, and two workers process them."""
    key = jira.file("GAME", "cows")
    issue_id = tell(services, jira, key, watch=False)
    has_read, second_done = Event(), Event()
    read = services.jira.issue

    def read_and_dally(wanted: str) -> Issue:
        found = read(wanted)
        if not has_read.is_set():
            has_read.set()
            second_done.wait(0.5)  # in vain where the second has to wait for us
        return found

    monkeypatch.setattr(services.jira, "issue", read_and_dally)
    first = Thread(target=jobs.sync_issue, args=(issue_id, False))
    first.start()
    assert has_read.wait(10)
    if event == "clip":
        jira.attach(key, clips / COWS[0])
        jobs.sync_issue(issue_id, True)
    else:
        jira.call("DELETE", f"/rest/api/2/issue/{key}")
        jobs.forget_issue(issue_id)
    second_done.set()
    first.join()
    assert len(services.collections.active.catalogue.clip_ids_of(issue_id)) == (event == "clip")
    assert (services.collections.active.catalogue.issue(issue_id) is None) == (event == "deletion")


def test_a_chain_of_duplicates_is_named_by_its_first_ticket(
    services: Services, jira: Site, clips: Path
) -> None:
    old, key, issue_id = old_and_new(services, jira, clips)
    first = jira.file("GAME", "the first of all cows")
    ends = {"inwardIssue": {"key": old}, "outwardIssue": {"key": first}}
    jira.call("POST", "/rest/api/2/issueLink", json={"type": {"name": "Duplicate"}, **ends})
    jobs.suggest(issue_id)
    text = body(jira, key)
    assert f"* *[{first}|" in text
    assert f"on its duplicate [{old}|" in text


def test_a_file_on_two_issues_is_embedded_once(
    services: Services, jira: Site, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded = []
    embed = services.encoder.embed_images

    def count(pixels: Any) -> Any:
        embedded.append(len(pixels))
        return embed(pixels)

    monkeypatch.setattr(services.encoder, "embed_images", count, raising=False)
    (old,) = history(services, jira, clips, COWS[0])
    key = jira.file("GAME", "the same again")
    jira.attach(key, clips / COWS[0], "another-name.mov")
    issue_id = tell(services, jira, key)
    assert len(embedded) == 1
    (clip,) = services.collections.active.catalogue.clips_of(issue_id)
    (twin,) = services.collections.active.catalogue.clips_of(jira.issue(old)["id"])
    assert (clip.status, clip.frames, clip.duration) == (twin.status, twin.frames, twin.duration)
    vectors = services.collections.active.index.clip_vectors([clip.id, twin.id])
    assert (vectors[clip.id].vectors == vectors[twin.id].vectors).all()
    assert services.media.thumbnails.times(clip.id) == services.media.thumbnails.times(twin.id)
    assert f"[{old}|" in body(jira, key)
    # The first one deleted, the second stands by itself, and a third copies from it.
    jira.call("DELETE", f"/rest/api/2/issue/{old}")
    jobs.forget_issue(jira_id := twin.issue_id)
    assert services.collections.active.catalogue.issue(jira_id) is None
    assert services.collections.active.index.holds(clip.id)
    tell(services, jira, jira.file("GAME", "a third time", clips / COWS[0]))
    assert len(embedded) == 1


def test_a_screenshot_is_evidence_and_our_own_picture_is_not(
    services: Services, jira: Site, clips: Path, tmp_path: Path, ffmpeg: Any
) -> None:
    (old, *_) = history(services, jira, clips, COWS[0], PLACEHOLDER[0], QUIET)
    shot = ffmpeg(tmp_path / "shot.png", "-ss", "2", "-i", str(clips / COWS[0]), "-frames:v", "1")
    key = jira.file("GAME", "see the picture", shot)
    issue_id = tell(services, jira, key)
    assert f"[{old}|" in body(jira, key)
    names = [file["filename"] for file in jira.issue(key)["fields"]["attachment"]]
    assert any(name.startswith("dejabug-") for name in names)
    tell(services, jira, key)  # our own picture is attached now
    assert [clip.filename for clip in services.collections.active.catalogue.clips_of(issue_id)] == [
        "shot.png"
    ]


def test_two_pictures_that_look_the_same_prove_nothing(
    services: Services, jira: Site, tmp_path: Path, clips: Path
) -> None:
    """Logs and dialogs look alike whatever they say."""
    history(services, jira, clips, *COWS, *PLACEHOLDER, QUIET)
    for number, words in enumerate(("crash in the menu", "save game is lost")):
        dialog = Image.new("RGB", (640, 360), "#202020")
        pen = ImageDraw.Draw(dialog)
        for line in range(12):
            pen.text((20, 20 + 26 * line), f"[ERROR] {words} at 0x{line * 4096:08x}", "#d0d0d0")
        dialog.save(tmp_path / f"log-{number}.png")
    first = jira.file("GAME", "the menu does not open", tmp_path / "log-0.png")
    tell(services, jira, first, watch=False)
    issue_id = tell(services, jira, jira.file("GAME", "all is lost", tmp_path / "log-1.png"))
    ranked = {
        pair.found_issue_id: pair
        for pair in services.similar_issues.rank(
            services.collections.active.catalogue.issue(issue_id)
        )
    }
    found = ranked[str(jira.issue(first)["id"])]
    assert found.moments[0].similarity > 0.95  # they do look alike
    assert found.score == similar_issues.STILLS_AT_MOST


def test_a_gif_is_a_clip(
    services: Services, jira: Site, clips: Path, tmp_path: Path, ffmpeg: Any
) -> None:
    short = ("-i", str(clips / COWS[0]), "-t", "3", "-r", "5", "-vf", "scale=160:-2")
    gif = ffmpeg(tmp_path / "cows.gif", *short)
    issue_id = tell(services, jira, jira.file("GAME", "a gif", gif))
    (clip,) = services.collections.active.catalogue.clips_of(issue_id)
    assert clip.status is ClipStatus.INDEXED
    assert clip.frames > 1


def test_a_picture_that_is_an_icon_says_why_it_is_left_out(
    services: Services, jira: Site, tmp_path: Path
) -> None:
    Image.new("RGB", (16, 16), "red").save(tmp_path / "smile.png")
    issue_id = tell(services, jira, jira.file("GAME", "smile", tmp_path / "smile.png"))
    (clip,) = services.collections.active.catalogue.clips_of(issue_id)
    assert (clip.status, clip.reason.split(":")[0]) == (ClipStatus.FAILED, "too_small")


def test_several_clips_on_one_issue_give_one_entry_per_found_ticket(
    services: Services, jira: Site, clips: Path
) -> None:
    cows, tiles = history(services, jira, clips, COWS[0], PLACEHOLDER[0])
    key = jira.file("GAME", "two things", clips / COWS[2], clips / PLACEHOLDER[1])
    tell(services, jira, key)
    text = body(jira, key)
    assert text.count(f"* *[{cows}|") == text.count(f"* *[{tiles}|") == 1


def test_a_quiet_project_and_one_that_is_off_get_no_comment(
    services: Services, jira: Site, clips: Path
) -> None:
    _, key, issue_id = old_and_new(services, jira, clips)
    for mode in ("quiet", "off"):
        services.records.projects.put("GAME", Rules(mode))
        jobs.suggest(issue_id)
        assert jira.comments(key) == []
    assert (
        services.collections.active.catalogue.count(ClipStatus.INDEXED) == 2
    )  # nothing is lost by switching off
    other = jira.file("GAME", "new", clips / QUIET)
    tell(services, jira, other)
    assert (
        services.collections.active.catalogue.count(ClipStatus.INDEXED) == 2
    )  # and nothing new is read
    services.records.projects.put("GAME", Rules())
    jobs.suggest(issue_id)
    assert len(jira.comments(key)) == 1


def test_a_project_s_own_threshold_counts(services: Services, jira: Site, clips: Path) -> None:
    services.records.projects.put("GAME", Rules(threshold=0.9999))
    _, key, issue_id = old_and_new(services, jira, clips)
    assert jira.comments(key) == []
    services.records.projects.put("GAME", Rules(threshold=0.5))
    jobs.suggest(issue_id)
    assert len(jira.comments(key)) == 1


def test_on_a_service_project_the_comment_is_internal(
    services: Services, jira: Site, clips: Path
) -> None:
    jira.app.extensions["store"].project_types["HELP"] = "service_desk"
    history(services, jira, clips, COWS[0], project="HELP")
    key = jira.file("HELP", "cows", clips / COWS[2])
    tell(services, jira, key)
    (comment,) = jira.comments(key)
    assert comment["jsdPublic"] is False


def test_words_alone_are_commented_only_beside_enough_tickets_and_without_doubt(
    services: Services, jira: Site, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comment_policy, "FEWEST_TICKETS", 8)
    told = [entry for entry in read_manifest(clips) if entry.game == "Crafter"]
    names = [entry.file for entry in told]
    old = history(services, jira, clips, *names[:6])
    summary = jira.issue(old[0])["fields"]["summary"]
    key = jira.file("GAME", summary)
    issue_id = tell(services, jira, key)
    assert jira.comments(key) == []  # too few to know what is usual here
    assert (
        services.similar_issues.rank(services.collections.active.catalogue.issue(issue_id))[0].score
        > 0.5
    )
    history(services, jira, clips, *names[6:9])
    vague = jira.file("GAME", "something is wrong in the game")
    tell(services, jira, vague)
    assert jira.comments(vague) == []


def test_words_that_leave_no_doubt_are_commented_as_words(
    services: Services, jira: Site, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comment_policy, "FEWEST_TICKETS", 3)
    monkeypatch.setattr(comment_policy, "WORDS_THRESHOLD", 0.5)
    old = history(services, jira, clips, COWS[0], PLACEHOLDER[0], QUIET)
    key = jira.file("GAME", jira.issue(old[1])["fields"]["summary"])
    tell(services, jira, key)
    assert "This ticket reads like an earlier ticket with a clip" in body(jira, key)
    assert f"* *[{old[1]}|" in body(jira, key)


def test_a_project_that_is_hidden_from_us_loses_nothing_and_shows_nothing(
    services: Services, jira: Site, clips: Path
) -> None:
    old, key, _ = old_and_new(services, jira, clips)
    settings = services.settings.model_copy(update={"project_groups": "GAME,SEQUEL"})
    use_settings(services, settings)
    jira.call("POST", f"/rest/standin/issues/{old}/move", json={"project": "SEQUEL"})
    old_id = tell(services, jira, "SEQUEL-1", watch=False)
    assert "[SEQUEL-1|" in body(jira, key)
    bot = jira.app.extensions["store"].users["bot"]
    bot.projects = ["GAME"]
    tell(services, jira, "SEQUEL-1", watch=False)
    assert jira.comments(key) == []
    assert services.collections.active.catalogue.issue(old_id) is not None
    bot.projects = None
    tell(services, jira, "SEQUEL-1", watch=False)
    tell(services, jira, key)
    assert "[SEQUEL-1|" in body(jira, key)
