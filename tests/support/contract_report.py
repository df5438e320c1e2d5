"""Reports at the end of a run how many stand-ins had their requests checked against Atlassian's
OpenAPI files, or that the files are missing.

A pytest plugin. With pytest-xdist, the counts are sent to the main process with the tests' reports.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple
from typing import Any

import pytest

from support import contract


def pytest_configure(config: pytest.Config) -> None:
    """Only the process that reports to a person adds up."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Sum(), "dejabug-contract")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Write onto a phase's report how many stand-ins were closed since the phase before."""
    outcome: Any = yield
    outcome.get_result().stand_ins = list(astuple(contract.stand_ins))
    contract.stand_ins.checked = contract.stand_ins.unchecked = 0


class Sum:
    """Adds up the stand-ins of all tests."""

    def __init__(self) -> None:
        self._checked = self._unchecked = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase has ended."""
        checked, unchecked = getattr(report, "stand_ins", (0, 0))
        self._checked += checked
        self._unchecked += unchecked

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """One line; none where no test had a stand-in."""
        if self._checked:
            terminalreporter.write_line(
                f"requests of {_stand_ins(self._checked)} checked against Atlassian's OpenAPI files"
            )
        if self._unchecked:
            terminalreporter.write_line(
                f"OpenAPI files absent: requests of {_stand_ins(self._unchecked)} not checked "
                f"against Atlassian's description ({contract.lacking()})",
                yellow=True,
            )


def _stand_ins(count: int) -> str:
    return "1 stand-in were" if count == 1 else f"{count:,} stand-ins were"
