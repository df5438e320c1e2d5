"""The commands, as people run them."""

from __future__ import annotations

import json
import re
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import redis
import typer
from werkzeug.serving import make_server

from dejabug.cli.common import (
    ADMINISTRATION,
    DATA_AND_BACKUP,
    JIRA,
    ORDER,
    QUALITY,
    RUN_THE_SERVICE,
    SEARCH,
    TRY_IT,
    plain_errors,
)
from dejabug.cli.doctor.running import LONG_PROMISE
from dejabug.infra.errors import UserError
from dejabug.media import find_ffmpeg
from dejabug.records.outbox import PENDING
from dejabug.records.projects import KEY, Rules
from dejabug.retrieval.results import Found
from dejabug.services import Services
from support.command_line import call, words
from support.demo_clips import COWS
from support.jira_site import Site
from support.processes import dejabug
from support.searches import text_search
from support.servers import serve_in_a_thread
from support.tickets import history, tell
from support.workers import clips_waiting, work


def test_help_teaches() -> None:
    answer = call("--help")
    assert answer.exit_code == 0
    for command in ("demo", "serve", "worker", "backfill", "search", "similar", "doctor"):
        assert command in answer.output
        assert call(command, "--help").exit_code == 0


def test_help_has_groups_with_one_line_for_each_command() -> None:
    answer = call("--help")
    groups = re.findall(r"╭─ ([A-Z][a-z ]+?) ─", answer.output)
    assert groups == [
        "Options", TRY_IT, RUN_THE_SERVICE, JIRA, SEARCH, QUALITY, DATA_AND_BACKUP, ADMINISTRATION,
    ]  # fmt: skip
    commands = answer.output.partition(TRY_IT)[2]
    assert re.findall(r"^│ ([a-z-]+)  +\S", commands, re.M) == list(ORDER)
    assert not re.findall(r"^│   +\S", commands, re.M)


def test_the_version_is_that_of_the_package() -> None:
    answer = call("--version")
    assert (answer.exit_code, answer.output) == (0, f"Déjà Bug {version('dejabug')}\n")


def test_a_backfill_from_the_command_line(cold_services: Services, jira: Site, clips: Path) -> None:
    jira.file("GAME", "s", clips / COWS[0])
    answer = call("backfill", "project = GAME", "--no-wait")
    assert answer.exit_code == 0
    assert "1 clip queued" in words(answer.output)
    assert clips_waiting(cold_services) == 1


def test_similar_lists_issues_and_says_which_are_commented(
    services: Services, jira: Site, clips: Path
) -> None:
    old = history(services, jira, clips, COWS[0], "crafter-14.mp4", "crafter-12.webm")
    key = jira.file("GAME", "cows", clips / COWS[2])
    tell(services, jira, key)
    rows = json.loads(call("similar", key.lower(), "--json").output)
    assert rows[0]["key"] == old[0]
    assert rows[0]["commented"]
    assert {*Found.model_fields, "commented"} == set(rows[0])
    assert {row["key"] for row in rows} == set(old)
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    moment = rows[0]["moments"][0]
    assert moment["here"][0] <= moment["here"][1] <= 10
    shown = call("similar", key).output
    (line,) = [line for line in shown.splitlines() if old[0] in line]
    assert re.search("│ yes +│", line)
    assert re.search("│ no +│", shown)


def test_similar_names_no_restricted_ticket(services: Services, jira: Site, clips: Path) -> None:
    (old,) = history(services, jira, clips, COWS[0])
    key = jira.file("GAME", "cows", clips / COWS[2])
    tell(services, jira, key)
    secret = {"fields": {"security": {"name": "Secret"}}}
    jira.call("PUT", f"/rest/api/2/issue/{old}", "admin", json=secret)
    assert json.loads(call("similar", key, "--json").output) == []


def test_similar_says_what_to_do_about_unknown_issues(
    cold_services: Services, jira: Site, tmp_path: Path
) -> None:
    answer = call("similar", "GAME-77")
    assert answer.exit_code == 1
    assert "dejabug backfill" in words(answer.output + answer.stderr)


