"""Words, issues and clips → pages of results, and who can see what."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dejabug.access.principals import Caller
from dejabug.index import slug_of
from dejabug.infra import reply_list
from dejabug.media_store import folder_store
from dejabug.records.projects import Rules
from dejabug.records.types import ClipStatus
from dejabug.records.verdicts import Verdict
from dejabug.retrieval.retriever import Retriever
from dejabug.search import search
from dejabug.search.disclosure import Filters, ForeignProjectError, HiddenIssueError
from dejabug.search.questions import SearchFailedError
from dejabug.search.search import NoSuchPageError, Page
from dejabug.services import Services
from support.demo_clips import COWS, PLACEHOLDER, QUIET
from support.jira_site import Site, link, secure
from support.searches import ALL, BOTH, GAME, send, text_search
from support.tickets import history, tell
from support.workers import work


def keys(page: Page) -> list[str]:
    return [found.key for found in page.results]


def words(
    services: Services, asked: str = "meadow", caller: Caller = GAME, **filters: Any
) -> list[str]:
    return keys(services.search.by_words(caller, asked, Filters(**filters), 10))


def test_words_find_issues_with_their_clip_and_moment(
    services: Services, jira: Site, clips: Path, worker: None
) -> None:
    old = history(services, jira, clips, COWS[0], PLACEHOLDER[0])
    page = services.search.by_words(GAME, "meadow with cows everywhere", ALL, 10)
    assert set(keys(page)) == set(old)
    assert page.cursor is None
    first = page.results[0]
    assert (first.key, first.project, first.found_by) == (old[0], "GAME", ["words"])
    assert first.clip is not None
    assert first.clip.filename == COWS[0]
    (moment,) = first.moments
    assert moment.here is None
    assert moment.there[0] <= moment.there_at <= moment.there[1]


def test_an_issue_finds_its_like_with_both_moments(
    services: Services, jira: Site, clips: Path
) -> None:
    old = history(services, jira, clips, COWS[0], QUIET)
    key = jira.file("GAME", "cows", clips / COWS[2])
    tell(services, jira, key)
    first = services.search.like_issue(GAME, key.lower(), ALL, 10).results[0]
    assert first.key == old[0]
    assert first.found_by[0] == "clip"
    assert first.moments[0].here is not None


def test_other_projects_levels_and_switched_off_ones_are_not_told(
    services: Services, jira: Site, clips: Path, worker: None
) -> None:
    game = history(services, jira, clips, COWS[0], COWS[1])
    (other,) = history(services, jira, clips, COWS[2], project="OTHER")
    assert set(words(services)) == set(game)
    assert set(words(services, caller=BOTH)) == {*game, other}
    assert words(services, caller=BOTH, project=["other"]) == [other]
    with pytest.raises(ForeignProjectError, match="yours: GAME"):
        words(services, project=["OTHER"])
    secure(jira, game[0])
    assert words(services) == [game[1]]
    jira.call("DELETE", f"/rest/api/2/issue/{game[1]}", "admin")
    assert words(services) == []
    services.records.projects.put("OTHER", Rules("off"))
    assert words(services, caller=BOTH) == []


def test_what_jira_moved_elsewhere_is_not_told(
    services: Services, jira: Site, clips: Path, worker: None
) -> None:
    """Our catalogue still has it in GAME; Jira's word counts."""
    (key,) = history(services, jira, clips, COWS[0])
    jira.call("POST", f"/rest/standin/issues/{key}/move", json={"project": "OTHER"})
    assert words(services) == []


@pytest.mark.parametrize("why", ["unknown", "secured", "other", "off"])
def test_an_issue_that_is_not_the_callers_is_as_unknown(
    services: Services, jira: Site, clips: Path, why: str
) -> None:
    (key,) = history(services, jira, clips, COWS[0], project="OTHER" if why == "other" else "GAME")
    if why == "secured":
        secure(jira, key)
    if why == "off":
        services.records.projects.put("GAME", Rules("off"))
    with pytest.raises(HiddenIssueError):
        services.search.like_issue(GAME, "GAME-99" if why == "unknown" else key, ALL, 10)


def test_a_chain_of_duplicates_is_one_result_on_all_pages(
    services: Services, jira: Site, clips: Path, worker: None
) -> None:
    old = history(services, jira, clips, COWS[0], COWS[1], COWS[2], QUIET)
    link(jira, "Duplicate", old[0], old[1])
    page = services.search.by_words(GAME, "meadow", ALL, 10)
    named = keys(page)
    assert len(named) == len(set(named)) == 3
    (chain,) = [found for found in page.results if found.also]
    assert {chain.key, *chain.also} == {old[0], old[1]}
    told: list[str] = []
    cursor: str | None = None
    while True:
        if cursor is None:
            page = services.search.by_words(GAME, "meadow", ALL, 1)
        else:
            page = services.search.further(GAME, cursor, "words meadow", 1)
        told += keys(page)
        if page.cursor is None:
            break
        cursor = page.cursor
    assert told == named


