"""The HTTP API: a real Flask app, Redis, index and Jira, and a worker that answers queries."""

from __future__ import annotations

import io
import json
import secrets
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from flask import Flask

from dejabug.infra.metrics import JOBS
from dejabug.records.projects import Rules
from dejabug.records.types import ClipRecord, ClipStatus, IssueRecord
from dejabug.search import uploads
from dejabug.search.expiring_ids import new_id
from dejabug.services import Services
from dejabug.web import create_app
from dejabug.web.api import progress, views
from dejabug.worker import jobs
from support.api import (
    API,
    Caller,
    compared,
    is_problem,
    keys_of_job,
    sent_without_worker,
    uploads_left,
)
from support.demo_clips import COWS, QUIET
from support.jira_site import Site, secure
from support.parts import use_settings
from support.search_worker import searching
from support.tickets import history, tell
from support.workers import work


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "DEJABUG_API_REQUESTS_PER_MINUTE": "10000"}


@pytest.fixture
def old(services: Services, jira: Site, clips: Path) -> list[str]:
    """Two tickets of one bug, and one of another."""
    return history(services, jira, clips, COWS[0], COWS[1], QUIET)


def keys(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    told = answer.get_json()
    return [found["key"] for found in told.get("results") or []]


# Tokens


@pytest.mark.parametrize(
    "header", [None, "Bearer", "Bearer djb_" + "A" * 43, "Basic Zm9vOmJhcg==", "Bearer é", "djb_"]
)
@pytest.mark.parametrize("path", ["/search?q=x", "/issues/GAME-1/similar", "/clips/1"])
def test_without_a_valid_token_there_is_nothing(app: Flask, header: str | None, path: str) -> None:
    headers = {"Authorization": header} if header else {}
    answer = app.test_client().get(API + path, headers=headers)
    is_problem(answer, 401, "dejabug token create")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_revoked_token_ends_at_once_with_all_that_came_of_it(
    caller: Caller, old: list[str], services: Services, jira: Site
) -> None:
    clip_id = services.collections.active.catalogue.clip_ids_of(str(jira.issue(old[0])["id"]))[0]
    picture = picture_of(caller.get(f"/clips/{clip_id}").get_json())
    assert caller.client.get(picture).status_code == 200
    services.tokens.revoke(caller.token.id)
    is_problem(caller.search("cows"), 401, "token")
    assert caller.client.get(picture).status_code == 404


def test_too_many_requests_are_told_when_to_come_back(services: Services) -> None:
    few = services.settings.model_copy(update={"api_requests_per_minute": 3})
    use_settings(services, few)
    app = create_app(services)
    caller, another = Caller(app, services, "GAME"), Caller(app, services, "GAME")
    for _ in range(3):
        is_problem(caller.get("/clips/1"), 404, "or you don't have access")
    answer = caller.get("/clips/1")
    is_problem(answer, 429, "3 requests a minute")
    assert 1 <= int(answer.headers["Retry-After"]) <= 20
    assert another.get("/clips/1").status_code == 404


# Words


def test_words_are_answered_with_clips_and_their_moments(
    caller: Caller, old: list[str], worker: None
) -> None:
    answer = caller.search("meadow")
    assert set(keys(answer)) == set(old)
    assert answer.headers["Cache-Control"] == "no-store"
    told = answer.get_json()
    assert told["next"] is None
    assert "starter" in told["encoder"]
    first = told["results"][0]
    assert {
        "issue", "key", "url", "summary", "status", "resolution", "project", "game", "kinds",
        "score", "relevance", "found_by", "clip", "asked", "moments", "also", "created",
        "reporter", "assignee",
        "label", "same_file", "same_recording", "reasons",
    } == set(first)  # fmt: skip
    assert (first["reporter"], first["assignee"]) == ("Tess Tester", None)
    assert (first["label"], first["same_file"]) == (None, None)  # a rank's score claims nothing
    assert (first["same_recording"], first["reasons"]) == (None, [])
    assert set(first["clip"]) == {"id", "filename", "duration", "times"}


def test_unlikely_results_are_told_only_where_they_are_wanted(
    caller: Caller, old: list[str], worker: None
) -> None:
    assert caller.search("purple elephants riding unicycles").get_json()["results"] == []
    some = caller.search("herd of cattle").get_json()["results"]
    every = caller.search("herd of cattle", unlikely="true").get_json()["results"]
    assert every[: len(some)] == some
    assert {each["key"] for each in every} == set(old)
    assert {each["relevance"] for each in some} <= {"likely", "possible"}
    assert {each["relevance"] for each in every[len(some) :]} <= {"unlikely"}


def test_pages_follow_one_another(caller: Caller, old: list[str], worker: None) -> None:
    told: list[str] = []
    cursor = ""
    for _ in range(3):
        answer = caller.search("meadow", limit=1, cursor=cursor)
        told += keys(answer)
        cursor = answer.get_json()["next"]
    assert cursor is None
    assert sorted(told) == sorted(old)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("", "`q`"),
        ("q=", "`q`"),
        ("q=%20%09", "`q`"),
        (f"q={'x' * 10_000}", "500"),
        ("q=x&limit=0", "`limit`"),
        ("q=x&limit=many", "`limit`"),
        ("q=x&since=yesterday", "`since`"),
        ("q=x&q=y", "once"),
        ("q=x&colour=red", "`colour`"),
    ],
)
def test_what_is_wrong_with_a_question_is_named(caller: Caller, query: str, says: str) -> None:
    is_problem(caller.get(f"/search?{query}"), 400, says)


