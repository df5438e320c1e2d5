"""Change a package's code in one small way at a time, run its tests on each change, and report the
changes that no test noticed.

The exit status is 1 if a survivor has no reason in tools/mutants/survivors.toml, or if more than
one mutant in ten survives.
"""

from __future__ import annotations

import argparse
import sys
import time

from tools.mutants.packages import chosen
from tools.mutants.survivors import KNOWN, complaints, outdated, read_known
from tools.mutants.workplace import MutmutError, Workplace, jobs_by_default


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__)
    parser.add_argument("package", nargs="?", help="the package to mutate, or `all`")
    parser.add_argument(
        "--survivors", action="store_true", help="test only those that survived last time"
    )
    parser.add_argument(
        "--jobs", type=int, default=jobs_by_default(), help="how many mutants to test at a time"
    )
    asked = parser.parse_args()
    try:
        packages, known = chosen(asked.package), read_known()
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    told, bad = [], False
    for name, package in packages.items():
        started = time.monotonic()
        place = Workplace(name, package, again=asked.survivors)
        try:
            outcome = place.run(asked.jobs)
        except MutmutError as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
        told.append(f"{name}: {outcome}, in {time.monotonic() - started:.0f} s")
        for complaint in complaints(outcome, known):
            bad = True
            print(f"\n{complaint}", flush=True)
        for entry in outdated(known, outcome.survived, place.files):
            print(f"\nNo longer survives, remove it from {KNOWN}:\n{entry.entry()}", flush=True)
        print(f"\n{told[-1]}", flush=True)
    if len(told) > 1:
        print("\n" + "\n".join(told))
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