def test_pages_do_not_shift_and_are_decided_anew(
    services: Services, jira: Site, clips: Path, worker: None
) -> None:
    old = history(services, jira, clips, COWS[0], COWS[1], PLACEHOLDER[0], QUIET)
    whole = words(services)
    first = services.search.by_words(GAME, "meadow", ALL, 2)
    assert first.cursor is not None
    history(services, jira, clips, COWS[2])
    second = services.search.further(GAME, first.cursor, "words meadow", 2)
    assert [*keys(first), *keys(second)] == whole
    assert len(whole) == len(old)
    assert second.cursor is None
    secure(jira, whole[3])
    again = services.search.further(GAME, first.cursor, "words meadow", 2)
    assert keys(again) == [whole[2]]


def test_a_cursor_is_of_one_caller_and_one_question(
    services: Services, jira: Site, clips: Path, worker: None
) -> None:
    history(services, jira, clips, COWS[0], COWS[1])
    cursor = services.search.by_words(GAME, "meadow", ALL, 1).cursor
    assert cursor is not None
    for caller, question in ((BOTH, "words meadow"), (GAME, "words cats"), (GAME, "issue GAME-1")):
        with pytest.raises(NoSuchPageError):
            services.search.further(caller, cursor, question, 1)
    for made_up in ("", "0" * 32, "*", "a\nb", "é"):
        with pytest.raises(NoSuchPageError):
            services.search.further(GAME, made_up, "words meadow", 1)
    services.redis.delete(f"dejabug:page:{cursor}")
    with pytest.raises(NoSuchPageError):
        services.search.further(GAME, cursor, "words meadow", 1)


def test_filters_are_on_what_jira_says_now(
    services: Services, jira: Site, clips: Path, worker: None
) -> None:
    first = jira.file(
        "GAME", "Objects float in the air over the meadow and never fall", clips / COWS[0],
        components=[{"name": "Crafter"}],
    )  # fmt: skip
    tell(services, jira, first, watch=False)
    (second,) = history(services, jira, clips, QUIET)
    assert set(words(services)) == {first, second}
    assert words(services, game=["crafter"]) == [first]
    assert words(services, kind=["floating object"]) == [first]
    status = jira.issue(first)["fields"]["status"]["name"]
    assert set(words(services, status=[status.upper()])) == {first, second}
    assert words(services, status=["Nowhere"]) == []
    assert set(words(services, since="2020-01-01")) == {first, second}
    assert words(services, since="2999-01-01") == []
    assert words(services, until="2020-01-01") == []


def test_unlikely_results_are_a_question_of_their_own(
    services: Services, jira: Site, clips: Path, worker: None
) -> None:
    old = history(services, jira, clips, COWS[0], COWS[1], PLACEHOLDER[0])
    asked = "purple elephants riding unicycles"
    assert words(services, asked) == []
    first = services.search.by_words(GAME, asked, ALL, 1, unlikely=True)
    cursor = first.cursor or ""
    with pytest.raises(NoSuchPageError):
        services.search.further(GAME, cursor, search.words_question(asked), 5)
    question = search.words_question(asked, unlikely=True)
    rest = services.search.further(GAME, cursor, question, 5)
    assert sorted(keys(first) + keys(rest)) == sorted(old)
    assert {each.relevance for each in (*first.results, *rest.results)} == {"unlikely"}


def test_a_score_does_not_depend_on_tickets_that_are_hidden(
    services: Services, jira: Site, clips: Path, worker: None
) -> None:
    def told() -> list[tuple[str, float]]:
        page = services.search.by_words(GAME, "herd of cows in the meadow", ALL, 10, unlikely=True)
        return [(each.key, each.score) for each in page.results]

    history(services, jira, clips, COWS[0], COWS[1], QUIET)
    before = told()
    (secret,) = history(services, jira, clips, COWS[2])
    secure(jira, secret)
    assert told() == before


def test_a_rejected_pair_is_not_told(services: Services, jira: Site, clips: Path) -> None:
    old = history(services, jira, clips, COWS[0], QUIET)
    key = jira.file("GAME", "cows", clips / COWS[2])
    issue_id = tell(services, jira, key)
    services.records.verdicts.put(Verdict(issue_id, str(jira.issue(old[0])["id"]), False, "person"))
    assert old[0] not in keys(services.search.like_issue(GAME, key, ALL, 10))


