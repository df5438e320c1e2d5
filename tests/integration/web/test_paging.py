"""Pages of results: a cursor belongs to one caller, one query and its filters, on every route."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from dejabug.services import Services
from dejabug.web import create_app
from support.api import API, Caller, compared, is_problem
from support.demo_clips import COWS, QUIET
from support.jira_site import Site
from support.search_worker import searching
from support.tickets import history

# What each address that has pages is tried with.
PAGED = ("/search", "/issues/{key}/similar", "/jobs/{job_id}")
OTHER_FILTERS = (
    {"project": "GAME"},
    {"game": "Crafter"},
    {"status": "Done"},
    {"status": ["Open", "Done"]},
    {"kind": "Clipping"},
    {"since": "2020-01-01"},
    {"until": "2999-01-01"},
)


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "DEJABUG_API_REQUESTS_PER_MINUTE": "10000"}


@dataclass
class Questions:
    """Two questions at each address that has pages: the path, and what is asked beside it."""

    asked: dict[str, list[tuple[str, dict[str, Any]]]]

    def others(self, path: str) -> list[tuple[str, dict[str, Any]]]:
        """Every question but the first at this address."""
        first = self.asked[path][0]
        return [each for both in self.asked.values() for each in both if each != first]


@pytest.fixture
def questions(caller: Caller, services: Services, jira: Site, clips: Path) -> Iterator[Questions]:
    first, second, _ = history(services, jira, clips, COWS[0], COWS[1], QUIET)
    sent = [compared(caller, services, clips / name) for name in (COWS[2], COWS[0])]
    with searching(services):
        yield Questions(
            {
                "/search": [("/search", {"q": "meadow"}), ("/search", {"q": "cats"})],
                "/issues/{key}/similar": [
                    (f"/issues/{key}/similar", {}) for key in (first, second)
                ],
                "/jobs/{job_id}": [(path, {}) for path in sent],
            }
        )


def page(caller: Caller, question: tuple[str, dict[str, Any]], **more: Any) -> Any:
    """An answer of one result, unless more is said."""
    path, asked = question
    return caller.get(path, query_string={"limit": 1, **asked, **more})


def results(answer: Any) -> Any:
    """The page in an answer; a job's is one level down."""
    assert answer.status_code == 200, answer.text
    told = answer.get_json()
    return told["results"] if isinstance(told["results"], dict) else told


def test_every_address_that_takes_a_cursor_is_tried_here(cold_services: Services) -> None:
    told = create_app(cold_services).test_client().get(f"{API}/openapi.json").get_json()["paths"]
    paged = {
        path.removeprefix(API)
        for path, methods in told.items()
        for operation in methods.values()
        if "cursor" in {each["name"] for each in operation.get("parameters", ())}
    }
    assert paged == set(PAGED)


def test_a_cursor_of_another_caller_question_or_filter_is_refused_and_says_what_to_do(
    caller: Caller, app: Flask, services: Services, questions: Questions
) -> None:
    for path in PAGED:
        mine = questions.asked[path][0]
        first = results(page(caller, mine))
        cursor = first["next"]
        assert cursor, path
        for other in questions.others(path):
            is_problem(page(caller, other, cursor=cursor), 404, "ask again without `cursor`")
        for filters in OTHER_FILTERS:
            answer = page(caller, mine, cursor=cursor, **filters)
            is_problem(answer, 404, "with these filters")
        for made_up in ("0" * 32, cursor[:-1], f"{cursor}0", "*", "é"):
            is_problem(page(caller, mine, cursor=made_up), 404, "ask again without `cursor`")
        answer = page(Caller(app, services, "GAME"), mine, cursor=cursor)
        # Of an upload, another caller does not even learn that it is there.
        says = "no such thing" if path.startswith("/jobs") else "no such page for you"
        is_problem(answer, 404, says)
        # None of that took it from whom it belongs to.
        second = results(page(caller, mine, cursor=cursor, limit=2))
        assert second["results"], path
        assert first["results"][0]["key"] not in [each["key"] for each in second["results"]]
    key_path, asked = questions.asked["/issues/{key}/similar"][0]
    cursor = results(page(caller, (key_path, asked)))["next"]
    in_small_letters = (key_path.replace("GAME", "game"), asked)
    assert results(page(caller, in_small_letters, cursor=cursor))["results"]


def test_a_cursor_goes_with_the_filters_of_its_first_page_whether_they_are_given_again_or_not(
    caller: Caller, questions: Questions
) -> None:
    filters = {"project": ["game"], "status": ["Open", "Done"], "since": "2020-01-01"}
    for path in PAGED:
        mine = questions.asked[path][0]
        cursor = results(page(caller, mine, **filters))["next"]
        given, left_out = (
            results(page(caller, mine, cursor=cursor, **again))["results"]
            for again in (filters, {})
        )
        assert given == left_out, path
        for name in filters:
            fewer = {other: value for other, value in filters.items() if other != name}
            is_problem(page(caller, mine, cursor=cursor, **fewer), 404, "with these filters")
