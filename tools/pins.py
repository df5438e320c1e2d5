"""Pin everything that the images install, with hashes: `make pins` writes `deploy/pins/`.

Dependencies are declared only in pyproject.toml. Here they are resolved once for all images, in
layers that the images share: what the web process needs, what the workers need in addition, and
torch's CUDA build with the libraries that only it needs. The CPU build of torch is not on PyPI, see
CPU below.
"""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

from uv import find_uv_bin

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "deploy" / "pins"
PYTHON = "3.11"  # that of the images' base
# The web process never loads a model.
MODELS = {"torch", "transformers"}
# What only the CUDA build of torch needs: NVIDIA's libraries, and a compiler for its kernels.
CUDA = re.compile(r"torch|triton|nvidia-.+|cuda-.+")
NOTE = "# Made by `make pins` from pyproject.toml: change that, then run `make pins` again.\n"
# torch's CPU builds are on PyTorch's own index. For another version, take the hashes of its wheels
# for this Python from that index's page. Both hashes here match several public lock files, and the
# first one was also computed from a wheel.
CPU = """\
# torch without CUDA, from PyTorch's own index. Updated by hand: see tools/pins.py.
--index-url https://download.pytorch.org/whl/cpu
torch==2.13.0+cpu \\
    --hash=sha256:6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b \\
    --hash=sha256:84453b69508ec79902f899c5ed9495acb9e2bbe9fda5f1d5d6f19e3c3842e1a7
"""


def main() -> None:
    """Resolve again, and write all files. Needs PyPI."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["s3"],
    ]
    web = resolve([text for text in wanted if name(text) not in MODELS])
    torch = re.search(r"^torch==([\d.]+)", CPU, re.MULTILINE)
    assert torch is not None
    # The same torch with and without CUDA; what the web process has, in the same versions.
    every = resolve([*wanted, f"torch=={torch[1]}", *map(pin, web.values())])
    beside = {key: block for key, block in every.items() if key not in web}
    write("web", web)
    write("worker", {key: block for key, block in beside.items() if not CUDA.fullmatch(key)})
    write("cuda", {key: block for key, block in beside.items() if CUDA.fullmatch(key)})
    write("build", resolve(project["build-system"]["requires"]))
    (FOLDER / "cpu.txt").write_text(CPU, "utf-8")


def name(requirement: str) -> str:
    """The package's name in a requirement, normalised: `pyjwt[crypto]>=2` is `pyjwt`."""
    return re.split(r"[^\w.-]", requirement)[0].lower()


def pin(block: str) -> str:
    """`name==version` of a resolved block."""
    return block.split(" ")[0]


def resolve(requirements: list[str]) -> dict[str, str]:
    """Requirements and all that they need: each line with version and hashes, by package name."""
    answer = subprocess.run(
        [
            *(find_uv_bin(), "pip", "compile", "-", "--generate-hashes", "--quiet", "--no-config"),
            *("--python-version", PYTHON, "--python-platform", "linux"),
            *("--no-header", "--no-annotate", "--no-emit-index-url"),
        ],
        input="\n".join(requirements),
        text=True,
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    blocks = re.split(r"^(?=\w)", answer, flags=re.MULTILINE)
    return {name(block): block for block in blocks if block.strip()}


def write(layer: str, blocks: dict[str, str]) -> None:
    """Write one of the files, sorted by name."""
    (FOLDER / f"{layer}.txt").write_text(NOTE + "".join(blocks[key] for key in sorted(blocks)))


if __name__ == "__main__":
    main()