def test_a_failing_search_says_so_at_once(
    services: Services, monkeypatch: pytest.MonkeyPatch, worker: None
) -> None:
    def fail(*_arguments: object) -> None:
        raise ValueError("broken")

    monkeypatch.setattr(Retriever, "search", fail)
    with pytest.raises(SearchFailedError, match="its log says why"):
        services.questions.search("cows", ["GAME"], 5)


def test_a_question_of_another_version_harms_nobody(services: Services, worker: None) -> None:
    key = f"dejabug:questions:{slug_of(services.collections.active_name)}"
    services.redis.rpush(key, '["abc", "cows", ["GAME"], 5]', "\xff", "{}")
    assert services.questions.search("cows", ["GAME"], 5) == []


def test_questions_that_come_together_get_each_their_own_answer(
    services: Services, jira: Site, clips: Path, worker: None
) -> None:
    history(services, jira, clips, COWS[0], QUIET)
    asked = ["cows", "the night", "a herd in the meadow", "dark caves", "cows", "water"]
    with ThreadPoolExecutor(len(asked)) as pool:
        found = list(pool.map(lambda words: services.questions.search(words, ["GAME"], 5), asked))
    for words, hits in zip(asked, found, strict=True):
        alone = text_search(services, words, ["GAME"], 5)
        assert [hit["clip"] for hit in hits] == [hit["clip"] for hit in alone]
        assert [hit["score"] for hit in hits] == pytest.approx(
            [hit["score"] for hit in alone], abs=1e-5
        )


def test_without_a_worker_the_error_says_what_to_start(services: Services) -> None:
    with pytest.raises(SearchFailedError, match="dejabug worker search"):
        services.questions.search("cows", ["GAME"], 5, patience=0.2)
    assert not list(services.redis.scan_iter("dejabug:questions:*"))


def test_an_answer_may_take_longer_than_redis_py_waits_for_a_socket(services: Services) -> None:
    reply = reply_list.new_reply()
    timer = threading.Timer(6, reply_list.put_reply, (services.redis, reply, {"late": True}))
    timer.start()
    assert reply_list.await_reply(services.redis, reply, 20) == {"late": True}
    timer.join()


# Uploads


def test_an_upload_finds_its_like_and_leaves_nothing(
    services: Services, jira: Site, clips: Path
) -> None:
    old = history(services, jira, clips, COWS[0], QUIET)
    frames = services.collections.active.index.state().frames
    upload_id = send(services, clips / COWS[2])
    assert list((services.settings.data_dir / "uploads").iterdir())
    work(services)
    upload = services.clip_uploads.look(upload_id, GAME.principal.name)
    assert upload is not None
    assert upload.state == "done"
    page = services.search.like_upload(GAME, upload, ALL, 10)
    assert keys(page)[0] == old[0]
    assert page.results[0].moments[0].here is not None
    assert list((services.settings.data_dir / "uploads").iterdir()) == []
    assert services.collections.active.index.state().frames == frames
    assert services.collections.active.catalogue.count(ClipStatus.INDEXED) == 2
    assert services.clip_uploads.look(upload_id, BOTH.principal.name) is None


def test_a_zip_named_mp4_fails_with_its_reason(services: Services, tmp_path: Path) -> None:
    broken = tmp_path / "clip.mp4"
    broken.write_bytes(b"PK\x03\x04 this is a zip")
    upload_id = send(services, broken)
    work(services)
    upload = services.clip_uploads.look(upload_id, GAME.principal.name)
    assert upload is not None
    assert upload.state == "failed"
    assert upload.reason.startswith("not_a_video: ")
    assert list((services.settings.data_dir / "uploads").iterdir()) == []


def test_a_file_that_nobody_read_is_deleted_in_the_end(
    services: Services, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(services, clips / COWS[0])
    services.media.collect_garbage()
    assert len(list((services.settings.data_dir / "uploads").iterdir())) == 1
    monkeypatch.setattr(folder_store, "TEMPORARY_SECONDS", -1)
    services.media.collect_garbage()
    assert list((services.settings.data_dir / "uploads").iterdir()) == []


def test_a_file_that_another_housekeeper_deletes_meanwhile_is_no_error(
    services: Services, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = send(services, clips / COWS[0])
    monkeypatch.setattr(folder_store, "TEMPORARY_SECONDS", -1)
    folder = services.settings.data_dir / "uploads"
    (folder / "aa").symlink_to("gone")  # is listed, and is not there any more when it is looked at
    (folder / "zz").symlink_to("gone")
    services.media.collect_garbage()
    assert not (folder / upload_id).exists()
