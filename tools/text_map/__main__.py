"""`python -m tools.text_map fit | validate | clips FOLDER`: fit, tune and evaluate the maps."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from dejabug.encoders import starter_text
from dejabug.encoders.starter import StarterEncoder
from tools.text_map.fit import cross_validate, fit, gather
from tools.text_map.measure import compare

TARGET = Path(starter_text.__file__).with_name(starter_text.WEIGHTS)


def main() -> None:
    """Run one of the three commands."""
    parser = argparse.ArgumentParser(prog="python -m tools.text_map", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("fit", help=f"learn the maps and write {TARGET.name}")
    commands.add_parser("validate", help="cross-validate over held-out names, without any clip")
    clips = commands.add_parser("clips", help="use tickets' words as queries for a set's clips")
    clips.add_argument("folder", type=Path, help="folder with manifest.jsonl and the clips")
    options = parser.parse_args()
    console = Console(width=110)
    encoder = StarterEncoder()
    if options.command == "clips":
        console.print(compare(encoder, options.folder))
        return
    material = gather(encoder)
    if options.command == "fit":
        np.savez_compressed(TARGET, **fit(material))  # type: ignore[arg-type]
        console.print(f"{TARGET.name}: {TARGET.stat().st_size / 1000:.0f} kB")
        return
    table = Table("held-out names", "mRR image to name", "mRR name to image")
    for name, there, back in cross_validate(material):
        table.add_row(name, f"{there:.3f}", f"{back:.3f}")
    console.print(table)


if __name__ == "__main__":
    main()
