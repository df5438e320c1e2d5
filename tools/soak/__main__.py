"""`make soak`: simulates a year of a studio in some minutes, and checks what is left.

Four seasons of webhooks, searches, panels, sign-ins, forgeries and refusals run against the real
parts (a web process, two workers, Redis; Jira is a stand-in). After each season, when everything is
idle, memory, open files, threads, keys, files and log lines are measured. At the end every ticket
is deleted. Then no key of a ticket may be left, no process may have grown with the number of
events, and no temporary file may be left.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import requests
from rich.console import Console
from rich.table import Table
from rq import Queue

from dejabug.demo.jira_standin.forge import APP_ID
from dejabug.demo.processes import Processes, Stop
from dejabug.index import text_of
from dejabug.infra.redis_server import RedisServer, free_port
from dejabug.ingest.reconcile import TURN
from dejabug.media import find_ffmpeg
from dejabug.records.issues import HIDDEN
from dejabug.services import Services
from dejabug.settings import Settings
from tools.chaos.verdict import wait_for_rest
from tools.soak.measure import Moment, end_what_ends, keys_of, look_at, registries_of
from tools.soak.traffic import PROJECTS, World, delete, season
from tools.soak.verdict import growing, left_over, restless, slope

TOKEN, SECRET = "soak", "soak-secret"
EVENTS, SEASONS = 10_000, 4
# Clips: their length in seconds, and how many there are. A known file is embedded once.
LENGTH, CLIPS = 1, 6
# Seconds to start, and to become idle after a season.
START, REST = 120.0, 300.0
OTHER = "other-encoder"
SERVICES = ("web", "clips", "default")
console = Console(width=130, soft_wrap=True, emoji=False)


def main() -> int:
    """Simulate a year; 0 when nothing of it stays."""
    parser = argparse.ArgumentParser(prog="python -m tools.soak", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS, help=f"default: {EVENTS:,}")
    parser.add_argument("--seasons", type=int, default=SEASONS, help=f"default: {SEASONS}")
    parser.add_argument("--seed", type=int, default=0, help="seed of all random choices")
    parser.add_argument("--keep", type=Path, help="keep logs and data in this folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing, Stop() as stop:
        folder = options.keep or Path(passing)
        with (
            RedisServer(folder / "redis", keep=True) as server,
            Processes(folder / "logs", stop) as parts,
        ):
            year = Year(folder, server, parts, random.Random(options.seed))
            return year.live(options.events, options.seasons)


class Year:
    """The running parts, and their measurements."""

    def __init__(
        self, folder: Path, server: RedisServer, parts: Processes, chance: random.Random
    ) -> None:
        jira, service = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self._folder, self._parts = folder, parts
        self._scratch = folder / "scratch"
        self._scratch.mkdir(parents=True)
        environment = {
            "DEJABUG_REDIS_URL": server.url,
            "DEJABUG_ENCODER": "starter",
            "DEJABUG_DATA_DIR": str(folder / "data"),
            "DEJABUG_JIRA_URL": jira,
            "DEJABUG_JIRA_TOKEN": f"{TOKEN}-bot",
            "DEJABUG_WEBHOOK_SECRET": SECRET,
            "DEJABUG_LOG_FORMAT": "json",
            "DEJABUG_MEDIA_SECRET": "a secret for media addresses, long",
            "DEJABUG_API_REQUESTS_PER_MINUTE": "100000",
            "DEJABUG_COMMENT_THRESHOLD": "0.5",
            "DEJABUG_PUBLIC_URL": service,
            "DEJABUG_FORGE_APP_ID": APP_ID,
            "DEJABUG_FORGE_API_URL": jira,
            "DEJABUG_FORGE_JWKS_URL": f"{jira}/.well-known/jwks.json",
            "DEJABUG_SLACK_SIGNING_SECRET": "soak-slack",
            "DEJABUG_SLACK_BOT_TOKEN": "xoxb-soak",
            "TMPDIR": str(self._scratch),
        }
        os.environ.update(environment)
        port = jira.rpartition(":")[2]
        standin = [
            "dejabug.demo.jira_standin",
            "--tickets=none",
            "--data",
            f"{folder}/jira",
            "--port",
            port,
        ]
        parts.start("jira", [*standin, "--remote", service], {"STANDIN_TOKEN": TOKEN})
        parts.start("web", ["dejabug", "serve", "--port", service.rpartition(":")[2]], {})
        parts.start("clips", ["dejabug", "worker", "search", "clips"], {})
        parts.start("default", ["dejabug", "worker", "default", "previews"], {})
        self.services = Services(Settings())
        self._redis_pid = int(self.services.redis.info("server")["process_id"])
        parts.wait_for("web", lambda: self._is_up(service), START)
        parts.wait_for("clips", lambda: all(self.services.queues.workers().values()), START)
        api_token, _ = self.services.tokens.create("soak", ["YEAR", "SEQUEL"])
        clips = _make_clips(folder / "clips")
        self.world = World(jira, service, TOKEN, SECRET, api_token, clips, chance)
        self.moments: list[Moment] = []
        self.wrong: list[str] = []

    def _is_up(self, service: str) -> bool:
        try:
            return requests.get(f"{service}/healthz", timeout=START).ok
        except (requests.ConnectionError, requests.Timeout):
            return False

    def live(self, events: int, seasons: int) -> int:
        """Run all seasons and the end; returns the exit status."""
        started = time.monotonic()
        for number in range(seasons):
            season(self.world, events // seasons, number)
            self._keep_house(number)
            hidden = map(text_of, self.services.redis.zrange(HIDDEN, 0, -1))
            self._rest(f"season {number + 1}", self.world.known() | set(hidden))
        self._delete_all()
        self._rest("all deleted", set())
        self._tell(time.monotonic() - started)
        self.wrong += growing(self.moments[:seasons] or self.moments)
        for sentence in self.wrong[:40]:
            console.print(f"[red]✗[/] {sentence}")
        if self.wrong:
            noun = "error" if len(self.wrong) == 1 else "errors"
            console.print(f"[red]{len(self.wrong)} {noun}[/]")
            return 1
        console.print("[green]✓[/] nothing grows with the number of events, and nothing is left")
        return 0

    def _delete_all(self) -> None:
        """Delete every ticket. The last one of each project goes when the others are forgotten: a
        project that shows no issues at all looks like a lost permission."""
        last = [self.world.file_words(project) for project in PROJECTS]
        for ticket in last:
            self.world.send("jira:issue_created", ticket)
        for issue_id in self.world.tickets.keys() - {ticket.id for ticket in last}:
            delete(self.world, issue_id)
        # The first round finds what was deleted without a webhook; what is hidden from us is
        # forgotten a year later, in the second.
        for _ in range(2):
            self._await_rest("deleting")
            for issue_id in self.services.redis.zrange(HIDDEN, 0, -1):
                self.services.redis.zadd(HIDDEN, {issue_id: 1})
            self._reconcile()
        self._await_rest("deleting")
        for ticket in last:
            delete(self.world, ticket.id)

    def _keep_house(self, number: int) -> None:
        """Occasional events: Jira fails briefly, footage is purged, another encoder is tried and
        cancelled, a foreign job is in Redis, and a reconcile finds missed webhooks."""
        services = self.services
        headers = {"Authorization": f"Bearer {TOKEN}-admin"}
        fault = {"path": "/rest/api/", "status": 400, "count": 3}
        self.world.ask_jira("POST", "/rest/standin/faults", json=fault, headers=headers)
        for ticket in list(self.world.tickets.values())[:3]:
            self.world.send("jira:issue_updated", ticket, changelog={"id": "1", "items": []})
        Queue("default", connection=services.redis).enqueue("os.getpid")
        old = services.footage_purge.find_old(time.time() - 1, {"SEQUEL"})
        for _ in services.footage_purge.purge(old, "clips"):
            pass
        services.collections.note_encoder(OTHER, 8, "an encoder that nobody has")
        services.collections.active_encoder.prepare(OTHER)
        services.scheduler.index_waiting(services.collections.get(OTHER))
        for ticket in list(self.world.tickets.values())[:5]:
            self.world.send("jira:issue_updated", ticket, changelog={"id": str(number)})
        wait_for_rest_of_default(services)
        services.encoder_change.forget(OTHER)
        self._reconcile()

    def _reconcile(self) -> None:
        """A whole round, after one that a worker may be running."""
        self.services.redis.delete(TURN)
        until, busy = time.monotonic() + REST, True
        while busy and time.monotonic() < until:
            for report in self.services.reconciler.run(whole=True):
                busy = report.busy
            time.sleep(0.2 * busy)

    def _await_rest(self, what: str) -> None:
        """Wait until nothing is in progress."""
        if stuck := wait_for_rest(self.services, REST):
            self.wrong.append(f"{what}: not idle after {REST:.0f} s: {stuck}")

    def _rest(self, what: str, known: set[str]) -> None:
        """Wait until nothing is in progress, measure, and check what is left."""
        self._await_rest(what)
        lasting, passing, names = keys_of(self.services.redis)
        end_what_ends(self.services.redis)
        moment = Moment(
            what,
            self.world.events,
            look_at({**self._parts.pids(SERVICES), "redis": self._redis_pid}),
            int(self.services.redis.info("memory")["used_memory"]),
            lasting,
            passing,
            registries_of(self.services.redis),
            sum(1 for path in (self._folder / "data").rglob("*") if path.is_file()),
            self._passing_files(),
            sum((self._folder / "logs" / f"{name}.log").stat().st_size for name in SERVICES),
        )
        self.moments.append(moment)
        found = [*left_over(names, known), *restless(moment)]
        if not known and moment.files:
            found.append(f"{moment.files} files are in the data folder, although no ticket is left")
        self.wrong += [f"{what}: {sentence}" for sentence in found]
        console.print(
            f"{what}: {self.world.events:,} events, {sum(lasting.values()):,} keys without a TTL"
        )

    def _passing_files(self) -> Sequence[str]:
        """Files in temporary folders; torch keeps an empty one there."""
        data = self._folder / "data"
        found = [*data.rglob("*.new"), *data.rglob(".unfinished-*"), *data.glob("uploads/*")]
        found += [each for each in self._scratch.iterdir() if "torchinductor" not in each.name]
        return [each.name for each in found]

    def _tell(self, seconds: float) -> None:
        """Print the tables."""
        first, last = self.moments[0], self.moments[-1]
        table = Table("", *(moment.what for moment in self.moments), "per 1,000 events")
        for name in last.processes:
            for what, unit in (("memory", 1e6), ("descriptors", 1), ("threads", 1)):
                row = [getattr(each.processes[name], what) / unit for each in self.moments]
                rise = 1000 * slope(self.moments, name, what) / unit
                title = f"{name}: {what}{' (MB)' if unit > 1 else ''}"
                table.add_row(title, *(f"{value:,.0f}" for value in row), f"{rise:+.2f}")
        rows = (
            ("Redis: used (MB)", [each.redis_bytes / 1e6 for each in self.moments]),
            ("keys without a TTL", [sum(each.lasting.values()) for each in self.moments]),
            ("keys with a TTL", [sum(each.passing.values()) for each in self.moments]),
            ("jobs that failed", [each.registries["failed"] for each in self.moments]),
            ("files in the data folder", [each.files for each in self.moments]),
            ("log (MB)", [each.log_bytes / 1e6 for each in self.moments]),
        )
        for title, values in rows:
            table.add_row(title, *(f"{value:,.1f}".removesuffix(".0") for value in values), "")
        console.print(table)
        kinds = Table("keys by kind", *(moment.what for moment in self.moments), "TTL")
        for of, ttl in (("lasting", "none"), ("passing", "some")):
            counts = [getattr(moment, of) for moment in self.moments]
            for kind in sorted({kind for count in counts for kind in count}):
                kinds.add_row(kind, *(f"{count[kind]:,}" for count in counts), ttl)
        console.print(kinds)
        each = (last.log_bytes - first.log_bytes) / max(1, last.events - first.events)
        console.print(
            f"{last.events:,} events in {seconds:.0f} s, {each:.0f} bytes of log per event"
        )
        console.print(f"answers: {dict(sorted(self.world.answers.items()))}")


def wait_for_rest_of_default(services: Services, seconds: float = 60) -> None:
    """Wait until the queue `default` is empty."""
    deadline = time.monotonic() + seconds
    while services.queues.get("default").count and time.monotonic() < deadline:
        time.sleep(0.2)


def _make_clips(folder: Path) -> list[Path]:
    """Small clips, no two the same."""
    folder.mkdir()
    made = []
    for number in range(CLIPS):
        path = folder / f"{number}.mp4"
        source = f"testsrc2=size=96x64:rate=5:duration={LENGTH},hue=h={60 * number}"
        command = [find_ffmpeg(), "-v", "error", "-f", "lavfi", "-i", source]
        subprocess.run([*command, "-pix_fmt", "yuv420p", str(path)], check=True)
        made.append(path)
    return made


if __name__ == "__main__":
    sys.exit(main())
