"""Commands to Déjà Bug in comments."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dejabug.jira.comments import escape
from dejabug.retrieval import similar_issues
from dejabug.services import Services
from dejabug.suggestions.comment_commands import MOST_COMMANDS, Command, commands_in
from dejabug.worker import jobs
from support.demo_clips import COWS, PLACEHOLDER
from support.jira_site import Site
from support.tickets import history, old_and_new, tell
from support.workers import work


@pytest.mark.parametrize(
    ("body", "commands"),
    [
        ("/dejabug not GAME-12", [Command("not", "GAME-12")]),
        ("  /DejaBug  NOT game-12, thanks", [Command("not", "GAME-12")]),
        ("/dejabug mute", [Command("mute")]),
        ("Seen it.\n/dejabug again\r\nBye", [Command("again")]),
        ("* /dejabug why GAME-3", [Command("why", "GAME-3")]),
        ("{{/dejabug mute}}", [Command("mute")]),
        # Cloud's editor makes links of keys and addresses.
        (
            "/dejabug not [GAME-12|https://x.example/browse/GAME-12|smart-link]",
            [Command("not", "GAME-12")],
        ),
        ("/dejabug not https://x.example/browse/GAME_A-7", [Command("not", "GAME_A-7")]),
        ("/dejabug", [Command("help")]),
        ("/dejabug not this one", [Command("help")]),
        ("/dejabug dance", [Command("help")]),
        ("\n" * 30_000 + "/dejabug mute", [Command("mute")]),
        ("I like /dejabug mute a lot", []),
        ("/dejabugger mute", []),
        ("", []),
    ],
)
def test_commands_are_lines_of_their_own(body: str, commands: list[Command]) -> None:
    assert commands_in(body) == commands


@given(st.text())
def test_whatever_is_written_is_read_without_harm(body: str) -> None:
    assert len(commands_in(body)) <= MOST_COMMANDS
    assert len(commands_in("/dejabug " + body)) >= 1 or body.lstrip(" \t")[:1].isalnum()


def say(services: Services, jira: Site, key: str, body: str, who: str = "tester") -> str:
    """Comment on an issue, tell the service, and work; the comment's id."""
    said = jira.call("POST", f"/rest/api/2/issue/{key}/comment", who, json={"body": body})
    jobs.obey(jira.issue(key)["id"], said["id"])
    work(services)
    return str(said["id"])


def answer(jira: Site, key: str) -> str:
    """Our one comment."""
    (ours,) = [c for c in jira.comments(key) if c["author"]["accountId"] == "bot"]
    return str(ours["body"])


def test_not_takes_the_ticket_out_for_good_and_says_so_in_our_comment(
    services: Services, jira: Site, clips: Path
) -> None:
    first, second = history(services, jira, clips, COWS[0], COWS[1])
    both = ". ".join(str(jira.issue(key)["fields"]["summary"]) for key in (first, second))
    key = jira.file("GAME", both, clips / COWS[2])
    tell(services, jira, key)
    before = [c["id"] for c in jira.comments(key)]
    say(services, jira, key, f"/dejabug not {first}")
    text = answer(jira, key)
    assert f"[{first}|" not in text
    assert f"[{second}|" in text
    assert "To Tess Tester:" in text
    assert [c["id"] for c in jira.comments(key) if c["author"]["accountId"] == "bot"] == before
    say(services, jira, key, "/dejabug again")
    assert f"[{first}|" not in answer(jira, key)


def test_mute_and_again(services: Services, jira: Site, clips: Path) -> None:
    old, key, _ = old_and_new(services, jira, clips)
    say(services, jira, key, "/dejabug mute")
    assert f"[{old}|" not in answer(jira, key)
    assert "Muted here" in answer(jira, key)
    jira.attach(key, clips / COWS[1])
    tell(services, jira, key)
    assert f"[{old}|" not in answer(jira, key)
    say(services, jira, key, "/dejabug again")
    assert f"[{old}|" in answer(jira, key)


def test_again_writes_anew_where_somebody_deleted_our_comment(
    services: Services, jira: Site, clips: Path
) -> None:
    old, key, _ = old_and_new(services, jira, clips)
    (ours,) = jira.comments(key)
    jira.call("DELETE", f"/rest/api/2/issue/{key}/comment/{ours['id']}")
    say(services, jira, key, "/dejabug again")
    assert f"[{old}|" in answer(jira, key)


def test_looking_again_with_nothing_left_to_say_takes_the_comment_away(
    services: Services, jira: Site, clips: Path
) -> None:
    old, key, issue_id = old_and_new(services, jira, clips)
    jira.call("DELETE", f"/rest/api/2/issue/{old}")
    record = services.collections.active.catalogue.issue(issue_id)
    assert record is not None
    services.comment_commands.look_again(
        record
    )  # as the panel's button does, before the webhook of the deletion
    jobs.suggest(issue_id)
    assert jira.comments(key) == []


