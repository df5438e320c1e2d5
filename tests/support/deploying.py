"""The files in deploy/, read as the tools that run them read them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from dejabug.settings import Settings
from support.repository import ROOT

DEPLOY = ROOT / "deploy"
DOCKERFILE = ROOT / "Dockerfile"
SETTINGS = {f"DEJABUG_{name.upper()}": field for name, field in Settings.model_fields.items()}


def tool(name: str) -> str:
    """A program that the developers' packages bring, or one on the PATH."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"there is no {name} here; its package has none for this machine")
    return found


def compose(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text("utf-8"))


@cache
def render(folder: Path) -> list[Any]:
    """What `kubectl kustomize` makes of a folder."""
    command = [tool("kubectl"), "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def overlay(name: str) -> list[Any]:
    """All resources of one of the overlays."""
    return render(DEPLOY / "kubernetes" / "overlays" / name)


def of_kind(cluster: list[Any], *kinds: str) -> dict[str, Any]:
    return {one["metadata"]["name"]: one for one in cluster if one["kind"] in kinds}


def pods(cluster: list[Any]) -> dict[str, Any]:
    """Pod templates by the name of what makes them."""
    makers = of_kind(cluster, "Deployment", "StatefulSet")
    return {name: maker["spec"]["template"] for name, maker in makers.items()}


def container(pod: Any) -> Any:
    (only,) = pod["spec"]["containers"]
    return only


def queues_of(command: list[str]) -> list[str]:
    """`dejabug worker clips` → clips."""
    return command[2:] if command[:2] == ["dejabug", "worker"] else []


@pytest.fixture(params=["cpu", "gpu", "s3", "index"])
def cluster(request: pytest.FixtureRequest) -> list[Any]:
    """All resources of an overlay."""
    return overlay(request.param)
