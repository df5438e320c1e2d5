"""The order in which several processes run the tests: the longest first, and each file as one.

A pytest plugin for pytest-xdist. A file's tests stay together, since they share fixtures and
imports. The few longest tests are handed out alone, before all files.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# Tests of more than ten seconds, and files of more than twenty; `make test` prints the slowest.
ALONE = (
    "test_chaos.py::test_a_storm_of_kills_and_bad_answers_leaves_all_as_it_must_be",
    "test_refusals.py::test_workers_wait_and_then_do_all_that_there_is",
    "test_docs_backup.py::test_the_commands_of_the_page_do_what_they_say",
    "test_demo.py::test_what_up_keeps_is_there_the_next_time",
    "test_hostile_worker.py::test_a_worker_outlives_hostile_tickets_and_uploads",
    "test_demo.py::test_a_missed_duplicate_is_told_and_ends_with_one",
    "test_demo.py::test_the_story_ends_with_the_true_duplicate_and_no_process",
    "test_encoder_change.py::test_real_workers_change_the_encoder_while_questions_are_asked",
)
FILES = (
    "test_slack.py",
    "test_pages_browser.py",
    "test_refusals.py",
    "test_recorders.py",
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
    "test_heat_maps.py",
    "test_life.py",
    "test_search.py",
    "test_search_words.py",
    "test_leaks.py",
)


def name_of(nodeid: str) -> str:
    """`tests/test_a.py::TestB::test_c[d]` → `test_a.py::test_c`."""
    path, _, rest = nodeid.partition("::")
    return f"{path.rpartition('/')[2]}::{rest.partition('[')[0].rpartition('::')[2]}"


def file_of(nodeid: str) -> str:
    """`tests/test_a.py::test_c` → `test_a.py`."""
    return name_of(nodeid).partition("::")[0]


class FileScheduling(LoadScopeScheduling):
    """Hands a file's tests to one process, and those of ALONE one by one, in their order."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if name_of(nodeid) in ALONE else file_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FileScheduling:
    """What pytest-xdist asks for; its own `loadgroup` finds no groups under pytest 9.2."""
    config.option.loadscopereorder = False  # the order is ours
    return FileScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests in order."""
    files = [file_of(item.nodeid) for item in items]
    rest = sorted(set(files), key=files.index)
    ranks = {name: rank for rank, name in enumerate((*ALONE, *FILES, *rest)[::-1])}

    def rank(item: pytest.Item) -> int:
        return -max(ranks.get(name_of(item.nodeid), -1), ranks[file_of(item.nodeid)])

    items.sort(key=rank)
