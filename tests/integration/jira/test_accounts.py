"""Jira's accounts, by email, and what they can see."""

from __future__ import annotations

import pytest

from dejabug.jira.accounts import Accounts
from dejabug.jira.client import JiraAccess, JiraClient
from dejabug.jira.errors import JiraRefusedError
from support.jira_site import TOKEN, Site


def accounts(site: Site, who: str = "admin") -> Accounts:
    return Accounts(JiraClient(JiraAccess(site.url, site.url, None, f"{TOKEN}-{who}")))


def test_an_account_is_found_by_its_whole_e_mail_only(jira: Site) -> None:
    known = accounts(jira)
    assert known.by_email(" Tess@Studio.example ") == "tester"
    for other in ("tess@studio.exampl", "tess", "", "Tess Tester", "nobody@studio.example"):
        assert known.by_email(other) is None


def test_letter_cases_beyond_ascii_make_nobody_somebody_else(jira: Site) -> None:
    jira.app.extensions["store"].users["tester"].email = "kess@studio.example"
    assert accounts(jira).by_email("KESS@studio.example") == "tester"
    # The Kelvin sign, and a sharp s, whose small letters are other people's.
    for other in ("\u212aess@studio.example", "ke\u00df@studio.example"):
        assert accounts(jira).by_email(other) is None


def test_what_an_account_may_see_is_asked_a_thousand_issues_at_a_time(
    jira: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [jira.file("GAME", "one"), jira.file("OTHER", "two"), jira.file("GAME", "three")]
    ids = [str(jira.issue(key)["id"]) for key in keys]
    monkeypatch.setattr("dejabug.jira.accounts.CHECKED", 2)
    jira.app.extensions["store"].users["tester"].projects = ["GAME"]
    assert accounts(jira).browsable("tester", [*ids, "x", "999999"]) == {ids[0], ids[2]}
    checks = [e for e in jira.log()["requests"] if e["path"].endswith("/permissions/check")]
    assert len(checks) == 2


def test_a_deactivated_account_sees_nothing_whatever_its_permissions_are(jira: Site) -> None:
    issue_id = str(jira.issue(jira.file("GAME", "one"))["id"])
    assert accounts(jira).browsable("tester", [issue_id]) == {issue_id}
    jira.app.extensions["store"].users["tester"].active = False
    assert accounts(jira).browsable("tester", [issue_id]) == set()
    assert accounts(jira).browsable("nobody", [issue_id]) == set()


def test_an_account_s_projects_are_those_that_both_of_us_may_browse(
    jira: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("GAME", "OTHER", "THIRD", "FOURTH"):
        jira.file(key, "one")
    monkeypatch.setattr("dejabug.jira.accounts.NAMED", 2)
    users = jira.app.extensions["store"].users
    users["tester"].projects = ["GAME", "OTHER", "FOURTH"]
    users["admin"].projects = ["GAME", "THIRD", "FOURTH"]
    wanted = ["GAME", "OTHER", "THIRD", "GONE"]
    assert accounts(jira).projects("tester", wanted) == {"GAME"}
    assert accounts(jira).projects("tester", []) == set()


def test_only_administrators_are_told_what_others_may_see(jira: Site) -> None:
    issue_id = str(jira.issue(jira.file("GAME", "one"))["id"])
    with pytest.raises(JiraRefusedError) as refused:
        accounts(jira, "bot").projects("tester", ["GAME"])
    assert refused.value.status == 403
    with pytest.raises(JiraRefusedError) as refused:
        accounts(jira, "bot").browsable("tester", [issue_id])
    assert refused.value.status == 403


def test_data_center_tells_who_but_not_what_they_may_see(data_center: Site) -> None:
    known = accounts(data_center)
    assert known.by_email("tess@studio.example") == "tester"
    for ask in (known.browsable, known.projects):
        with pytest.raises(JiraRefusedError) as refused:
            ask("tester", ["10001"])
        assert refused.value.status == 403