@pytest.mark.parametrize(
    "words",
    [
        "🐄🚗💥", "машина застряла в стене", "車が道路に沈む", "السيارة عالقة", "गाड़ी", "x\x00y",
        "\u202eabc",
        "@project:{OTHER}", "*", "(a|b) -c", "*=>[KNN 5 @vector $q]", "'; DROP TABLE--", "\\", "{}",
        "x" * 500, "1", "%s",
    ],
)  # fmt: skip
def test_any_words_in_any_script_are_just_words(
    caller: Caller, services: Services, jira: Site, clips: Path, worker: None, words: str
) -> None:
    game = history(services, jira, clips, COWS[0])
    history(services, jira, clips, COWS[1], project="OTHER")
    assert keys(caller.search(words, unlikely="true")) == game


@pytest.mark.parametrize("project", ["OTHER", "NOWHERE", "*", "{GAME}", "GAME|OTHER"])
def test_a_foreign_project_is_refused_whether_it_exists_or_not(
    caller: Caller, old: list[str], project: str
) -> None:
    answer = caller.search("cows", project=project)
    is_problem(answer, 403, f"You don't have access to {project}; your projects: GAME")


def test_without_a_worker_the_problem_says_what_to_start(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dejabug.search.search.PATIENCE", 0.2)
    answer = caller.search("cows")
    is_problem(answer, 503, "dejabug worker search")
    assert answer.headers["Retry-After"]


def test_when_jira_is_away_nothing_is_told(
    caller: Caller, old: list[str], jira: Site, worker: None
) -> None:
    jira.fail(path="/rest/api/", status=503)
    is_problem(caller.search("cows"), 503, "try again")


# Issues


def test_an_issue_finds_its_like_in_the_tokens_projects(
    caller: Caller, app: Flask, services: Services, jira: Site, clips: Path
) -> None:
    (mine,) = history(services, jira, clips, COWS[0])
    (theirs,) = history(services, jira, clips, COWS[1], project="OTHER")
    key = jira.file("GAME", "cows", clips / COWS[2])
    tell(services, jira, key)
    assert keys(caller.get(f"/issues/{key}/similar")) == [mine]
    both = Caller(app, services, "GAME", "OTHER")
    assert set(keys(both.get(f"/issues/{key}/similar"))) == {mine, theirs}
    assert keys(both.get(f"/issues/{key}/similar?project=OTHER")) == [theirs]


def test_unknown_hidden_and_foreign_issues_get_one_answer(
    caller: Caller, services: Services, jira: Site, clips: Path
) -> None:
    (secret,) = history(services, jira, clips, COWS[0])
    (foreign,) = history(services, jira, clips, COWS[1], project="OTHER")
    secure(jira, secret)
    asked = ("GAME-999", "NO-1", secret, foreign)
    answers = {key: caller.get(f"/issues/{key.lower()}/similar") for key in asked}
    assert {answer.status_code for answer in answers.values()} == {404}
    for key, answer in answers.items():
        is_problem(answer, 404, f"{key} isn't indexed, or you don't have access.")
    # They are the same to the letter, but for the key that was asked for.
    same = {answer.data.replace(key.encode(), b"KEY") for key, answer in answers.items()}
    assert len(same) == 1


def test_an_issue_says_how_far_its_own_clips_are(
    caller: Caller, old: list[str], services: Services, jira: Site, clips: Path
) -> None:
    def state(key: str) -> tuple[str, str | None]:
        told = caller.get(f"/issues/{key}/similar").get_json()
        return told["state"], told["reason"]

    assert state(old[0]) == ("ready", None)
    clip = services.collections.active.catalogue.clips_of(str(jira.issue(old[0])["id"]))[0]
    services.collections.active.catalogue.put_clip(replace(clip, status=ClipStatus.QUEUED))
    assert state(old[0]) == ("indexing", "It is still being indexed. Try again in a minute.")
    failed = replace(clip, status=ClipStatus.FAILED, reason="memory: too much")
    services.collections.active.catalogue.put_clip(failed)
    how, reason = state(old[0])
    assert (how, f"{clip.filename}: too much" in str(reason)) == ("failed", True)
    key = jira.file("GAME", "cows everywhere")
    tell(services, jira, key)
    assert state(key)[0] == "no_clips"


@pytest.mark.parametrize("key", ["GAME", "1-1", "GAME-x", "GAME-1%0A", "%F0%9F%90%84-1", "*-1"])
def test_what_is_no_key_is_named(caller: Caller, key: str) -> None:
    is_problem(caller.get(f"/issues/{key}/similar"), 400, "`key`")


# Clips


def picture_of(clip: Any) -> str:
    return f"{clip['media']}/pictures/{round(clip['times'][0] * 1000)}.jpg"


def test_a_clip_is_shown_with_addresses_that_work_without_a_token(
    caller: Caller, old: list[str], services: Services, jira: Site
) -> None:
    clip_id = services.collections.active.catalogue.clip_ids_of(str(jira.issue(old[0])["id"]))[0]
    clip = caller.get(f"/clips/{clip_id}").get_json()
    assert clip["issue"]["key"] == old[0]
    assert clip["video"] == "preparing"
    work(services, previews=True)
    assert caller.get(f"/clips/{clip_id}").get_json()["video"] == "ready"
    assert caller.client.get(picture_of(clip)).data[:2] == b"\xff\xd8"
    part = caller.client.get(f"{clip['media']}/video.mp4", headers={"Range": "bytes=4-7"})
    assert part.data == b"ftyp"


@pytest.mark.parametrize("why", ["secured", "off", "deleted", "hidden", "expired"])
def test_an_address_shows_nothing_that_may_no_longer_be_seen(
    caller: Caller, old: list[str], services: Services, jira: Site, why: str
) -> None:
    issue_id = str(jira.issue(old[0])["id"])
    clip_id = services.collections.active.catalogue.clip_ids_of(issue_id)[0]
    picture = picture_of(caller.get(f"/clips/{clip_id}").get_json())
    assert caller.client.get(picture).status_code == 200
    if why == "secured":
        secure(jira, old[0])
        jobs.sync_issue(issue_id, False)  # the webhook that comes at once
    elif why == "off":
        services.records.projects.put("GAME", Rules("off"))
    elif why == "deleted":
        jobs.forget_issue(issue_id)
    elif why == "hidden":
        jira.app.extensions["store"].users["bot"].projects = []
        services.visibility_cache.forget_issue(issue_id)  # or a minute later
    else:
        services.redis.hset(f"dejabug:token:{caller.token.id}", "expires", 1)
    assert caller.client.get(picture).status_code == 404


def test_a_clip_of_another_project_is_not_there(
    caller: Caller, app: Flask, services: Services, jira: Site, clips: Path
) -> None:
    (key,) = history(services, jira, clips, COWS[0], project="OTHER")
    clip_id = services.collections.active.catalogue.clip_ids_of(str(jira.issue(key)["id"]))[0]
    unknown, foreign = caller.get("/clips/999"), caller.get(f"/clips/{clip_id}")
    assert (unknown.status_code, unknown.data) == (404, foreign.data)
    assert Caller(app, services, "OTHER").get(f"/clips/{clip_id}").status_code == 200


# Uploads


def test_a_short_clip_is_answered_at_once(
    caller: Caller, old: list[str], clips: Path, services: Services, worker: None
) -> None:
    answer = caller.send((clips / COWS[2]).read_bytes(), query="?limit=1")
    told = answer.get_json()
    assert (answer.status_code, told["state"]) == (200, "done")
    first = told["results"]["results"][0]
    assert first["key"] in old[:2]
    assert first["moments"][0]["here"] is not None
    following = caller.get(f"/jobs/{told['id']}?cursor={told['results']['next']}").get_json()
    assert following["results"]["results"][0]["key"] != first["key"]
    assert uploads_left(services) == []


def test_a_long_clip_is_a_job_to_look_at_or_to_listen_to(
    caller: Caller,
    old: list[str],
    clips: Path,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(views, "AT_ONCE", 0.1)
    answer = caller.send((clips / COWS[2]).read_bytes())
    assert (answer.status_code, answer.get_json()["state"]) == (202, "queued")
    address = answer.headers["Location"].removeprefix(API)
    headers = {"Accept": "text/event-stream"}
    with searching(services), caller.get(address, headers=headers) as stream:
        assert stream.mimetype == "text/event-stream"
        text = stream.get_data(as_text=True)
    assert "event: end" in text
    assert json.loads(text.rpartition("data: ")[2]) == {"state": "done", "reason": None}
    told = caller.get(address).get_json()
    assert told["state"] == "done"
    assert told["results"]["results"][0]["key"] in old[:2]


def test_who_prefers_not_to_wait_is_given_the_job_at_once(
    caller: Caller, clips: Path, services: Services
) -> None:
    answer = caller.send((clips / COWS[0]).read_bytes(), prefer="wait=1, respond-async")
    assert (answer.status_code, answer.get_json()["state"]) == (202, "queued")


def test_an_upload_is_asked_again_with_other_filters_and_not_sent_again(
    app: Flask, services: Services, jira: Site, clips: Path
) -> None:
    game = history(services, jira, clips, COWS[0], QUIET)
    (other,) = history(services, jira, clips, COWS[1], project="OTHER")
    caller = Caller(app, services, "GAME", "OTHER")
    done = {"status": {"name": "Done"}, "resolution": {"name": "Fixed"}}
    jira.call("PUT", f"/rest/api/2/issue/{game[0]}", json={"fields": done})
    job = compared(caller, services, clips / COWS[2], "?status=Done")

    def found(query: str = "") -> list[str]:
        return keys_of_job(caller.get(f"{job}{query}"))

    assert found() == [game[0]]
    assert sorted(found("?status=Open")) == sorted([game[1], other])
    assert found("?project=OTHER") == [other]
    assert sorted(found("?project=game&project=OTHER")) == sorted([*game, other])
    assert found("?project=GAME&since=2999-01-01") == []
    is_problem(caller.get(f"{job}?project=NOWHERE"), 403, "You don't have access to NOWHERE")
    is_problem(caller.get(f"{job}?since=x"), 400, "`since`")
    # A page's cursor keeps the filters of the first page.
    first = caller.get(f"{job}?status=Open&limit=1").get_json()["results"]
    rest = found(f"?limit=1&cursor={first['next']}")
    assert {first["results"][0]["key"], *rest} == {game[1], other}


def test_an_upload_that_was_compared_with_few_projects_says_so(
    app: Flask, services: Services, jira: Site, clips: Path
) -> None:
    history(services, jira, clips, COWS[0])
    caller = Caller(app, services, "GAME", "OTHER")
    job = compared(caller, services, clips / COWS[2], "?project=GAME")
    is_problem(caller.get(f"{job}?project=OTHER"), 400, "with GAME only")


@pytest.mark.parametrize("when", ["queued", "sampling", "comparing", "done"])
def test_a_job_that_is_forgotten_leaves_nothing(
    caller: Caller, app: Flask, clips: Path, services: Services, monkeypatch: Any, when: str
) -> None:
    job_id = sent_without_worker(caller, clips)
    address = f"{API}/jobs/{job_id}"
    foreign = Caller(app, services, "GAME")
    assert foreign.client.delete(address, headers=foreign.headers).status_code == 404
    tell = services.clip_uploads.note_step

    def told(upload_id: str, **row: str) -> None:
        tell(upload_id, **row)
        if row["state"] == when:
            assert caller.client.delete(address, headers=caller.headers).status_code == 204

    if when == "queued":
        assert caller.client.delete(address, headers=caller.headers).status_code == 204
    monkeypatch.setattr(services.clip_uploads, "note_step", told)
    work(services)
    assert uploads_left(services) == []
    assert not services.redis.exists(f"dejabug:upload:{job_id}")
    is_problem(caller.get(f"/jobs/{job_id}"), 404, "Job not found")
    assert caller.client.delete(address, headers=caller.headers).status_code == 404


def test_streams_do_not_take_all_threads(caller: Caller, clips: Path, services: Services) -> None:
    job_id = sent_without_worker(caller, clips)
    taken = [progress.STREAMS.acquire(blocking=False) for _ in range(3)]
    assert all(taken)
    try:
        answer = caller.get(f"/jobs/{job_id}", headers={"Accept": "text/event-stream"})
        is_problem(answer, 503, "as JSON")
    finally:
        for _ in taken:
            progress.STREAMS.release()


def test_a_stream_that_is_asked_for_without_a_body_takes_no_place(
    caller: Caller, clips: Path, services: Services
) -> None:
    address = f"{API}/jobs/{sent_without_worker(caller, clips)}"
    for _ in range(5):
        headers = {**caller.headers, "Accept": "text/event-stream"}
        with caller.client.head(address, headers=headers) as answer:
            assert answer.status_code == 200


def test_a_clip_that_was_compared_counts_as_a_job_that_is_done(
    caller: Caller, clips: Path, services: Services
) -> None:
    done, failed = (JOBS.labels("search_upload", outcome) for outcome in ("done", "failed"))
    before = done._value.get(), failed._value.get()
    compared(caller, services, clips / COWS[0])
    assert (done._value.get(), failed._value.get()) == (before[0] + 1, before[1])


def test_a_job_is_only_its_makers(
    caller: Caller, app: Flask, services: Services, clips: Path
) -> None:
    job_id = sent_without_worker(caller, clips)
    assert caller.get(f"/jobs/{job_id}").get_json()["state"] == "queued"
    is_problem(Caller(app, services, "GAME").get(f"/jobs/{job_id}"), 404, "Job not found")
    is_problem(caller.get(f"/jobs/{new_id()}"), 404, "Job not found")
    is_problem(caller.get("/jobs/x"), 400, "`job_id`")


def test_a_job_that_has_expired_says_so_to_everyone_alike(
    caller: Caller, app: Flask, services: Services, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = f"{int(time.time() - uploads.KEPT - 1):08x}"
    monkeypatch.setattr(uploads, "new_id", lambda: begun + secrets.token_hex(12))
    job_id, made_up = sent_without_worker(caller, clips), begun + "0" * 24
    others = Caller(app, services, "GAME")
    # It is still there, since its last step was later than its id. Nobody else learns that.
    assert caller.get(f"/jobs/{job_id}").get_json()["state"] == "queued"
    for asked in (job_id, made_up):
        is_problem(others.get(f"/jobs/{asked}"), 410, "results are kept for 15 minutes")
    services.redis.delete(f"dejabug:upload:{job_id}")
    for asked in (job_id, made_up):
        is_problem(caller.get(f"/jobs/{asked}"), 410, "Upload the clip again")
    headers = {**caller.headers, "Accept": "text/event-stream"}
    assert caller.client.get(f"{API}/jobs/{job_id}", headers=headers).status_code == 410
    assert caller.client.delete(f"{API}/jobs/{job_id}", headers=caller.headers).status_code == 410


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04 this is a zip", b"<!doctype html><video src='file:///etc/passwd'>"]
)
def test_what_is_only_named_mp4_says_what_it_is_not(
    caller: Caller, services: Services, worker: None, content: bytes
) -> None:
    answer = caller.send(content)
    told = answer.get_json()
    assert (answer.status_code, told["state"], told["results"]) == (200, "failed", None)
    assert told["reason"].startswith("not_a_video: ")
    assert uploads_left(services) == []


def test_a_clip_that_is_too_large_is_refused(caller: Caller, services: Services) -> None:
    few = services.settings.model_copy(update={"upload_max_bytes": 10_000})
    use_settings(services, few)
    is_problem(caller.send(b"x" * 20_000), 413, "DEJABUG_UPLOAD_MAX_BYTES")
    assert uploads_left(services) == []


def test_a_clip_that_says_that_it_is_too_large_is_not_even_read(caller: Caller) -> None:
    class Unread(io.BytesIO):
        def read(self, _size: int | None = None) -> bytes:
            raise AssertionError("read")

    answer = caller.client.post(
        f"{API}/search/clip",
        headers=caller.headers,
        input_stream=Unread(),
        environ_overrides={"CONTENT_LENGTH": str(2**40)},
        content_type="multipart/form-data; boundary=x",
    )
    is_problem(answer, 413, "DEJABUG_UPLOAD_MAX_BYTES")


def test_of_a_session_of_hours_it_is_said_what_was_looked_at(
    caller: Caller, services: Services, session: Path
) -> None:
    told = caller.get(compared(caller, services, session)).get_json()
    assert (told["state"], told["reason"]) == ("done", "only its first 30 minutes are analysed")


def test_uploads_do_not_fill_the_disk(
    caller: Caller, clips: Path, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dejabug.search.uploads.MOST_FILES", 1)
    sent_without_worker(caller, clips)
    is_problem(caller.send(b"x"), 503, "waiting already")
    assert len(uploads_left(services)) == 1


def test_uploads_may_be_larger_than_webhooks(
    caller: Caller, services: Services, worker: None
) -> None:
    few = services.settings.model_copy(update={"webhook_max_bytes": 1024})
    use_settings(services, few)
    caller.client = create_app(services).test_client()
    assert caller.send(b"x" * 20_000).status_code == 200
    assert caller.client.post("/webhooks/jira", data=b"x" * 2000).status_code == 413


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "multipart/form-data; boundary=x"),
        (b"rubbish", "multipart/form-data; boundary=x"),
        (b"rubbish", "multipart/form-data"),
        (b"{}", "application/json"),
        ({"clip": (io.BytesIO(b"x"), "a.mp4")}, "multipart/form-data"),
        ({"file": "words"}, "multipart/form-data"),
        ({"file": (io.BytesIO(b""), "a.mp4")}, "multipart/form-data"),
        ({"file": [(io.BytesIO(b"x"), "a"), (io.BytesIO(b"y"), "b")]}, "multipart/form-data"),
    ],
)
def test_what_is_no_clip_says_how_to_send_one(
    caller: Caller, services: Services, data: Any, kind: str
) -> None:
    answer = caller.client.post(
        f"{API}/search/clip", headers=caller.headers, data=data, content_type=kind
    )
    assert answer.status_code == 400, answer.text
    assert "file" in answer.get_json()["detail"] or "multipart" in answer.get_json()["detail"]
    assert uploads_left(services) == []


