"""Webhooks: the signature and the event."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dejabug.jira.webhook_events import (
    Event,
    PayloadError,
    SignatureError,
    is_own,
    parse_event,
    sign,
    verify_signature,
)

# The example of Atlassian's and GitHub's documentation.
SECRET = "It's a Secret to Everybody"
WRONG = "wrong signature: the webhook's secret in Jira differs from DEJABUG_WEBHOOK_SECRET"
HEADER = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"


def body(**payload: Any) -> bytes:
    return json.dumps(payload).encode()


ISSUE = {"id": "10001", "key": "GAME-1", "fields": {"summary": "s"}}


def test_the_documented_example_verifies() -> None:
    verify_signature(SECRET, b"Hello World!", HEADER)
    assert sign(SECRET, b"Hello World!") == HEADER


@pytest.mark.parametrize(
    "header",
    [
        None, "", "sha256=", HEADER.upper(), HEADER[:-1] + "0", HEADER.replace("256", "1"),
        HEADER.removeprefix("sha256="), "sha256=ü", f" {HEADER}",
    ],
)  # fmt: skip
def test_any_other_header_is_refused(header: str | None) -> None:
    with pytest.raises(SignatureError):
        verify_signature(SECRET, b"Hello World!", header)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (None, "no X-Hub-Signature: set the webhook's secret in Jira"),
        ("", "no X-Hub-Signature: set the webhook's secret in Jira"),
        ("sha256=0", WRONG),
        # Half a surrogate pair, which no encoding has.
        ("sha256=\ud800", WRONG),
    ],
)
def test_a_refusal_says_what_to_do(header: str | None, said: str) -> None:
    with pytest.raises(SignatureError) as caught:
        verify_signature(SECRET, b"Hello World!", header)
    assert str(caught.value) == said


def test_an_empty_secret_signs_nothing() -> None:
    with pytest.raises(ValueError, match=r"^the webhook secret is empty: set DEJABUG_WEBHOOK_S"):
        verify_signature("", b"", "sha256=")


@given(st.binary(), st.binary(min_size=1), st.integers(0, 200))
def test_a_changed_body_does_not_verify(content: bytes, change: bytes, where: int) -> None:
    signed = sign("s", content)
    verify_signature("s", content, signed)
    changed = content[:where] + change + content[where:]
    if changed != content:
        with pytest.raises(SignatureError):
            verify_signature("s", changed, signed)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (
            {"webhookEvent": "jira:issue_created", "issue": ISSUE, "user": {"accountId": "u"}},
            Event("created", "10001", "GAME-1", "u"),
        ),
        (
            {"webhookEvent": "jira:issue_updated", "issue": ISSUE,
             "changelog": {"items": [{"field": "attachment", "to": "5", "from": None}]}},
            Event("updated", "10001", "GAME-1", new_attachments=True),
        ),
        (
            {"webhookEvent": "jira:issue_updated", "issue": ISSUE,
             "changelog": {"items": [{"field": "Attachment", "from": "5", "to": None}]}},
            Event("updated", "10001", "GAME-1"),
        ),
        (
            {"webhookEvent": "jira:issue_updated", "issue": {**ISSUE, "key": "NEW-4"},
             "changelog": {"items": [{"field": "Key", "fromString": "GAME-1"}]}},
            Event("updated", "10001", "NEW-4", moved_from="GAME-1"),
        ),
        (
            {"webhookEvent": "jira:issue_deleted", "issue": ISSUE},
            Event("deleted", "10001", "GAME-1"),
        ),
        # Automation: no event, numeric id, and whatever else.
        ({"issue": {"id": 10001, "fields": None}}, Event("updated", "10001")),
        (
            {"webhookEvent": "jira:issue_updated", "issue": ISSUE, "user": None, "changelog": None},
            Event("updated", "10001", "GAME-1"),
        ),
        (
            {"webhookEvent": "jira:issue_updated", "issue": ISSUE,
             "changelog": {"items": [None, 3]}},
            Event("updated", "10001", "GAME-1"),
        ),
        (
            {"webhookEvent": "issuelink_created",
             "issueLink": {"id": 1, "sourceIssueId": 10001, "destinationIssueId": 10002}},
            Event("updated", "10001"),
        ),
        (
            {"webhookEvent": "comment_created", "issue": {"id": "10001"},
             "comment": {"id": "7", "author": {"accountId": "u"}, "body": "x\n/DejaBug mute"}},
            Event("comment", "10001", actor_id="u", comment_id="7"),
        ),
        # Data Center may name no issue; the comment's own address does.
        (
            {"webhookEvent": "comment_created",
             "comment": {"id": "7", "author": {"name": "u"}, "body": "/dejabug again",
                         "self": "https://jira.example/rest/api/2/issue/10001/comment/7"}},
            Event("comment", "10001", actor_id="u", comment_id="7"),
        ),
        # A document instead of text is read again before it is obeyed.
        (
            {"webhookEvent": "comment_created", "issue": {"id": 10001},
             "comment": {"id": "7", "author": None, "body": {"type": "doc", "content": []}}},
            Event("comment", "10001", comment_id="7"),
        ),
        (
            {"webhookEvent": "comment_created", "issue": {"id": "10001"},
             "comment": {"id": "7", "author": {"accountId": "u"}, "body": "thanks"}},
            Event("ignored", "10001", actor_id="u", comment_id="7",
                  reason="a comment without a /dejabug command"),
        ),
    ],
)  # fmt: skip
def test_what_the_events_tell(payload: dict[str, Any], expected: Event) -> None:
    assert parse_event(body(**payload)) == expected


@pytest.mark.parametrize(
    "event",
    ["comment_created", "attachment_created", "issuelink_created", "sprint_closed", "x" * 999],
)
def test_events_that_change_nothing_for_us_are_ignored_with_a_reason(event: str) -> None:
    found = parse_event(body(webhookEvent=event, attachment={"id": "5"}))
    assert found.kind == "ignored"
    assert found.reason
    assert len(found.reason) < 200


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"webhookEvent": "sprint_closed"}, "nothing to do for sprint_closed"),
        ({"webhookEvent": ""}, "nothing to do for this event"),
        # A name that somebody made up is told, and not in full.
        ({"webhookEvent": "x" * 99}, f"nothing to do for {'x' * 60}"),
        ({"webhookEvent": "issuelink_deleted"}, "issuelink_deleted has no issue"),
        ({"webhookEvent": "comment_created"}, "a comment without an issue"),
        (
            {"webhookEvent": "comment_created", "issue": {"id": "10001"}, "comment": {"id": "x"}},
            "a comment without an issue",
        ),
        (
            {"webhookEvent": "comment_created", "issue": {"id": "x"}, "comment": {"id": "7"}},
            "a comment without an issue",
        ),
    ],
)
def test_an_event_that_changes_nothing_says_why(payload: dict[str, Any], reason: str) -> None:
    assert parse_event(body(**payload)) == Event("ignored", reason=reason)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"hello", "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON"),
        (b"[]", "the body is not a JSON object"),
        (b"{}", "not a Jira webhook: it has neither webhookEvent nor issue"),
        (body(webhookEvent=3, issue=ISSUE), "webhookEvent is not a string"),
        (body(webhookEvent="jira:issue_created"),
         "jira:issue_created has no issue with a numeric id"),
        (body(issue={"id": "x"}), "the body has no issue with a numeric id"),
    ],
)  # fmt: skip
def test_what_is_refused_is_told_what_is_wrong_with_it(content: bytes, said: str) -> None:
    with pytest.raises(PayloadError) as caught:
        parse_event(content)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    "content",
    [
        b"", b"hello", b"[]", b"null", b"{}", b'"jira:issue_created"', b"\xff\xfe", b"[" * 100_000,
        body(webhookEvent=3, issue=ISSUE),
        body(webhookEvent="jira:issue_created"),
        body(webhookEvent="jira:issue_created", issue=None),
        body(webhookEvent="jira:issue_created", issue={"key": "GAME-1"}),
        body(webhookEvent="jira:issue_created", issue={"id": "../1"}),
        body(webhookEvent="jira:issue_created", issue={"id": True}),
        body(webhookEvent="jira:issue_created", issue={"id": "١٢"}),
        body(zen="Design for failure.", hook_id=1),
    ],
)  # fmt: skip
def test_what_is_not_jira_s_is_refused_with_a_reason(content: bytes) -> None:
    with pytest.raises(PayloadError) as caught:
        parse_event(content)
    assert str(caught.value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(
            st.sampled_from(["webhookEvent", "issue", "id", "key", "changelog", "items", "user"]),
            inner,
        ),
    )
)  # fmt: skip
def test_no_json_at_all_breaks_the_parser(payload: Any) -> None:
    with contextlib.suppress(PayloadError):
        parse_event(json.dumps(payload).encode())


def test_our_own_account_is_known_again() -> None:
    event = Event("updated", "1", actor_id="bot")
    assert is_own(event, b"bot")
    assert not is_own(event, b"other")
    assert not is_own(event, None)
    assert not is_own(Event("updated", "1"), b"bot")
    assert not is_own(Event("updated", "1", actor_id=""), "")
