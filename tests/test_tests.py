"""Tests of the tests: each looks at something."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from test_docs import ROOT

# What is called to look at something, beside what begins with `assert` or `check`.
CHECKS = {
    "expect",  # Playwright's
    "is_problem",  # test_api.py
    "raises",
    "refused",  # test_sign_in.py
    "validate",  # jsonschema's and kubernetes_validate's
    "wait_until",  # conftest.py
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


def test_every_test_asserts_something() -> None:
    """One that does not passes whatever the code does. If it calls a helper that asserts, name the
    helper in CHECKS."""
    found = {
        test
        for path in (ROOT / "tests").glob("test_*.py")
        for test in without_a_check(path.read_text("utf-8"))
    }
    assert found == RAISE_NOTHING


def test_a_test_that_only_does_something_is_noticed() -> None:
    source = "def test_a():\n    work()\n\ndef test_b():\n    assert work()\n"
    assert list(without_a_check(source)) == ["test_a"]
