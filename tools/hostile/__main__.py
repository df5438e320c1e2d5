"""Make malicious files, read them, and report what happened."""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from dejabug import media
from tools.hostile.catalogue import SEED, hostile_files, write_canary
from tools.hostile.kinds import KINDS, Bait, Hostile
from tools.hostile.trap import Trap
from tools.hostile.trial import Trial, Verdict, slowest, try_files

MEBIBYTE = 2**20


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.hostile", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED, help="seed of the damaged files")
    parser.add_argument("--kind", choices=KINDS, help="only files of this kind")
    parser.add_argument("--keep", type=Path, help="keep the files in this folder")
    parser.add_argument(
        "--catalogue", action="store_true", help="only list the files and what each one tries"
    )
    parser.add_argument("--ffmpeg", help="the ffmpeg that reads them; default: the usual one")
    parser.add_argument("--seconds", type=float, default=5.0, help="time limit for each file")
    parser.add_argument("--mebibytes", type=int, default=640, help="memory limit for each file")
    parser.add_argument("--previews", action="store_true", help="also make a preview of each file")
    asked = parser.parse_args()
    limits = media.Limits(timeout_seconds=asked.seconds, memory_bytes=asked.mebibytes * MEBIBYTE)
    with tempfile.TemporaryDirectory(prefix="hostile-") as scratch, Trap() as trap:
        folder = asked.keep or Path(scratch) / "files"
        folder.mkdir(parents=True, exist_ok=True)
        writer = media.find_ffmpeg()
        canary = write_canary(Path(scratch) / "canary.ts", writer)
        files = [
            file
            for file in hostile_files(Bait(trap.address, canary), writer, asked.seed)
            if asked.kind in (None, file.kind)
        ]
        if asked.catalogue:
            for file in files:
                print(f"{file.kind:10} {file.name:40} {file.why}")
            return
        paths = [file.write(folder) for file in files]
        trial = Trial(limits, media.find_ffmpeg(asked.ffmpeg), asked.previews)
        print(report(files, try_files(paths, trial), trap))


def report(files: Sequence[Hostile], verdicts: Sequence[Verdict], trap: Trap) -> str:
    """The results, as a page in Markdown."""
    outcomes = Counter(verdict.outcome for verdict in verdicts)
    columns = [outcome for outcome, _ in outcomes.most_common()]
    lines = [f"| kind | files | {' | '.join(columns)} |", "|---" * (len(columns) + 2) + "|"]
    for kind in KINDS:
        told = [v.outcome for file, v in zip(files, verdicts, strict=True) if file.kind == kind]
        cells = [str(told.count(column) or "") for column in columns]
        lines.append(f"| {kind} | {len(told)} | {' | '.join(cells)} |")
    totals = [str(outcomes[column]) for column in columns]
    lines.append(f"| all | {len(verdicts)} | {' | '.join(totals)} |")
    lines += ["", "Slowest:"]
    lines += [f"- {v.name}: {v.seconds:.1f} s, {v.outcome}" for v in slowest(verdicts, 5)]
    lines += ["", "Largest:"]
    largest = sorted(verdicts, key=lambda verdict: -verdict.peak_bytes)[:5]
    lines += [f"- {v.name}: {v.peak_bytes // MEBIBYTE} MiB, {v.outcome}" for v in largest]
    bad = [v for v in verdicts if v.outcome == "broken" or v.canary or v.left]
    bad += [v for v in verdicts if v.preview.startswith(("broken", "the canary"))]
    lines += ["", f"Calls: {len(trap.visits)}. Broken, leaking or leaving something: {len(bad)}."]
    lines += [f"- {verdict}" for verdict in bad]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
