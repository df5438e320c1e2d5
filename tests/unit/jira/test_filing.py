"""Who filed a ticket, and when; who works on it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dejabug.jira.filing import filed_by
from dejabug.jira.models import LONGEST_NAME, display_name, parse_issue

WHEN = "2025-03-03T10:00:00.000+0000"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ((WHEN, "Ann Lee", "Bo"), "filed 3 Mar 2025 by Ann Lee · assigned to Bo"),
        ((WHEN, "Ann Lee", None), "filed 3 Mar 2025 by Ann Lee"),
        ((WHEN, None, None), "filed 3 Mar 2025"),
        (("", "Ann Lee", None), "filed by Ann Lee"),
        (("", None, "Bo"), "assigned to Bo"),
        (("2025-13-03", None, None), ""),
        (("yesterday", None, None), ""),
        (("", None, None), ""),
    ],
)
def test_what_is_known_is_said_on_one_line(
    facts: tuple[str, str | None, str | None], said: str
) -> None:
    assert filed_by(*facts) == said


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ann Lee", "Ann Lee"),
        ("  Ann\n\tLee\u2028", "Ann Lee"),
        # Jira shows the address of somebody who was invited and has not signed in yet.
        ("ann.lee@studio.example", "ann.lee"),
        ("Ann Lee (ann@studio.example)", "Ann Lee (ann"),
        ("Ann \u202eeeL", "Ann eeL"),
        ("", None),
        (None, None),
        (" \u200b ", None),
    ],
)
def test_a_name_is_one_line_and_no_address(name: str | None, shown: str | None) -> None:
    assert display_name({"displayName": name, "accountId": "5b10", "name": "alee"}) == shown


@pytest.mark.parametrize("user", [None, {}, {"accountId": "5b10"}, "ann", {"name": "alee"}])
def test_an_account_without_a_display_name_is_shown_by_no_other(user: object) -> None:
    assert display_name(user) is None


@given(st.text(max_size=200))
def test_any_name_is_short_and_printable(name: str) -> None:
    shown = display_name({"displayName": name}) or "x"
    assert 0 < len(shown) <= LONGEST_NAME
    assert all(sign.isprintable() or sign in "\u200c\u200d" for sign in shown)


def test_people_are_read_off_an_issue() -> None:
    fields = {"reporter": {"displayName": "Ann Lee"}, "assignee": None}
    issue = parse_issue({"id": 1, "key": "A-1", "fields": fields})
    assert (issue.reporter, issue.assignee) == ("Ann Lee", None)
