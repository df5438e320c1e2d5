"""`python -m tools.bench.signatures [FILES]`: how much memory clips' signatures take in Redis, and
how long reading them from files takes, without a model. Default FILES: the demo's clips."""

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

# Bytes of a frame's vector: the starter encoder's dimensions, two bytes each.
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
    table = Table("data", "bytes", "per clip (median)", "per second of clip")
    for name, sizes in {
        "signatures, uncompressed": raw,
        "signatures, compressed": [*map(len, packed)],
        "signatures, in Redis' memory": kept,
    }.items():
        total = sum(sizes)
        middle = round(statistics.median(sizes))
        table.add_row(name, f"{total:,}", f"{middle:,}", f"{total / seconds:,.0f}")
    vectors = frames * VECTOR
    table.add_row("the starter encoder's vectors", f"{vectors:,}", "", f"{vectors / seconds:,.0f}")
    console = Console(width=120)
    console.print(table)
    console.print(
        f"{len(files)} clips of {seconds:,.0f} s in total, {pictures:,} images, read one by one in "
        f"{sum(took):.1f} s: {len(files) / sum(took):.1f} clips a second.",
        highlight=False,
    )


def _in_redis(packed: list[bytes]) -> list[int]:
    """The memory of each as the field of a clip's hash: the difference that it makes."""
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
