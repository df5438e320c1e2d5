"""The tests that `make test` leaves out are listed, and run again when their dependencies
change."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tools import slow_tests
from tools.slow_tests import DEPENDS, ROOT


def test_every_file_with_slow_tests_says_what_they_depend_on() -> None:
    files = (ROOT / "tests").rglob("test_*.py")
    marked = {
        path.relative_to(ROOT / "tests").as_posix()
        for path in files
        if re.search(r"pytest\.mark\.slow\b(?!`)", path.read_text())
    }
    here = Path(__file__).relative_to(ROOT / "tests").as_posix()
    assert marked - {here} == set(DEPENDS)


def test_what_they_depend_on_is_there() -> None:
    for paths in DEPENDS.values():
        for path in paths:
            assert (ROOT / path).exists(), path


def test_they_are_run_again_when_a_file_changes_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text("a = 1\n")
    noted = tmp_path / "passed.json"
    monkeypatch.setattr(slow_tests, "ROOT", tmp_path)
    monkeypatch.setattr(slow_tests, "PASSED", noted)
    monkeypatch.setattr(slow_tests, "DEPENDS", {"test_1.py": ("one",), "test_2.py": ("two",)})
    assert slow_tests.changed() == ["test_1.py", "test_2.py"]
    noted.write_text(json.dumps({name: slow_tests.digest(name) for name in slow_tests.DEPENDS}))
    assert slow_tests.changed() == []
    (tmp_path / "two" / "a.py").write_text("a = 2\n")
    assert slow_tests.changed() == ["test_2.py"]
    (tmp_path / "one" / "not-yet-tracked.py").write_text("")
    assert slow_tests.changed() == ["test_1.py", "test_2.py"]
