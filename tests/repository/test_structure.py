"""The structure of the code, as docs/decisions/028 defines it."""

from __future__ import annotations

import ast
from pathlib import Path

from support.repository import ROOT

PACKAGE = ROOT / "service" / "dejabug"
# What a feature may take, settings and single values of them not counted.
MOST_PARTS = 6
MOST_LINES = 400
MOST_AT_TOP = 22


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def test_the_package_is_small_at_its_top() -> None:
    top = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py"}
    top |= {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert len(top - {"__init__", "__main__"}) <= MOST_AT_TOP


def test_no_module_is_too_long_to_read() -> None:
    """services.py is a list: it has a paragraph for each part."""
    long = {
        str(path.relative_to(PACKAGE)): count
        for path in modules()
        if (count := len(path.read_text("utf-8").splitlines())) > MOST_LINES
    }
    assert set(long) <= {"services.py"}, long


def test_a_feature_takes_six_parts_at_most() -> None:
    tree = ast.parse((PACKAGE / "services.py").read_text("utf-8"))
    many = {}
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        parts = [
            each
            for each in (*call.args, *(keyword.value for keyword in call.keywords))
            if "settings" not in ast.unparse(each)
        ]
        if len(parts) > MOST_PARTS:
            many[ast.unparse(call.func)] = len(parts)
    assert not many


def test_only_services_and_entry_points_know_services() -> None:
    """import-linter holds the layers; this names who may pass all of Services on."""
    may = {"cli", "web", "slack", "worker", "demo", "evaluation"}
    others = {
        str(path.relative_to(PACKAGE))
        for path in modules()
        if path.relative_to(PACKAGE).parts[0] not in may
        and "dejabug.services" in path.read_text("utf-8")
    }
    assert not others


def test_every_module_says_what_it_is_for() -> None:
    silent = [str(path) for path in modules() if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == [path for path in silent if path.endswith("__init__.py")]
