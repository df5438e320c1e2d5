"""The tests that `make test` leaves out, and whether what they depend on has changed.

    python -m tools.slow_tests                run all of them; record what they passed with
    python -m tools.slow_tests --if-changed   only those whose files have changed since they passed

Tests with the mark `slow` are left out. This module lists, by test file, what they depend on. When
a file's slow tests pass, the digest of those files is written to tests/slow-passed.json, which is
tracked: a clean clone knows what was tested. A test file with the mark that is not listed here is
an error.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PASSED = ROOT / "tests" / "slow-passed.json"
SERVICE = "service/dejabug"
# Every slow test may depend on these.
COMMON = ("tests/conftest.py", "tests/support/remembering.py", "pyproject.toml")
# Test file, below tests/ → what its slow tests depend on in addition to itself: files, or folders
# with everything in them.
DEPENDS = {
    "integration/media/test_hostile.py": (f"{SERVICE}/media", "tools/hostile"),
    "integration/media/test_recorders.py": (
        f"{SERVICE}/media",
        *(
            f"tests/support/{name}.py"
            for name in ("ffmpegs", "numbered_pictures", "recorder_codecs", "recorder_files",
                         "recorders", "recorders_desktop", "recorders_devices", "recordings")
        ),
    ),
    "integration/evaluation/test_evaluation.py": (
        f"{SERVICE}/media", f"{SERVICE}/encoders", f"{SERVICE}/ranking", f"{SERVICE}/evaluation",
        f"{SERVICE}/index", f"{SERVICE}/retrieval/retriever.py",
        f"{SERVICE}/records/learned_parameters.py", f"{SERVICE}/ingest/clip_indexer.py",
        f"{SERVICE}/settings.py", f"{SERVICE}/demo/clips", "tests/support/demo_clips.py",
    ),
    "integration/search/test_search_words.py": (
        f"{SERVICE}/media", f"{SERVICE}/encoders", f"{SERVICE}/ranking", f"{SERVICE}/index",
        f"{SERVICE}/search/answerer.py", f"{SERVICE}/retrieval/retriever.py",
        f"{SERVICE}/retrieval/neighbourhood.py", f"{SERVICE}/ingest/clip_indexer.py",
        f"{SERVICE}/settings.py", f"{SERVICE}/evaluation/corpus.py", f"{SERVICE}/demo/clips",
        "tests/support/demo_clips.py",
    ),
    "stories/test_soak.py": (SERVICE, "tools/soak", "tools/chaos"),
    "deploy/test_image.py": (
        SERVICE, "Dockerfile", ".dockerignore", "deploy", "tests/support/deploying.py",
        "tests/support/dockerfile.py",
    ),
}  # fmt: skip


def digest(name: str) -> str:
    """SHA-256 of the names and contents of what a test file's slow tests depend on."""
    wanted = [f"tests/{name}", *COMMON, *DEPENDS[name]]
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *wanted],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.split(b"\0")
    found = hashlib.sha256()
    for path in sorted(path for path in listed if path and (ROOT / path.decode()).is_file()):
        content = (ROOT / path.decode()).read_bytes()
        found.update(path + b"\0" + hashlib.sha256(content).digest())
    return found.hexdigest()


def passed() -> dict[str, str]:
    """Test file → the digest with which its slow tests last passed."""
    found: dict[str, str] = json.loads(PASSED.read_text("utf-8")) if PASSED.exists() else {}
    return found


def changed() -> list[str]:
    """The test files whose slow tests have not passed with the current files."""
    before = passed()
    return [name for name in DEPENDS if before.get(name) != digest(name)]


def run(names: list[str]) -> int:
    """Run these files' slow tests and record those that passed; returns the worst exit status."""
    worst = 0
    for name in names:
        print(f"Slow tests of {name}", flush=True)
        tried = digest(name)
        command = [sys.executable, "-m", "pytest", "-q", "-m", "slow", f"tests/{name}"]
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        worst = max(worst, status)
        if status == 0:
            noted = {**passed(), name: tried}
            PASSED.write_text(json.dumps(dict(sorted(noted.items())), indent=2) + "\n", "utf-8")
    return worst


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.slow_tests",
        description="Run the tests that `make test` leaves out, and record what they passed with.",
    )
    parser.add_argument(
        "--if-changed", action="store_true", help="only tests whose dependencies have changed"
    )
    names = changed() if parser.parse_args().if_changed else list(DEPENDS)
    if not names:
        print("The slow tests have passed with the current files: nothing to run")
        return 0
    status = run(names)
    if status == 0:
        print(f"All passed. Commit {PASSED.relative_to(ROOT)}, which records it")
    return status


if __name__ == "__main__":
    sys.exit(main())
