"""The little JQL that the stand-in knows: bounded searches by project, key, id and date."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from dejabug.demo.jira_standin.store import Issue

CLAUSE = re.compile(
    r"""\s*(?P<field>\w+)\s*(?P<operator>=|!=|>=|<=|>|<|\bnot\ in\b|\bin\b|\bis\ not\b|\bis\b)\s*
    (?P<value>\([^)]*\)|"[^"]*"|'[^']*'|[^\s()]+)\s*""",
    re.VERBOSE | re.IGNORECASE,
)
RELATIVE = re.compile(r"-(\d+)([mhdw])")
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class JqlError(Exception):
    """A search that Jira, or this stand-in of it, does not take."""


def search(jql: str, issues: Iterable[Issue]) -> list[Issue]:
    """The issues that a JQL finds, in its order. Raises JqlError, also for an unbounded one."""
    where, _, order = re.split(r"(\border\s+by\b)", jql + " order by ", flags=re.I, maxsplit=1)
    found = list(issues)
    if not where.strip():
        raise JqlError("Unbounded JQL queries are not allowed here.")
    for clause in _clauses(where.strip()):
        test = _test(clause)
        found = [issue for issue in found if test(issue)]
    order = re.sub(r"\border\s+by\s*$", "", order.strip(), flags=re.IGNORECASE)
    for part in reversed([part.split() for part in order.split(",") if part.split()]):
        reverse = len(part) > 1 and part[1].lower() == "desc"
        found.sort(key=_sort_key(part[0].lower()), reverse=reverse)
    return found


def _clauses(where: str) -> Iterator[str]:
    """The clauses joined by AND, those in parentheses of their own too."""
    depth, start = 0, 0
    for found in re.finditer(r"[()]|\s+and\s+", where, flags=re.IGNORECASE):
        if found[0] in "()":
            depth += 1 if found[0] == "(" else -1
        elif depth == 0:
            yield from _unwrapped(where[start : found.start()])
            start = found.end()
    yield from _unwrapped(where[start:])


def _unwrapped(clause: str) -> Iterator[str]:
    clause = clause.strip()
    if clause.startswith("(") and clause.endswith(")"):
        yield from _clauses(clause[1:-1])
    else:
        yield clause


def _test(clause: str) -> Callable[[Issue], bool]:
    parsed = CLAUSE.fullmatch(clause)
    if parsed is None:
        raise JqlError(f"Error in the JQL Query: this part is not understood: {clause!r}")
    name, operator = parsed["field"].lower(), re.sub(r"\s+", " ", parsed["operator"].lower())
    values = [part.strip().strip("\"'") for part in parsed["value"].strip("()").split(",")]
    if name == "attachments" and values[0].upper() == "EMPTY":
        wanted = operator == "is not"
        return lambda issue: bool(issue.attachments) == wanted
    if name in ("created", "updated") and operator in (">=", "<=", ">", "<"):
        moment = _moment(values[0])
        return lambda issue: _compare(_time(getattr(issue, name)), operator, moment)
    pick = _picker(name)
    folded = {value.casefold() for value in values}
    if operator in ("=", "in"):
        return lambda issue: bool(folded & pick(issue))
    if operator in ("!=", "not in"):
        return lambda issue: not folded & pick(issue)
    raise JqlError(f"The operator {operator!r} is not supported by the {name!r} field.")


def _picker(name: str) -> Callable[[Issue], set[str]]:
    pickers: dict[str, Callable[[Issue], list[str]]] = {
        "project": lambda issue: [issue.project],
        "key": lambda issue: [issue.key],
        "issuekey": lambda issue: [issue.key],
        "id": lambda issue: [issue.id, issue.key],
        "status": lambda issue: [issue.status],
        "component": lambda issue: issue.components,
    }
    if name not in pickers:
        raise JqlError(f"Field '{name}' does not exist or you do not have permission to view it.")
    return lambda issue: {value.casefold() for value in pickers[name](issue)}


def _sort_key(name: str) -> Callable[[Issue], Any]:
    if name in ("created", "updated"):
        return lambda issue: (getattr(issue, name), int(issue.id))
    if name in ("key", "issuekey", "id"):
        return lambda issue: (issue.project, int(issue.key.rpartition("-")[2]))
    raise JqlError(f"Not able to sort using field '{name}'.")


def _moment(value: str) -> datetime:
    relative = RELATIVE.fullmatch(value)
    if relative:
        return datetime.now(UTC) - timedelta(**{UNITS[relative[2]]: int(relative[1])})
    for pattern in ("%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y/%m/%d %H:%M", "%Y/%m/%d"):
        try:
            return datetime.strptime(value, pattern).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise JqlError(f"Date value '{value}' is invalid.")


def _time(value: str) -> datetime:
    return datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%f%z")


def _compare(left: datetime, operator: str, right: datetime) -> bool:
    if operator in (">=", ">"):
        return left > right or (operator == ">=" and left == right)
    return left < right or (operator == "<=" and left == right)
