"""Where a run's time went: its ten slowest tests and its CPU time, so that the suite stays fast.

A pytest plugin. With pytest-xdist, each test's figures are sent to the main process with its
reports. `--costs FILE` writes every test's figures as JSON, the slowest first.
"""

from __future__ import annotations

import json
import os
import resource
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# How many of the slowest tests are listed.
LISTED = 10


def cpu_seconds() -> float:
    """CPU seconds of this process so far, and of its children that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--costs FILE`."""
    parser.addoption("--costs", type=Path, help="write what each test cost to this file, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    """Only the process that reports to a person adds up."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Costs(config.getoption("--costs")), "dejabug-costs")


def pytest_sessionstart(session: pytest.Session) -> None:
    """What was spent before the first test is no test's."""
    session._cpu_seconds = cpu_seconds()  # type: ignore[attr-defined]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Write onto a phase's report what CPU time has gone since the phase before."""
    outcome: Any = yield
    now, session = cpu_seconds(), item.session
    outcome.get_result().cpu_seconds = now - session._cpu_seconds  # type: ignore[attr-defined]
    session._cpu_seconds = now  # type: ignore[attr-defined]


class Costs:
    """Adds up every phase of every test: seconds on the clock and of CPU."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._clock: dict[str, float] = defaultdict(float)
        self._cpu: dict[str, float] = defaultdict(float)
        self._phases: dict[str, dict[str, list[float]]] = defaultdict(dict)
        self._started = time.monotonic()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase has ended."""
        cpu = getattr(report, "cpu_seconds", 0.0)
        self._clock[report.nodeid] += report.duration
        self._cpu[report.nodeid] += cpu
        self._phases[report.nodeid][report.when or ""] = [report.duration, cpu]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the slowest tests and the sum."""
        slowest = sorted(self._clock, key=self._clock.__getitem__, reverse=True)
        terminalreporter.section(f"{LISTED} slowest tests")
        for name in slowest[:LISTED]:
            terminalreporter.write_line(
                f"{self._clock[name]:6.1f} s, {self._cpu[name]:6.1f} s of CPU  {name}"
            )
        ours, children = (
            resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        spent = sum(each.ru_utime + each.ru_stime for each in (ours, children))
        terminalreporter.write_line(
            f"CPU time of all processes: {spent:.0f} s in {time.monotonic() - self._started:.0f} s"
        )
        if self._path:
            table = [
                {"test": name, "seconds": self._clock[name], "cpu": self._cpu[name],
                 "phases": self._phases[name]}
                for name in sorted(self._cpu, key=self._cpu.__getitem__, reverse=True)
            ]  # fmt: skip
            self._path.write_text(json.dumps(table, indent=1), "utf-8")
