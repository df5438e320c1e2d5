"""A run reports how many stand-ins had their requests checked, and which tests it had to skip."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support import contract
from support.jira_site import Site
from support.repository import ROOT

# Two stand-ins in two tests, and a test that is nothing without the files.
SUITE = """
from support import contract

ASKED = {"method": "GET", "path": "/rest/api/2/a", "rule": "a", "status": 200, "query": {}}

def test_one():
    contract.check_stand_in([ASKED])

def test_two():
    contract.check_stand_in([ASKED])

@contract.needs_files
def test_three():
    contract.check([ASKED])
"""
DESCRIPTION = {"paths": {"/rest/api/2/a": {"get": {"responses": {}}}}, "components": {}}


def told(folder: Path, openapi: Path, processes: str) -> str:
    """What pytest says of the suite, run in so many processes beside it."""
    (folder / "test_suite.py").write_text(SUITE, "utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    plugins = ["--disable-plugin-autoload", "-p", "xdist.plugin", "-p", "support.contract_report"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-ra", *plugins, "-n", processes, str(folder)],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "tests"),
            "DEJABUG_TEST_OPENAPI": str(openapi),
            "COLUMNS": "400",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("processes", ["0", "2"])
def test_without_the_files_tests_are_skipped_and_stand_ins_counted_as_unchecked(
    processes: str, tmp_path: Path
) -> None:
    nowhere = tmp_path / "nowhere"
    shown = told(tmp_path, nowhere, processes)
    assert "2 passed, 1 skipped" in shown
    where = f"put openapi-v2.json and openapi-v3.json into {nowhere}, or name another folder"
    assert f"needs Atlassian's OpenAPI files: {where}" in shown
    unchecked = "OpenAPI files absent: requests of 2 stand-ins were not checked"
    assert f"{unchecked} against Atlassian's description ({where}" in shown


def test_with_the_files_stand_ins_are_counted_as_checked(tmp_path: Path) -> None:
    for version in (2, 3):
        (tmp_path / f"openapi-v{version}.json").write_text(json.dumps(DESCRIPTION), "utf-8")
    shown = told(tmp_path, tmp_path, "2")
    assert "3 passed" in shown
    assert "requests of 2 stand-ins were checked against Atlassian's OpenAPI files" in shown
    assert "absent" not in shown


def test_a_closed_stand_in_of_cloud_counts_and_one_of_data_center_does_not(
    tmp_path: Path,
) -> None:
    def closed() -> int:
        return contract.stand_ins.checked + contract.stand_ins.unchecked

    before = closed()
    for deployment, count in (("Server", 0), ("Cloud", 1)):
        Site(tmp_path / deployment, deployment).close()
        assert closed() == before + count
