"""`python -m tools.bench.signatures [FILES]`: what clips' signatures take in Redis, and how long it
takes to read them from files without a model. Without FILES: the demo's clips."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import redis
from rich.console import Console
from rich.table import Table

from dejabug import media
from dejabug.demo.studio import CLIPS
from dejabug.index.signatures import FIELD, pack
from dejabug.infra.redis_server import RedisServer
from dejabug.ingest.clip_indexer import SIGNATURE_ONLY, signature_of

# Bytes of a frame's vector: the starter encoder's numbers, two bytes each.
VECTOR = 1728 * 2


def main() -> None:
    """Sample the clips and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.signatures", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="clips (default: the demo's)")
    files = parser.parse_args().files or sorted(CLIPS.glob("*-[0-9][0-9].*"))
    raw, packed, took, seconds, pictures, frames = [], [], [], 0.0, 0, 0
    for file in files:
        began = time.monotonic()
        small = media.sample_frames(file, short_side=SIGNATURE_ONLY, drop_duplicates=False)
        took.append(time.monotonic() - began)
        signature = signature_of(small)
        raw.append(signature.times.nbytes + signature.pictures.nbytes)
        packed.append(pack(signature))
        pictures += len(signature.times)
        frames += len(media.sample_frames(file).times)
        seconds += small.duration
    kept = _in_redis(packed)
    table = Table("of", "bytes", "a clip (median)", "a second of clip")
    for name, sizes in {
        "signatures, as they are decoded": raw,
        "signatures, packed": [*map(len, packed)],
        "signatures, in Redis' memory": kept,
    }.items():
        total = sum(sizes)
        middle = round(statistics.median(sizes))
        table.add_row(name, f"{total:,}", f"{middle:,}", f"{total / seconds:,.0f}")
    vectors = frames * VECTOR
    table.add_row("the starter's vectors", f"{vectors:,}", "", f"{vectors / seconds:,.0f}")
    console = Console(width=120)
    console.print(table)
    console.print(
        f"{len(files)} clips of {seconds:,.0f} s, {pictures:,} pictures, read in {sum(took):.1f} s "
        f"one after another: {len(files) / sum(took):.1f} clips a second.",
        highlight=False,
    )


def _in_redis(packed: list[bytes]) -> list[int]:
    """What each takes as the field of a clip's hash, measured as the difference it makes."""
    sizes = []
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as server:
        store = redis.Redis.from_url(server.url)
        store.hset("clip", mapping={"count": 40, "mean": bytes(VECTOR * 2)})
        before = int(store.memory_usage("clip", samples=0) or 0)
        for each in packed:
            store.hset("clip", FIELD, each)
            sizes.append(int(store.memory_usage("clip", samples=0) or 0) - before)
    return sizes


if __name__ == "__main__":
    main()
