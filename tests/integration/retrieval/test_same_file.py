"""The same file on two tickets: labelled everywhere, for everyone who can see both tickets."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from PIL import Image
from typer.testing import CliRunner

from dejabug.cli import app as cli
from dejabug.records.catalogue import Catalogue
from dejabug.records.types import ClipRecord, ClipStatus, IssueRecord
from dejabug.records.verdicts import Verdict
from dejabug.retrieval.pairs import PairMatch, best_per_issue
from dejabug.retrieval.results import Found
from dejabug.services import Services
from dejabug.slack import blocks
from dejabug.suggestions.comment_commands import Command
from dejabug.worker import jobs
from support.demo_clips import COWS, PLACEHOLDER, QUIET
from support.forge_app import ForgeApp, panel
from support.jira_site import Site, secure
from support.searches import ALL, BOTH, GAME, uploaded
from support.tickets import history, tell


@pytest.fixture
def environment(environment: dict[str, str], forge: ForgeApp) -> dict[str, str]:
    return {**environment, **forge.environment()}


class Twins:
    """An old ticket, a new one with the same file, and others that look alike."""

    def __init__(self, services: Services, jira: Site, clips: Path) -> None:
        self.services, self.jira = services, jira
        self.old, *self.others = history(services, jira, clips, QUIET, *COWS[:2], PLACEHOLDER[0])
        self.new = jira.file("GAME", "this one is quite another matter", clips / QUIET)
        self.new_id = tell(services, jira, self.new)
        self.old_id = str(jira.issue(self.old)["id"])

    @property
    def record(self) -> IssueRecord:
        found = self.services.collections.active.catalogue.issue(self.new_id)
        assert found is not None
        return found

    def best(self) -> PairMatch:
        return self.services.similar_issues.rank(self.record)[0]

    def found_in_search(self) -> Found:
        return self.services.search.like_issue(GAME, self.new, ALL, 10).results[0]


@pytest.fixture
def twins(services: Services, jira: Site, clips: Path) -> Twins:
    return Twins(services, jira, clips)


def test_the_same_file_scores_one_and_is_named_as_such_on_every_surface(
    twins: Twins, services: Services, jira: Site, clips: Path, client: FlaskClient, forge: ForgeApp
) -> None:
    label = f"Same file as {twins.old}"
    (comment,) = jira.comments(twins.new)
    first = comment["body"].index(f"* *[{twins.old}|")
    assert comment["body"][first:].split("\n")[1].startswith(f"** {label} (score 1.00)")
    shown = panel(client, forge, twins.new_id)[0]
    assert (shown["key"], shown["score"], shown["strength"]) == (twins.old, 1.0, label)
    assert (shown["same_file"], shown["weak"]) == (twins.old, False)
    assert shown["moments"][0]["here_at"] in shown["here"]["times"]
    assert shown["moments"][0]["there_at"] in shown["there"]["times"]
    found = twins.found_in_search()
    assert (found.key, found.score, found.label, found.same_file) == (
        twins.old,
        1.0,
        label,
        twins.old,
    )
    sent = uploaded(services, clips / QUIET)
    assert {found.key for found in sent[:2]} == {twins.old, twins.new}
    assert [(found.score, found.label) for found in sent[:2]] == [
        (1.0, f"Same file as {found.key}") for found in sent[:2]
    ]
    assert all(found.same_file is None and found.score < 1 for found in sent[2:])
    page = services.search.like_issue(GAME, twins.new, ALL, 10)
    message = blocks.results(page, twins.new, f"issue {twins.new}", lambda _: None)
    assert label in message["blocks"][1]["text"]["text"]
    told = CliRunner().invoke(cli, ["similar", twins.new, "--json"])
    row = json.loads(told.stdout)[0]
    assert (row["key"], row["score"], row["label"]) == (twins.old, 1.0, label)
    assert "1.00 Same" in CliRunner().invoke(cli, ["similar", twins.new]).stdout


def test_it_does_so_whatever_is_searched(
    twins: Twins, services: Services, jira: Site, clips: Path
) -> None:
    history(services, jira, clips, COWS[2], PLACEHOLDER[1], project="OTHER")
    for caller in (GAME, BOTH):
        found = services.search.like_issue(caller, twins.new, ALL, 10).results[0]
        assert (found.key, found.score, found.same_file) == (twins.old, 1.0, twins.old)


def test_the_others_are_ranked_as_if_the_same_file_were_not_there(
    twins: Twins, services: Services
) -> None:
    def others() -> dict[str, float]:
        return {
            p.found_issue_id: p.score
            for p in services.similar_issues.rank(twins.record)
            if not p.same_file
        }

    beside = others()
    jobs.forget_issue(twins.old_id)
    alone = others()
    assert beside.keys() == alone.keys()
    # But for the size of the project, which is one clip more.
    assert beside == pytest.approx(alone, abs=0.01)


def test_a_verdict_that_they_are_not_similar_wins(
    twins: Twins, services: Services, jira: Site, client: FlaskClient, forge: ForgeApp
) -> None:
    services.records.verdicts.put(Verdict(twins.new_id, twins.old_id, False, "person"))
    jobs.suggest(twins.new_id)
    assert all(twins.old not in each["body"] for each in jira.comments(twins.new))
    assert twins.old not in json.dumps(panel(client, forge, twins.new_id))
    assert twins.found_in_search().key != twins.old


def test_a_reader_who_may_not_see_the_twin_learns_nothing_of_it(
    twins: Twins, services: Services, jira: Site, client: FlaskClient, forge: ForgeApp
) -> None:
    secure(jira, twins.old)
    tell(services, jira, twins.old, watch=False)
    told = panel(client, forge, twins.new_id)
    assert twins.old not in json.dumps(told)
    assert "Same file" not in json.dumps(told)
    page = services.search.like_issue(GAME, twins.new, ALL, 10)
    assert {found.key for found in page.results} == set(twins.others)
    assert all(found.same_file is None and found.score < 1 for found in page.results)
    assert all("Same file" not in each["body"] for each in jira.comments(twins.new))
    assert panel(client, forge, twins.new_id, "admin")[0]["same_file"] == twins.old


def test_however_many_hidden_tickets_have_the_file_the_rest_of_the_answer_is_the_same(
    twins: Twins, services: Services, jira: Site, clips: Path, client: FlaskClient, forge: ForgeApp
) -> None:
    secure(jira, twins.old)
    before = panel(client, forge, twins.new_id)
    page = services.search.like_issue(GAME, twins.new, ALL, 10)
    for _ in range(24):
        key = jira.file("GAME", "the same again", clips / QUIET)
        secure(jira, key)
        tell(services, jira, key, watch=False)
    services.rankings.forget(twins.new_id)
    after = panel(client, forge, twins.new_id)
    assert [each["key"] for each in after] == [each["key"] for each in before]
    again = services.search.like_issue(GAME, twins.new, ALL, 10)
    assert [found.key for found in again.results] == [found.key for found in page.results]


def test_the_oldest_of_several_comes_first(
    twins: Twins, services: Services, jira: Site, clips: Path
) -> None:
    third = jira.file("GAME", "and again", clips / QUIET)
    issue_id = tell(services, jira, third)
    record = services.collections.active.catalogue.issue(issue_id)
    assert record is not None
    found = [pair.found_issue_id for pair in services.similar_issues.rank(record) if pair.same_file]
    assert found == [twins.old_id, twins.new_id]


def test_the_same_file_comes_before_what_only_looks_certain() -> None:
    pairs = [PairMatch("1", "2", "a", 1.0, ()), PairMatch("1", "30", "b", 1.0, (), same_file=True)]
    pairs += [PairMatch("1", "4", "b", 1.0, ())]
    assert [(p.found_issue_id, p.same_file) for p in best_per_issue("", pairs)] == [
        ("b", True),
        ("a", False),
    ]


def test_the_file_twice_on_one_issue_never_suggests_the_issue_itself(
    services: Services, jira: Site, clips: Path
) -> None:
    key = jira.file("GAME", "twice", clips / QUIET, clips / QUIET)
    issue_id = tell(services, jira, key)
    record = services.collections.active.catalogue.issue(issue_id)
    assert record is not None
    assert services.similar_issues.rank(record) == []
    other = tell(services, jira, jira.file("GAME", "once", clips / QUIET))
    (pair,) = services.similar_issues.rank(record)
    assert (pair.found_issue_id, pair.same_file) == (other, True)


def test_a_twin_that_was_deleted_purged_or_failed_is_none(twins: Twins, services: Services) -> None:
    assert twins.best().same_file
    (clip,) = services.collections.active.catalogue.clips_of(twins.old_id)
    services.collections.active.catalogue.put_clip(
        replace(clip, status=ClipStatus.FAILED, reason="blank: it is black")
    )
    assert not twins.best().same_file
    services.collections.active.catalogue.put_clip(clip)
    assert twins.best().same_file
    services.deletion.purge_clip(services.collections.active, clip)
    assert not twins.best().same_file


def test_a_twin_whose_attachment_was_deleted_is_none(twins: Twins, services: Services) -> None:
    (clip,) = services.collections.active.catalogue.clips_of(twins.old_id)
    services.deletion.forget_clip(clip.id, twins.old_id)
    assert not twins.best().same_file


def test_a_twin_of_which_no_pictures_are_kept_is_told_all_the_same(
    twins: Twins, services: Services, client: FlaskClient, forge: ForgeApp
) -> None:
    (clip,) = services.collections.active.catalogue.clips_of(twins.old_id)
    services.collections.active.catalogue.put_clip(replace(clip, unshown=True))
    services.media.thumbnails.forget(clip.id)
    shown = panel(client, forge, twins.new_id)[0]
    assert (shown["same_file"], shown["there"]["times"]) == (twins.old, [])


def test_what_another_encoder_knows_of_the_file_does_not_count(
    services: Services, jira: Site, clips: Path
) -> None:
    (first,) = history(services, jira, clips, QUIET)
    (clip,) = services.collections.active.catalogue.clips_of(str(jira.issue(first)["id"]))
    elsewhere = ClipRecord("77", "99", "x.mp4", 1, ClipStatus.INDEXED, content=clip.content)
    Catalogue(services.redis, "another").put_clip(elsewhere)
    record = services.collections.active.catalogue.issue(str(jira.issue(first)["id"]))
    assert record is not None
    assert services.similar_issues.rank(record) == []


def test_a_file_that_shows_nothing_has_no_twin(
    services: Services, jira: Site, tmp_path: Path
) -> None:
    """A blank picture is the same bytes on tickets that have nothing in common."""
    Image.new("RGB", (64, 64)).save(tmp_path / "black.png")
    first = jira.file("GAME", "a crash in the menu", tmp_path / "black.png")
    second = jira.file("GAME", "no sound after loading", tmp_path / "black.png")
    tell(services, jira, first, watch=False)
    record = services.collections.active.catalogue.issue(tell(services, jira, second))
    assert record is not None
    assert all(
        not pair.same_file and pair.score < 1 for pair in services.similar_issues.rank(record)
    )
    assert jira.comments(second) == []


def test_the_same_picture_is_surer_than_two_pictures_that_look_alike(
    services: Services, jira: Site, tmp_path: Path
) -> None:
    noise = Image.effect_noise((320, 180), 90).convert("RGB")
    written = io.BytesIO()
    noise.save(written, "PNG")
    (tmp_path / "log.png").write_bytes(written.getvalue())
    first = jira.file("GAME", "the menu does not open", tmp_path / "log.png")
    tell(services, jira, first, watch=False)
    second = jira.file("GAME", "all is lost", tmp_path / "log.png")
    tell(services, jira, second)
    assert f"Same file as {first} (score 1.00)" in jira.comments(second)[0]["body"]


def test_why_says_that_it_is_the_same_file(twins: Twins, services: Services, jira: Site) -> None:
    services.comment_commands.handle(twins.record, "Tess", [Command("why", twins.old)])
    note = services.records.comments.note(twins.new_id)
    assert f"{twins.old}: score 1.00; a ticket is named from 0.50 on." in note
    assert f"{twins.old} has the same file as this ticket." in note
    assert "Most alike" not in note
