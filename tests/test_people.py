"""Jira's accounts, by e-mail, and what they may see."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import TOKEN, Site
from dejabug.jira.client import JiraAccess, JiraClient
from dejabug.jira.errors import JiraRefusedError


def client(site: Site, who: str = "admin", **access: Any) -> JiraClient:
    return JiraClient(JiraAccess(site.url, site.url, None, f"{TOKEN}-{who}", **access))


def test_an_account_is_found_by_its_whole_e_mail_only(jira: Site) -> None:
    known = client(jira)
    assert known.account_by_email(" Tess@Studio.example ") == "tester"
    for other in ("tess@studio.exampl", "tess", "", "Tess Tester", "nobody@studio.example"):
        assert known.account_by_email(other) is None


def test_what_an_account_may_see_is_asked_a_thousand_issues_at_a_time(
    jira: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [jira.file("GAME", "one"), jira.file("OTHER", "two"), jira.file("GAME", "three")]
    ids = [str(jira.issue(key)["id"]) for key in keys]
    monkeypatch.setattr("dejabug.jira.client.CHECKED", 2)
    jira.app.extensions["store"].users["tester"].projects = ["GAME"]
    assert client(jira).browsable("tester", [*ids, "x", "999999"]) == {ids[0], ids[2]}
    checks = [e for e in jira.log()["requests"] if e["path"].endswith("/permissions/check")]
    assert len(checks) == 2


def test_only_administrators_are_told_what_others_may_see(jira: Site) -> None:
    issue_id = str(jira.issue(jira.file("GAME", "one"))["id"])
    with pytest.raises(JiraRefusedError) as refused:
        client(jira, "bot").browsable("tester", [issue_id])
    assert refused.value.status == 403


def test_data_center_tells_who_but_not_what_they_may_see(data_center: Site) -> None:
    known = client(data_center)
    assert known.account_by_email("tess@studio.example") == "tester"
    with pytest.raises(JiraRefusedError) as refused:
        known.browsable("tester", ["10001"])
    assert refused.value.status == 403
