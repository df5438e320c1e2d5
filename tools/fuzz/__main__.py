"""Fuzz every target for some seconds each; report how often it ran and what was found.

The exit status is 1 if anything was found. Findings are in .state/fuzz/findings, one file each; run
one again with `--again FILE --target NAME`.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from dejabug import media
from tools.fuzz.decoder import fuzz_decoder
from tools.fuzz.targets import TARGETS
from tools.hostile.catalogue import hostile_files, write_canary
from tools.hostile.kinds import Bait
from tools.hostile.trap import Trap

STATE = Path(".state/fuzz")
FINDINGS = STATE / "findings"
DECODER = "decoder"
# Bytes of an input for our parsers, and of a file that inputs for the decoder are made from.
LONGEST_INPUT = 20_000
LARGEST_FILE = 200_000
SLOW = 5  # seconds that no input may exceed
RUNS = re.compile(r"^Done (\d+) runs", re.MULTILINE)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("--target", choices=[*TARGETS, DECODER], help="fuzz only this target")
    parser.add_argument("--seconds", type=int, default=60, help="seconds for each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ffmpeg", help="the ffmpeg that the decoder target uses")
    parser.add_argument("--again", type=Path, help="run a target once, on this file")
    asked = parser.parse_args()
    if asked.again:
        TARGETS[asked.target].run(asked.again.read_bytes())
        return 0
    if importlib.util.find_spec("atheris") is None and asked.target != DECODER:
        parser.error("Atheris is not installed; run it with: make fuzz")
    FINDINGS.mkdir(parents=True, exist_ok=True)
    found = 0
    for name in [asked.target] if asked.target else [*TARGETS, DECODER]:
        if name == DECODER:
            found += _decoder(asked.seconds, asked.seed, media.find_ffmpeg(asked.ffmpeg))
        else:
            found += _guided(name, asked.seconds, asked.seed)
    return 1 if found else 0


def _guided(name: str, seconds: int, seed: int) -> int:
    corpus = STATE / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(TARGETS[name].seeds):
        (corpus / f"seed-{number}").write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-m", "tools.fuzz.guided", name, str(corpus), f"-seed={seed}",
         f"-max_total_time={seconds}", f"-max_len={LONGEST_INPUT}", f"-timeout={SLOW}",
         f"-artifact_prefix={FINDINGS}/{name}-"],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )  # fmt: skip
    runs = RUNS.search(done.stderr)
    print(f"{name}: {runs[1] if runs else 'stopped'} runs, {_told(done)}", flush=True)
    return int(done.returncode != 0)


def _told(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode == 0:
        return "nothing found"
    # Atheris prints Python's exception on its standard output.
    return f"FOUND:\n{done.stdout[-3000:]}\n{done.stderr[-500:]}"


def _decoder(seconds: int, seed: int, program: str) -> int:
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder, Trap() as trap:
        writer = media.find_ffmpeg()
        canary = write_canary(Path(folder) / "canary.ts", writer)
        files = hostile_files(Bait(trap.address, canary), writer)
        corpus = [file.content for file in files if 0 < len(file.content) < LARGEST_FILE]
        tally = fuzz_decoder(corpus, seconds, seed, program, FINDINGS)
        calls = len(trap.visits)
    ends = ", ".join(f"{outcome} {count}" for outcome, count in tally.outcomes.most_common())
    print(f"{DECODER}: {tally.read} files ({ends}), {calls} calls, "
          f"{len(tally.findings)} findings")  # fmt: skip
    for verdict in tally.findings:
        print(f"  {verdict}")
    return len(tally.findings) + calls


if __name__ == "__main__":
    sys.exit(main())