# Notes


def test_clips_that_were_read_in_part_are_told_the_newest_first_and_not_all(
    caller: Caller, old: list[str], services: Services, jira: Site
) -> None:
    assert caller.get("/status").get_json()["noted"] == []
    mine = str(jira.issue(old[0])["id"])
    theirs = str(jira.issue(jira.file("OTHER", "a bug of others"))["id"])
    services.collections.active.catalogue.put_issue(
        IssueRecord(theirs, "OTHER-1", "OTHER", "OTHER")
    )
    for number in range(60):
        for issue_id, first in ((mine, 70000), (theirs, 80000)):
            record = ClipRecord(str(first + number), issue_id, f"{number}.mp4", 1)
            services.collections.active.catalogue.put_clip(
                replace(record, status=ClipStatus.INDEXED, reason="a note", frames=1)
            )
    told = caller.get("/status").get_json()["noted"]
    assert [clip["id"] for clip in told] == [str(70059 - n) for n in range(50)]
    assert told[0] == {
        "id": "70059",
        "filename": "59.mp4",
        "issue": old[0],
        "url": f"{jira.url}/browse/{old[0]}",
        "note": "a note",
        "sheet": None,  # no pictures of it are kept
    }


def test_a_note_is_told_as_long_as_it_is_true(
    caller: Caller, old: list[str], services: Services, jira: Site
) -> None:
    def noted() -> list[str]:
        return [clip["note"] for clip in caller.get("/status").get_json()["noted"]]

    (clip,) = services.collections.active.catalogue.clips_of(str(jira.issue(old[0])["id"]))
    noisy = replace(clip, reason="a note")
    for state in (
        clip,
        replace(noisy, status=ClipStatus.FAILED),
        noisy.purged(),
        replace(noisy, status=ClipStatus.QUEUED),
    ):
        services.collections.active.catalogue.put_clip(noisy)
        assert noted() == ["a note"]
        services.collections.active.catalogue.put_clip(state)
        assert noted() == []
    services.collections.active.catalogue.put_clip(noisy)
    assert caller.get("/status").get_json()["noted"][0]["sheet"].endswith("/sheet.jpg")
    jobs.forget_issue(clip.issue_id)
    assert services.collections.active.catalogue.noted(0, 10) == []


