"""The pins in deploy/pins/, from which the images are built."""

from __future__ import annotations

import re
import tomllib
from functools import cache

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support.repository import ROOT


@cache
def pins(layer: str) -> dict[str, str]:
    """Names and versions of a file of deploy/pins/, each with its hashes."""
    text = (ROOT / "deploy" / "pins" / f"{layer}.txt").read_text("utf-8")
    blocks = [b for b in re.split(r"^(?=[\w])", text, flags=re.MULTILINE) if "==" in b]
    for block in blocks:
        assert "--hash=sha256:" in block, block
    return dict(block.split()[0].split("==") for block in blocks)


def test_all_that_the_package_needs_is_pinned_for_the_images() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for text in [*project["dependencies"], *project["optional-dependencies"]["s3"]]:
        wanted = Requirement(text)
        name = canonicalize_name(wanted.name)
        layer = {"torch": "cuda", "transformers": "worker"}.get(name, "web")
        assert pins(layer).get(name) in wanted.specifier, f"{text}: call make pins"


def test_the_web_image_has_no_torch_and_the_workers_have_one_version() -> None:
    assert not {"torch", "transformers", "triton"} & set(pins("web"))
    assert pins("cpu")["torch"].removesuffix("+cpu") == pins("cuda")["torch"]
    layers = ("web", "worker", "cpu")
    names = [name for layer in layers for name in pins(layer)]
    assert len(names) == len(set(names))


def test_only_torch_s_cpu_build_comes_from_elsewhere_than_pypi() -> None:
    for path in (ROOT / "deploy" / "pins").glob("*.txt"):
        addresses = re.findall(r"https?://\S+", path.read_text("utf-8"))
        assert addresses == (["https://download.pytorch.org/whl/cpu"] if path.stem == "cpu" else [])
