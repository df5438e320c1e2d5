"""In which order several processes take the tests: what lasts longest first, and each file as one.

A pytest plugin for `--dist loadgroup`. A file's tests stay together, since they share fixtures and
what they have imported; the few that last longest are handed out alone, before all files.
"""

from __future__ import annotations

import pytest

# Tests of more than ten seconds, and files of more than twenty; `make test` prints the slowest.
ALONE = (
    "test_chaos.py::test_a_storm_of_kills_and_bad_answers_leaves_all_as_it_must_be",
    "test_refusals.py::test_workers_wait_and_then_do_all_that_there_is",
    "test_docs_backup.py::test_the_commands_of_the_page_do_what_they_say",
    "test_demo.py::test_what_up_keeps_is_there_the_next_time",
    "test_hostile_worker.py::test_a_worker_outlives_hostile_tickets_and_uploads",
    "test_demo.py::test_a_missed_duplicate_is_told_and_ends_with_one",
    "test_demo.py::test_the_story_ends_with_the_true_duplicate_and_no_process",
    "test_reembedding.py::test_real_workers_change_the_encoder_while_questions_are_asked",
)
FILES = (
    "test_slack.py",
    "test_pages_browser.py",
    "test_refusals.py",
    "test_api.py",
    "test_panel_browser.py",
    "test_hostile.py",
    "test_evaluation.py",
    "test_index_redis.py",
    "test_jobs.py",
    "test_panel.py",
    "test_reconcile.py",
    "test_cli.py",
    "test_media_store.py",
    "test_life.py",
    "test_search.py",
    "test_leaks.py",
)


def name_of(item: pytest.Item) -> str:
    """A test's name within this folder, without its parameters."""
    return f"{item.path.name}::{getattr(item, 'originalname', item.name)}"


def pytest_itemcollected(item: pytest.Item) -> None:
    """Put each test into its group; pytest-xdist reads the groups when all are collected."""
    alone = name_of(item) in ALONE
    item.add_marker(pytest.mark.xdist_group(item.nodeid if alone else item.path.name))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests in order."""
    files = [item.path.name for item in items]
    rest = sorted(set(files), key=files.index)
    ranks = {name: rank for rank, name in enumerate((*ALONE, *FILES, *rest)[::-1])}

    def rank(item: pytest.Item) -> int:
        return -max(ranks.get(name_of(item), -1), ranks[item.path.name])

    items.sort(key=rank)
