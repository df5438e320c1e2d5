"""Every request of the tests against Atlassian's OpenAPI files: is it one that Jira documents?

The files are Atlassian's and not part of this repository: put them at ../shared/jira/, or name
another folder in DEJABUG_TEST_OPENAPI. Without them nothing is checked.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

FOLDER = Path(os.environ.get("DEJABUG_TEST_OPENAPI", "../shared/jira"))
# Jira's own, but not in the files: webhooks for administrators, and what only the stand-in has.
OUTSIDE = ("/rest/webhooks/", "/rest/jira-webhook/", "/rest/standin/")
# What removed endpoints answer.
GONE = 410

Entry = dict[str, Any]
_seen: set[tuple[Any, ...]] = set()


def present() -> bool:
    """Whether the files are here."""
    return all((FOLDER / f"openapi-v{version}.json").exists() for version in (2, 3))


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