def test_why_explains_a_ticket_that_is_named_and_one_that_is_not(
    services: Services, jira: Site, clips: Path
) -> None:
    cows, tiles = history(services, jira, clips, COWS[0], PLACEHOLDER[0])
    key = jira.file("GAME", "cows", clips / COWS[2])
    tell(services, jira, key)
    say(services, jira, key, f"/dejabug why {cows}\n/dejabug why {tiles}")
    text = answer(jira, key)
    assert f"{cows}: score 0." in text or f"{cows}: score 1." in text
    assert "is named from 0.50 on" in text
    assert "The pictures are " in text
    assert "The tickets " in text
    assert "Without the tickets' words it would be 0." in text
    assert "Most alike:" in text
    (score,) = re.findall(rf"{tiles}: score (0\.\d\d)", text)
    assert float(score) < 0.5
    assert "would be named" in text


def test_why_is_told_of_a_ticket_however_far_down_it_ranks(
    services: Services, jira: Site, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(similar_issues, "RE_READ", 1)
    cows, tiles = history(services, jira, clips, COWS[0], PLACEHOLDER[0])
    key = jira.file("GAME", "cows", clips / COWS[2])
    tell(services, jira, key)
    say(services, jira, key, f"/dejabug why {tiles}")
    assert f"{tiles}: score" in answer(jira, key)
    assert f"[{cows}|" in answer(jira, key)


def test_an_issue_that_was_never_read_answers_too(
    services: Services, jira: Site, clips: Path
) -> None:
    history(services, jira, clips, COWS[0])
    key = jira.file("GAME", "cows", clips / COWS[2])
    say(services, jira, key, "/dejabug again")
    assert "Looked again" in answer(jira, key)


def test_help_is_given_for_what_is_not_understood(services: Services, jira: Site) -> None:
    key = jira.file("GAME", "s")
    say(services, jira, key, "/dejabug please")
    assert "I understand:" in answer(jira, key)


def test_a_name_that_is_mark_up_does_nothing_in_our_answer(services: Services, jira: Site) -> None:
    hostile = "[x|http://evil.example] *a*\n{color:red}!img.png!|"
    jira.app.extensions["store"].users["tester"].name = hostile
    key = jira.file("GAME", "s")
    say(services, jira, key, "/dejabug please")
    assert f"_To {escape(hostile)}:_ I understand:" in answer(jira, key)


def test_a_comment_is_obeyed_once(services: Services, jira: Site, clips: Path) -> None:
    _, key, issue_id = old_and_new(services, jira, clips)
    said = say(services, jira, key, "/dejabug mute")
    say(services, jira, key, "/dejabug again")
    text = answer(jira, key)
    jobs.obey(issue_id, said)  # its webhook once more
    work(services)
    assert not services.records.comments.muted(issue_id)
    assert answer(jira, key) == text


def test_our_own_words_are_no_command(services: Services, jira: Site, clips: Path) -> None:
    _, key, issue_id = old_and_new(services, jira, clips)
    (ours,) = jira.comments(key)
    assert "/dejabug mute" in ours["body"]
    jobs.obey(issue_id, ours["id"])
    assert not services.records.comments.muted(issue_id)


def test_a_deleted_comment_asks_for_nothing(services: Services, jira: Site) -> None:
    """Somebody takes a command back before its job runs."""
    key = jira.file("GAME", "s")
    issue_id = tell(services, jira, key)
    told = jira.call("POST", f"/rest/api/2/issue/{key}/comment", json={"body": "/dejabug mute"})
    jira.call("DELETE", f"/rest/api/2/issue/{key}/comment/{told['id']}")
    jobs.obey(issue_id, told["id"])
    assert not services.records.comments.muted(issue_id)
    assert services.records.comments.note(issue_id) == ""
    assert services.queues.get("default").count == 0
    assert jira.comments(key) == []


def test_customers_of_a_service_project_are_not_obeyed_and_agents_are(
    services: Services, jira: Site, clips: Path
) -> None:
    jira.app.extensions["store"].project_types["HELP"] = "service_desk"
    key = jira.file("HELP", "s")
    issue_id = tell(services, jira, key)
    say(services, jira, key, "/dejabug mute")
    assert not services.records.comments.muted(issue_id)
    internal: dict[str, Any] = {
        "body": "/dejabug mute",
        "properties": [{"key": "sd.public.comment", "value": {"internal": True}}],
    }
    said = jira.call("POST", f"/rest/api/2/issue/{key}/comment", json=internal)
    jobs.obey(issue_id, said["id"])
    assert services.records.comments.muted(issue_id)
