"""Tests of the tests: each checks something, and no file imports another."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

import pytest

from support.repository import ROOT

# What is called to look at something, beside what begins with `assert` or `check`.
CHECKS = {
    "expect",  # Playwright's
    "is_problem",  # support/api.py
    "raises",
    "refused",  # support/signing_in.py
    "validate",  # jsonschema's and kubernetes_validate's
    "wait_until",  # support/waiting.py
}
# Those that hold where nothing but the expected exception is raised.
RAISE_NOTHING = {
    "test_a_target_raises_nothing_but_what_its_parser_says",
    "test_what_was_found_once_is_found_no_more",
    "test_a_megabyte_of_talk_is_read_in_no_time",
    "test_no_json_at_all_breaks_the_parser",
}


def without_a_check(source: str) -> Iterator[str]:
    """The tests in a module that neither assert anything nor call what does."""
    for test in ast.walk(ast.parse(source)):
        if isinstance(test, ast.FunctionDef) and test.name.startswith("test_"):
            within = list(ast.walk(test))
            called = {name_of(each.func) for each in within if isinstance(each, ast.Call)}
            if not (
                any(isinstance(each, ast.Assert) for each in within)
                or called & CHECKS
                or any(name.startswith(("assert", "check")) for name in called)
            ):
                yield test.name


def name_of(called: ast.expr) -> str:
    """The last part of the name of what is called."""
    return getattr(called, "attr", getattr(called, "id", ""))


def imported(source: str) -> Iterator[str]:
    """The modules that a module imports anywhere in it; and its strings, since some may be names of
    modules, as in `pytest_plugins`."""
    for each in ast.walk(ast.parse(source)):
        if isinstance(each, ast.Import):
            yield from (alias.name for alias in each.names)
        elif isinstance(each, ast.ImportFrom):
            yield each.module or ""
            yield from (alias.name for alias in each.names)  # from tests import test_a
        elif isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def of_tests(source: str, files: Collection[str]) -> set[str]:
    """Which of these modules a module imports, from the folder or from the repository."""
    return {name.removeprefix("tests.") for name in imported(source)} & set(files)


def test_no_file_imports_a_file_of_tests() -> None:
    """What two files need is in tests/support; conftest.py has fixtures, which need no import."""
    files = {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    found = {
        path.relative_to(ROOT).as_posix(): names
        for pattern in ("tests/**/*.py", "tools/**/*.py")
        for path in ROOT.glob(pattern)
        if (names := of_tests(path.read_text("utf-8"), files))
    }
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        "from test_a import b",
        "def test_b():\n    import test_a",
        "from tests import test_a",
        "from tests.test_a import b",
        "pytest_plugins = ['test_a']",
    ],
)
def test_an_import_of_a_file_of_tests_is_noticed(source: str) -> None:
    assert of_tests(source, {"test_a"}) == {"test_a"}
    assert of_tests(source.replace("test_a", "test_c"), {"test_a"}) == set()


def test_every_test_asserts_something() -> None:
    """One that does not passes whatever the code does. If it calls a helper that asserts, name the
    helper in CHECKS."""
    found = {
        test
        for path in (ROOT / "tests").rglob("test_*.py")
        for test in without_a_check(path.read_text("utf-8"))
    }
    assert found == RAISE_NOTHING


def test_a_test_that_only_does_something_is_noticed() -> None:
    source = "def test_a():\n    work()\n\ndef test_b():\n    assert work()\n"
    assert list(without_a_check(source)) == ["test_a"]