def test_similar_tells_why_a_clip_is_not_indexed(
    services: Services, jira: Site, tmp_path: Path
) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"nothing")
    key = jira.file("GAME", "s", tmp_path / "bad.mp4")
    tell(services, jira, key)
    answer = call("similar", key)
    assert answer.exit_code == 1
    assert "not_a_video" in answer.output + answer.stderr


def test_search_by_words_leaves_restricted_tickets_out(
    services: Services, jira: Site, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_key, secret_key = history(services, jira, clips, COWS[0], COWS[1])
    secret = {"fields": {"security": {"name": "Secret"}}}
    jira.call("PUT", f"/rest/api/2/issue/{secret_key}", "admin", json=secret)

    def answer_here(words: str, projects: list[str], limit: int, patience: float) -> Any:
        # tests/integration/worker/test_worker.py asks a real worker.
        return text_search(services, words, projects, limit)

    monkeypatch.setattr(services.questions, "search", answer_here)
    found = json.loads(call("search", "a herd of cows", "--json").output)
    assert [hit["key"] for hit in found] == [open_key]
    assert call("search", "cows", "-p", "NONE", "--json").output.strip() == "[]"
    assert open_key in call("search", "cows").output
    assert "No likely matches" in call("search", "purple elephants").output
    assert open_key in call("search", "purple elephants", "--unlikely").output
    assert call("search", "  ").exit_code == 1


def test_redis_away_is_one_clear_line(
    cold_services: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done = dejabug("similar", "GAME-1", DEJABUG_REDIS_URL="redis://127.0.0.1:1/0")
    assert done.returncode == 1
    assert "Redis does not answer" in done.stderr
    assert "Traceback" not in done.stderr


def test_only_what_a_person_can_mend_is_told_without_a_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    @plain_errors
    def command(error: Exception) -> None:
        raise error

    with pytest.raises(typer.Exit) as ended:
        command(UserError("DEJABUG_JIRA_URL is not set"))
    assert ended.value.exit_code == 1
    assert capsys.readouterr().err == "dejabug: DEJABUG_JIRA_URL is not set\n"
    for fault in (ValueError("ours"), KeyError("ours"), OSError("ours")):
        with pytest.raises(type(fault)):
            command(fault)
    assert capsys.readouterr().err == ""


def test_a_wrong_setting_is_told_without_a_traceback() -> None:
    done = dejabug("settings", DEJABUG_MAX_FRAMES="many")
    assert done.returncode == 1
    assert "DEJABUG_MAX_FRAMES is not valid" in done.stderr
    assert "Example: DEJABUG_MAX_FRAMES=120" in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_lists_every_variable_and_masks_secrets(cold_services: Services) -> None:
    shown = call("settings").output
    assert "DEJABUG_REDIS_URL" in shown
    assert "test-token" not in shown
    assert "test-secret" not in shown


def test_doctor_finds_everything_well_or_says_what_to_do(
    services: Services, jira: Site, clips: Path
) -> None:
    ill = call("doctor")
    assert ill.exit_code == 1
    shown = words(ill.output)
    for well in (
        "✓ Redis version",
        "✓ Redis search",
        "✓ ffmpeg",
        "✓ sandbox",
        "✓ Jira Cloud",
        "✓ model starter",
    ):
        assert well in shown, shown
    assert shown.startswith(f"Déjà Bug {version('dejabug')} ")
    assert "✗ workers no worker for: default, clips, search" in shown
    assert "dejabug worker default clips search" in shown
    work(services)


@pytest.mark.parametrize(
    ("variable", "value", "complaint", "remedy"),
    [
        ("DEJABUG_REDIS_URL", "redis://127.0.0.1:1/0", "✗ Redis no answer", "Start Redis 8"),
        ("DEJABUG_WEBHOOK_SECRET", "", "✗ webhook secret not set", "DEJABUG_WEBHOOK_SECRET"),
        ("DEJABUG_JIRA_TOKEN", "wrong", "✗ Jira Jira rejected our account", "DEJABUG_JIRA_TOKEN"),
        ("DEJABUG_FFMPEG", "/nowhere/ffmpeg", "✗ ffmpeg", "DEJABUG_FFMPEG"),
        ("DEJABUG_DATA_DIR", "/proc/nowhere", "✗ data folder", "DEJABUG_DATA_DIR"),
    ],
)
def test_doctor_names_what_is_wrong(
    environment: dict[str, str],
    variable: str,
    value: str,
    complaint: str,
    remedy: str,
) -> None:
    done = dejabug("doctor", "--no-model", **{**environment, variable: value})
    assert done.returncode == 1
    assert complaint in words(done.stdout)
    assert remedy in words(done.stdout)
    assert "Traceback" not in done.stderr


def test_doctor_tells_of_jobs_given_up_and_of_issues_that_nobody_reads(
    cold_services: Services,
) -> None:
    queue = cold_services.queues.get("default")
    job = queue.enqueue_call("dejabug.jobs.sync_issue", args=("10001", True))
    queue.failed_job_registry.add(job)
    assert "✗ jobs failed jobs (default: 1)" in words(call("doctor", "--no-model").output)
    cold_services.redis.zadd(PENDING, {"10001": time.time() - 2 * LONG_PROMISE})
    assert "✗ jobs 1 issue waiting for over an hour" in words(call("doctor", "--no-model").output)


def test_doctor_tells_of_an_ffmpeg_that_can_make_no_previews(
    environment: dict[str, str], tmp_path: Path
) -> None:
    poor = tmp_path / "ffmpeg"
    poor.write_text(f'#!/bin/sh\nexec {find_ffmpeg()} "$@" | sed s/libx264/none/g\n')
    poor.chmod(0o755)
    done = dejabug("doctor", "--no-model", **{**environment, "DEJABUG_FFMPEG": str(poor)})
    assert "can't write H.264" in words(done.stdout)


def test_doctor_tells_whether_the_metrics_address_is_ours(environment: dict[str, str]) -> None:
    other = make_server("127.0.0.1", 0, lambda _, start: start("200 OK", []) or [b"another"])
    serve_in_a_thread(other)
    port = {"DEJABUG_METRICS_PORT": str(other.port)}
    taken = dejabug("doctor", "--no-model", **{**environment, **port})
    other.shutdown()
    other.server_close()
    assert "✗ metrics another program answers" in words(taken.stdout)
    free = dejabug("doctor", "--no-model", **{**environment, **port})
    assert "no process on this machine serves them now" in words(free.stdout)


def test_a_verdict_is_kept_and_a_wrong_key_is_told(
    services: Services, jira: Site, clips: Path
) -> None:
    first, second = history(services, jira, clips, COWS[0], "crafter-14.mp4")
    answer = call("verdict", first, second, "--not-similar")
    assert answer.exit_code == 0
    assert "They won't be suggested for each other again" in words(answer.output)
    (found,) = services.records.verdicts.all()
    assert not found.same
    assert call("verdict", first, second, "--same").exit_code == 0
    assert [verdict.same for verdict in services.records.verdicts.all()] == [True]
    unknown = call("verdict", first, "GAME-999", "--same")
    assert unknown.exit_code == 1
    assert "GAME-999 isn't indexed" in words(unknown.output + unknown.stderr)
    assert call("verdict", first, first, "--same").exit_code == 1


def test_the_studio_s_own_duplicates_are_the_truth_of_eval_from_jira(
    services: Services, jira: Site, clips: Path
) -> None:
    nothing = call("eval", "--from-jira")
    assert nothing.exit_code == 1
    assert "link duplicates in Jira" in words(nothing.output + nothing.stderr)
    names = (COWS[0], COWS[1], "crafter-14.mp4", "crafter-20.mov", "crafter-12.webm")
    keys = history(services, jira, clips, *names)
    for first, second in (keys[:2], keys[2:4]):
        assert call("verdict", first, second, "--same").exit_code == 0
    answer = call("eval", "--from-jira")
    assert answer.exit_code == 0, answer.output
    assert "clip_text" in answer.output
    in_order = call("eval", "--from-jira", "--arrivals")
    assert "in the order in which clips were attached (1 project)" in words(in_order.output)
    too_few = call("learn")
    assert too_few.exit_code == 1
    assert "2 groups of duplicates" in words(too_few.output + too_few.stderr)
    assert call("learn", "--forget").exit_code == 0


def test_a_broken_file_of_labels_ends_a_worker_at_its_start(
    environment: dict[str, str], tmp_path: Path
) -> None:
    labels = tmp_path / "labels.toml"
    labels.write_text("[[label]]\nname = 'Not A Slug'\n")
    done = dejabug(
        "worker", "clips", "--burst", **{**environment, "DEJABUG_BUG_LABELS": str(labels)}
    )
    assert done.returncode == 1
    assert "Not A Slug" in done.stderr
    assert "Traceback" not in done.stderr


def test_project_shows_and_sets_the_rules(cold_services: Services) -> None:
    assert "No project" in words(call("project").output)
    answer = call("project", "game", "--mode", "quiet", "--threshold", "0.95")
    assert answer.exit_code == 0
    assert "panel only, no comments" in words(answer.output)
    assert cold_services.records.projects.rules("GAME") == Rules("quiet", 0.95)
    call("project", "GAME", "--mode", "on")
    assert cold_services.records.projects.rules("GAME") == Rules("on", 0.95)
    assert "0.95" in words(call("project").output)
    low = call("project", "GAME", "--threshold", "0.3")
    assert low.exit_code == 1
    assert "must be between 0.5 and 1, not 0.3" in words(low.output + low.stderr)
    assert cold_services.records.projects.rules("GAME") == Rules("on", 0.95)
    call("project", "GAME", "--reset")
    assert cold_services.records.projects.all() == {}
    # An earlier version took it: other rules can be set all the same.
    cold_services.redis.hset(KEY, "GAME", '{"mode": "on", "threshold": 0.3}')
    assert "0.5 (0.3 is too low)" in words(call("project").output)
    assert call("project", "GAME", "--mode", "quiet").exit_code == 0
    assert cold_services.records.projects.rules("GAME") == Rules("quiet", 0.5)
    call("project", "GAME", "--usual")  # the old name of --reset
    assert cold_services.records.projects.all() == {}
    assert "expected one of: on, quiet, off" in words(
        (bad := call("project", "GAME", "--mode", "loud")).output + bad.stderr
    )
    assert call("project", "--mode", "off").exit_code == 1


def test_a_project_that_gets_quiet_loses_its_comments(
    services: Services, jira: Site, clips: Path
) -> None:
    history(services, jira, clips, COWS[0])
    key = jira.file("GAME", "cows", clips / COWS[2])
    tell(services, jira, key)
    assert len(jira.comments(key)) == 1
    call("project", "GAME", "--mode", "quiet")
    work(services)
    assert jira.comments(key) == []


def test_a_project_is_forgotten_when_a_person_says_so(
    services: Services, jira: Site, clips: Path
) -> None:
    history(services, jira, clips, COWS[0])
    history(services, jira, clips, "crafter-14.mp4", project="OTHER")
    assert call("project", "GAME", "--forget").exit_code == 1  # nobody said yes
    assert services.collections.active.index.clip_count(["GAME"]) == 1
    answer = call("project", "GAME", "--forget", "--yes")
    assert "Deleted 1 issue of GAME" in words(answer.output)
    assert services.collections.active.index.clip_count(["GAME"]) == 0
    assert services.collections.active.index.clip_count(["OTHER"]) == 1
    assert call("project", "GAME", "--forget", "--yes").exit_code == 1


def test_a_redis_that_refuses_ends_in_a_line_and_no_traceback(environment: dict[str, str]) -> None:
    """Its user may too little, its memory is full, it answers too late: all but being away."""
    with redis.Redis.from_url(environment["DEJABUG_REDIS_URL"]) as admin:
        admin.acl_setuser("shut", enabled=True, passwords=["+pw"], keys=["x"], commands=["+@all"])
        address = environment["DEJABUG_REDIS_URL"].replace("://", "://shut:pw@")
        answer = dejabug("token", "list", **{**environment, "DEJABUG_REDIS_URL": address})
        admin.acl_deluser("shut")
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    assert "dejabug: Redis returned an error" in words(answer.stderr)
    assert "doctor" in answer.stderr