# The house around it


def test_addresses_that_are_not_there_are_problems_too(caller: Caller) -> None:
    is_problem(caller.get("/nothing"), 404, "")
    answer = caller.client.post(f"{API}/search", headers=caller.headers)
    is_problem(answer, 405, "Allow")
    assert "GET" in answer.headers["Allow"]
    assert caller.client.get("/nothing").content_type.startswith("text/html")


def test_the_document_describes_every_address(app: Flask, caller: Caller) -> None:
    told = caller.client.get(f"{API}/openapi.json").get_json()
    assert told["openapi"] == "3.1.0"
    assert {path.removeprefix(API): list(how) for path, how in told["paths"].items()} == {
        "/search": ["get"],
        "/issues/{key}/similar": ["get"],
        "/issues/{key}/verdicts": ["post"],
        "/search/clip": ["post"],
        "/jobs/{job_id}": ["delete", "get"],
        "/clips/{clip_id}": ["get"],
        "/clips": ["get"],
        "/clips/{clip_id}/retry": ["post"],
        "/clips/retry": ["post"],
        "/heat-maps": ["get"],
        "/status": ["get"],
    }


def test_the_page_loads_nothing_from_elsewhere(caller: Caller) -> None:
    page = caller.client.get(f"{API}/docs")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert "//" not in page.text.replace("<!--", "")
    for name in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js", "favicon-32x32.png"):
        assert name in page.text
        assert caller.client.get(f"{API}/docs/{name}").status_code == 200
    assert caller.client.get(f"{API}/docs/..%2F..%2F__init__.py").status_code == 404


def test_the_api_never_loads_a_model() -> None:
    code = (
        "import sys, dejabug.web.api; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


EXAMPLES = hypothesis.settings(
    derandomize=True,
    max_examples=15,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
    database=None,
)


@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_schemathesis_finds_nothing(
    app: Flask, caller: Caller, old: list[str], worker: None, mode: str
) -> None:
    """Requests made from the document, right and wrong ones, and answers held against it."""
    # It takes seconds to import, which other tests need not wait for.
    import schemathesis
    from schemathesis import GenerationMode
    from schemathesis.specs.openapi.checks import negative_data_rejection

    schema = schemathesis.openapi.from_wsgi(f"{API}/openapi.json", app)
    # A made-up id may be one that has expired.
    schema.config.checks.positive_data_acceptance.expected_statuses.append("410")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == 12
    for operation in operations:

        @EXAMPLES
        @hypothesis.given(case=operation.as_strategy(generation_mode=GenerationMode(mode)))
        def holds(case: schemathesis.Case) -> None:
            # In an address and in a form all is text: `game=false` is a game of that name, "null"
            # a file of four bytes. What is wrong there has tests of its own.
            untyped = [negative_data_rejection]
            case.call_and_validate(headers=caller.headers, excluded_checks=untyped)

        holds()
