"""`make chaos`: kills everything again and again while Jira misbehaves and the disk fills up.

Webhooks arrive, duplicated and shuffled. Redis, the web service and the workers get SIGKILL. Jira
answers 429, 500, half a body, nothing, or does what it is asked without answering. Once it is calm
again, each clip must be in the index once, and each ticket must have at most one comment, the right
one. No job may be stuck, and no file left over. All parts are real, except Jira, a stand-in.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console

from dejabug.demo.processes import Processes, Stop
from dejabug.infra.redis_server import RedisServer, free_port
from dejabug.services import Services
from dejabug.settings import Settings
from tools.chaos.disk import fill_again_and_again, small_disk
from tools.chaos.gremlin import Gremlin
from tools.chaos.scene import Scene
from tools.chaos.storm import EVENTS, TWICE, Filed, Storm, comments_by_us, file_tickets
from tools.chaos.verdict import faults, wait_for_rest

TOKEN, SECRET = "chaos", "chaos-secret"
# Share of Jira's answers that fail.
SPOILED = 0.1
REST = 1200.0  # seconds
console = Console(width=120, soft_wrap=True)


def main() -> int:
    """Run the test; 0 when nothing was lost or duplicated."""
    parser = argparse.ArgumentParser(prog="python -m tools.chaos", description=__doc__)
    parser.add_argument("--webhooks", type=int, default=2000, help="how many (default: 2000)")
    parser.add_argument("--seconds", type=float, default=240, help="duration (default: 240)")
    parser.add_argument("--seed", type=int, default=0, help="seed of all random choices")
    parser.add_argument("--keep", type=Path, help="keep logs and data in this folder")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    count = max(2, round(options.webhooks / EVENTS / TWICE))
    with tempfile.TemporaryDirectory() as passing, Stop() as stop:
        folder = options.keep or Path(passing)
        with (
            small_disk(folder / "disk") as small,
            RedisServer(folder / "redis", keep=True) as server,
            Processes(folder / "logs", stop) as world,
        ):
            return _play(folder, small, server, world, count, options.seconds, chance)


def _play(
    folder: Path,
    small: bool,
    server: RedisServer,
    world: Processes,
    count: int,
    seconds: float,
    chance: random.Random,
) -> int:
    jira, service = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    port = jira.rpartition(":")[2]
    standin = [
        "dejabug.demo.jira_standin",
        "--tickets=none",
        "--data",
        f"{folder}/jira",
        "--port",
        port,
    ]
    world.start("jira", standin, {"STANDIN_TOKEN": TOKEN})
    tickets = _when_up(lambda: file_tickets(jira, TOKEN, count))
    gremlin = Gremlin(jira, SPOILED, chance.randrange(1 << 30))
    scratch = folder / "disk" / "scratch"
    scratch.mkdir()
    environment = {
        "DEJABUG_REDIS_URL": server.url,
        "DEJABUG_ENCODER": "starter",
        "DEJABUG_DATA_DIR": str(folder / "disk" / "data"),
        "DEJABUG_JIRA_URL": jira,
        "DEJABUG_JIRA_API_URL": gremlin.url,
        "DEJABUG_JIRA_TOKEN": f"{TOKEN}-bot",
        "DEJABUG_WEBHOOK_SECRET": SECRET,
        "DEJABUG_LOG_FORMAT": "json",
        "TMPDIR": str(scratch),
    }
    scene = Scene(
        server,
        {
            "web": ["dejabug", "serve", "--port", service.rpartition(":")[2]],
            "clips": ["dejabug", "worker", "search", "clips"],
            "default": ["dejabug", "worker", "default", "previews"],
        },
        folder / "logs",
        environment,
    )
    scene.start()
    os.environ.update({**environment, "DEJABUG_JIRA_API_URL": jira})
    services = Services(Settings())
    storm = Storm(tickets, service, SECRET, chance)
    console.print(
        f"{len(storm.bodies):,} webhooks about {count} tickets with a clip each"
        + ("" if small else "; the disk is not filled, since that needs root")
    )
    calm = threading.Event()
    started = time.monotonic()
    with ThreadPoolExecutor() as pool:
        raging = pool.submit(_rage, storm, seconds, calm)
        fill = random.Random(chance.random())
        filled = pool.submit(fill_again_and_again, folder / "disk", calm, fill) if small else None
        # On this thread: processes that it starts end with it.
        scene.torment(calm, random.Random(chance.random()))
        raging.result()
    console.print(
        f"chaos ran {time.monotonic() - started:.0f} s; killed {dict(scene.killed)}, "
        f"ended by themselves {dict(scene.ended)}; webhook answers {dict(storm.answers)}; "
        f"Jira answers that failed: {dict(gremlin.spoiled)} "
        f"of {gremlin.passed + gremlin.spoiled.total():,}"
        + (f"; the disk was full {filled.result()} times" if filled else "")
    )
    return _judge(services, scene, gremlin, tickets, jira, scratch)


def _rage(storm: Storm, seconds: float, calm: threading.Event) -> None:
    started = time.monotonic()
    try:
        storm.rage(seconds * 0.8)
        time.sleep(max(0.0, started + seconds - time.monotonic()))
    finally:
        calm.set()


def _judge(
    services: Services,
    scene: Scene,
    gremlin: Gremlin,
    tickets: list[Filed],
    jira: str,
    scratch: Path,
) -> int:
    started = time.monotonic()
    stuck = wait_for_rest(services, REST)
    console.print(f"idle after {time.monotonic() - started:.0f} s{stuck and f', except {stuck}'}")
    console.print(f"{_commented(jira, tickets)} of {len(tickets)} tickets have a comment")
    # A ticket's comment depends on what was known at the time: now all is, so update all of them.
    for project in services.collections.active.catalogue.projects():
        services.scheduler.correct_comments_in(project)
    stuck = stuck or wait_for_rest(services, REST)
    gremlin.share = 0.0
    scene.end()
    wrong = [f"not idle: {stuck}"] if stuck else []
    wrong += faults(services, tickets, jira, TOKEN, [scratch])
    console.print(
        f"{services.collections.active.index.state().frames:,} frames of {len(tickets)} clips; "
        f"{_commented(jira, tickets)} tickets have a comment, once all clips are known"
    )
    for sentence in wrong[:40]:
        console.print(f"[red]✗[/] {sentence}")
    if wrong:
        console.print(f"[red]{len(wrong)} {'error' if len(wrong) == 1 else 'errors'}[/]")
        return 1
    console.print("[green]✓[/] nothing lost, duplicated, stuck or left over")
    return 0


def _commented(jira: str, tickets: list[Filed]) -> int:
    return sum(bool(comments_by_us(jira, TOKEN, ticket)) for ticket in tickets)


def _when_up(act: Callable[[], list[Filed]]) -> list[Filed]:
    deadline = time.monotonic() + 30
    while True:
        try:
            return act()
        except OSError:  # requests' errors are OSErrors
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
