"""Checks every request of the tests against Atlassian's OpenAPI files: does Jira document it?

The files are Atlassian's and not part of this repository: put them at ../shared/jira/, relative to
the repository, or name another folder in DEJABUG_TEST_OPENAPI. Without them nothing is checked, and
the run says so (contract_report.py).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from support.repository import ROOT

USUAL_FOLDER = ROOT.parent / "shared" / "jira"
FOLDER = Path(os.environ.get("DEJABUG_TEST_OPENAPI", USUAL_FOLDER))
# Jira's own, but not in the files: webhooks for administrators, and what only the stand-in has.
OUTSIDE = ("/rest/webhooks/", "/rest/jira-webhook/", "/rest/standin/")
# What removed endpoints answer.
GONE = 410

Entry = dict[str, Any]
_seen: set[tuple[Any, ...]] = set()


@dataclass
class StandIns:
    """How many stand-ins of Jira Cloud this process closed."""

    checked: int = 0
    unchecked: int = 0


stand_ins = StandIns()


def lacking() -> str:
    """Which of the files are not here, and where to put them; empty when both are."""
    names = [f"openapi-v{version}.json" for version in (2, 3)]
    absent = [name for name in names if not (FOLDER / name).exists()]
    if not absent:
        return ""
    put = f"put {' and '.join(absent)} into {FOLDER}"
    return f"{put}, or name another folder in DEJABUG_TEST_OPENAPI"


# For tests that are nothing without the files.
needs_files = pytest.mark.skipif(
    bool(lacking()), reason=f"needs Atlassian's OpenAPI files: {lacking()}"
)


def check_stand_in(entries: Iterable[Entry]) -> None:
    """Check all that a stand-in was asked, where the files are here; raises AssertionError."""
    if lacking():
        stand_ins.unchecked += 1
    else:
        stand_ins.checked += 1
        check(entries)


def check(entries: Iterable[Entry]) -> int:
    """Check requests and answers as the stand-in logged them; raises AssertionError. How many
    were new: one of a shape that was seen before is not looked at again."""
    fresh = 0
    for entry in entries:
        if entry["path"].startswith(OUTSIDE) or entry["status"] == GONE:
            continue
        shape = _shape(entry)
        if shape not in _seen:
            _check_one(entry)
            _seen.add(shape)
            fresh += 1
    return fresh


def operation(entry: Entry) -> tuple[str, dict[str, Any]]:
    """The documented operation that a request is."""
    paths = _openapi(entry["path"])["paths"]
    for path, methods in paths.items():
        pattern = re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(path))
        if re.fullmatch(pattern, entry["path"]) and entry["method"].lower() in methods:
            # A literal path goes before one with a placeholder.
            if "{" in path and entry["path"] in paths:
                continue
            return path, methods[entry["method"].lower()]
    raise AssertionError(f"Jira has no {entry['method']} {entry['path']}")


def _check_one(entry: Entry) -> None:
    path, found = operation(entry)
    what = f"{entry['method']} {path}"
    assert not found.get("deprecated"), f"{what} is deprecated"
    known = {each["name"] for each in found.get("parameters", ()) if each.get("in") == "query"}
    assert set(entry["query"]) <= known, f"{what} has no parameters {entry['query']}"
    if entry["status"] >= 400:
        return
    if entry.get("body") is not None:
        schema = found["requestBody"]["content"]["application/json"]["schema"]
        _validate(entry, schema, entry["body"], f"the body of {what}")
    if "answer" in entry:
        status = str(entry["status"])
        assert status in found["responses"], f"{what} never answers {status}"
        content = found["responses"][status].get("content", {})
        schema = content.get("application/json", {}).get("schema")
        if schema is not None:
            _validate(entry, schema, entry["answer"], f"the answer to {what}")


def _validate(entry: Entry, schema: dict[str, Any], value: Any, what: str) -> None:
    whole = {**schema, "components": _openapi(entry["path"])["components"]}
    error = next(iter(jsonschema.Draft4Validator(whole).iter_errors(value)), None)
    assert error is None, f"{what}: {error.message if error else ''}"


@cache
def _load(version: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"openapi-v{version}.json").read_text("utf-8"))
    return found


def _openapi(path: str) -> dict[str, Any]:
    return _load(3 if path.startswith("/rest/api/3/") else 2)


def _shape(entry: Entry) -> tuple[Any, ...]:
    """What two requests have in common that need no second look."""
    return (
        entry["method"],
        entry["rule"],
        entry["status"],
        tuple(sorted(entry["query"])),
        json.dumps(_outline(entry.get("body")), sort_keys=True),
        json.dumps(_outline(entry.get("answer")), sort_keys=True),
    )


def _outline(value: Any) -> Any:
    """A JSON value's structure, with kinds in place of values; lists by their distinct members."""
    if isinstance(value, dict):
        return {name: _outline(each) for name, each in value.items()}
    if isinstance(value, list):
        return sorted({json.dumps(_outline(each), sort_keys=True) for each in value})
    return type(value).__name__
