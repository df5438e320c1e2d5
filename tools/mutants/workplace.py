"""mutmut's working folder: a copy of the package and its tests in `.state/mutants/<package>`.

mutmut looks for sources in `src`, and takes its settings from pyproject.toml, so both are set up
for it. For each mutant it forks a process that has imported the tests but run none.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

from tools.mutants.packages import SOURCE, Package
from tools.mutants.survivors import Outcome, Survivor

STATE = Path(".state/mutants")
# Copied next to the sources: what the tests import.
BESIDE = ("tests", "tools")
# Seconds a mutant's tests may take: (their usual seconds + PATIENCE) * SLOWER, for a busy machine.
PATIENCE = 4.0
SLOWER = 5.0
# What mutmut passes to pytest in addition to the names of tests (tests/support/fixed_first.py).
PYTEST = (
    *("-p", "support.fixed_first", "--hypothesis-profile=mutants"),
    *("-p", "no:cacheprovider", "-p", "no:xdist"),
)
STATISTICS = "mutmut-stats.json"


class MutmutError(Exception):
    """mutmut did not reach a verdict; the message says what to check."""


class Workplace:
    """One package's copy. `again` keeps the verdicts of the last run and tests only the mutants
    that survived it."""

    def __init__(self, name: str, package: Package, *, again: bool = False) -> None:
        self._package = package
        self._folder = STATE / name
        self._mutants = self._folder / "mutants"
        if again and self._mutants.is_dir():
            self._forget_survivors()
        else:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._lay_out()

    @property
    def files(self) -> list[str]:
        """The source files to mutate, relative to the repository's root."""
        found = [path for glob in self._package.sources for path in Path(SOURCE).glob(glob)]
        return sorted(map(str, found))

    def run(self, jobs: int) -> Outcome:
        """Test every mutant, `jobs` at a time. Raises MutmutError."""
        command = [str(Path(sys.executable).with_name("mutmut")), "run", "--max-children"]
        done = subprocess.run([*command, str(jobs)], cwd=self._folder, check=False)
        if done.returncode:
            tests = " ".join(self._package.tests)
            raise MutmutError(
                f"mutmut stopped. Do the tests pass without it? .venv/bin/pytest {tests}"
            )
        return self._outcome()

    # Internal

    def _lay_out(self) -> None:
        ignore = shutil.ignore_patterns("__pycache__", "node_modules", "mutants")
        copies = {SOURCE: "src/dejabug", **{name: name for name in BESIDE}}
        for source, target in copies.items():
            place = self._folder / target
            if source != SOURCE:
                shutil.rmtree(place, ignore_errors=True)
                shutil.rmtree(self._mutants / target, ignore_errors=True)
            shutil.copytree(source, place, ignore=ignore, dirs_exist_ok=True)
        # Without what tests do not need, and with mutmut's settings.
        text = Path("pyproject.toml").read_text("utf-8")
        (self._folder / "pyproject.toml").write_text(f"{text}\n{self._settings()}", "utf-8")

    def _settings(self) -> str:
        mutated = [f"src/dejabug/{glob}" for glob in self._package.sources]
        rows = {
            "source_paths": ["src/dejabug"],
            "only_mutate": mutated,
            "also_copy": list(BESIDE),
            "pytest_add_cli_args": list(PYTEST),
            "pytest_add_cli_args_test_selection": list(self._package.tests),
            "process_isolation": "forkserver",
            "timeout_constant": PATIENCE,
            "timeout_multiplier": SLOWER,
            "use_git_change_detection": False,
        }
        # JSON's notation for these is also valid TOML.
        return "\n".join(["[tool.mutmut]", *(f"{k} = {json.dumps(v)}" for k, v in rows.items())])

    def _forget_survivors(self) -> None:
        (self._mutants / STATISTICS).unlink(missing_ok=True)
        for path in self._mutants.rglob("*.meta"):
            found = json.loads(path.read_text("utf-8"))
            codes = found["exit_code_by_key"]
            for name, code in codes.items():
                if _verdict(code) == "survived":
                    codes[name] = None
            path.write_text(json.dumps(found), "utf-8")

    def _outcome(self) -> Outcome:
        counts = {"killed": 0, "timeout": 0, "survived": 0}
        survived = []
        for file in self.files:
            copy = file.replace(SOURCE, "src/dejabug", 1)
            path = self._mutants / f"{copy}.meta"
            codes = json.loads(path.read_text("utf-8"))["exit_code_by_key"] if path.exists() else {}
            for name, code in codes.items():
                verdict = _verdict(code)
                counts[verdict] += 1
                if verdict == "survived":
                    survived.append(_survivor(self._folder, file, copy, name))
        made = sum(counts.values())
        return Outcome(made, counts["killed"], counts["timeout"], tuple(survived))


def _verdict(code: int | None) -> str:
    """mutmut's word for an exit status. If no test covers it, or none ran, it survived."""
    from mutmut.stats import status_by_exit_code  # only where it is installed

    word = status_by_exit_code[code]
    if word in ("survived", "no tests", "not checked", "skipped", "check was interrupted by user"):
        return "survived"
    return "timeout" if word == "timeout" else "killed"


def _survivor(folder: Path, file: str, copy: str, name: str) -> Survivor:
    from mutmut.mutation.diff_apply import get_diff_for_mutant
    from mutmut.utils.format_utils import orig_function_and_class_names_from_key

    with chdir(folder):
        lines = get_diff_for_mutant(name, path=copy).splitlines()[2:]
    function, owner = orig_function_and_class_names_from_key(name)
    before, after = (
        " ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+"
    )
    return Survivor(file, f"{owner}.{function}" if owner else function, before, after)


def jobs_by_default() -> int:
    """As many mutants at a time as there are cores."""
    return os.cpu_count() or 1
