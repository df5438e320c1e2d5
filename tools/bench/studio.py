"""A studio of 100,000 frames, made from the demo's clips, with all its processes running.

Each clip's frames are mixtures of two real clips' frames with some noise, and each ticket's words a
mixture of two real tickets': as similar to one another as in real footage, but no two the same.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import requests

from dejabug import media
from dejabug.demo.jira_standin.store import Attachment, Issue
from dejabug.demo.processes import Processes, Stop
from dejabug.demo.studio import CLIPS
from dejabug.encoders.starter import StarterEncoder
from dejabug.evaluation.manifest import Entry, read_manifest
from dejabug.index import FLAT_LIMIT, ClipLocation
from dejabug.infra.redis_server import RedisServer, free_port
from dejabug.ranking import Floats
from dejabug.records.types import ClipRecord, ClipStatus, IssueRecord
from dejabug.services import Services
from dejabug.settings import Settings

FRAMES_PER_CLIP = 12
PROJECT, GAME = "GAME", "Truck Town"
# Share of noise in a vector's squared length.
NOISE = 0.05
JIRA_TOKEN = "bench"  # noqa: S105 (of a server that lives as long as the benchmark)
WEBHOOK_SECRET = "bench"  # noqa: S105 (the same)
CREATED = "2026-01-12T09:00:00.000+0000"
START_TIMEOUT = 120.0
BUILD_TIMEOUT = 1800.0


@dataclass(frozen=True)
class Running:
    """The studio: the service's URL, a token for it, its parts, and the Redis with its vectors."""

    address: str
    token: str
    services: Services
    server: RedisServer


@contextmanager
def running(
    folder: Path, frames: int, *, algorithm: str, keep: bool = False, apart: bool = False
) -> Iterator[Running]:
    """Redis, a stand-in Jira, the web service and a worker on `search`, with this many frames.

    `keep`: Redis keeps them on disk, as in a studio. `apart`: vectors are in a separate Redis.
    """
    jira, port, clips = free_port(), free_port(), frames // FRAMES_PER_CLIP
    entries = read_manifest(CLIPS)
    tickets = [_ticket(number, entries) for number in range(clips)]
    _write_jira(folder / "jira", tickets)
    with (
        Stop() as stop,
        RedisServer(folder / "redis", keep=keep) as server,
        RedisServer(folder / "queues", keep=keep) if apart else nullcontext(server) as queues,
    ):
        environment = {
            "DEJABUG_REDIS_URL": queues.url,
            "DEJABUG_INDEX_REDIS_URL": server.url if apart else "",
            "DEJABUG_ENCODER": "starter",
            "DEJABUG_INDEX_ALGORITHM": algorithm,
            "DEJABUG_DATA_DIR": str(folder / "data"),
            "DEJABUG_JIRA_URL": f"http://127.0.0.1:{jira}",
            "DEJABUG_JIRA_TOKEN": f"{JIRA_TOKEN}-bot",
            "DEJABUG_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "DEJABUG_API_REQUESTS_PER_MINUTE": "1000000",
            "STANDIN_TOKEN": JIRA_TOKEN,
        }
        services = _services(environment)
        _fill(services, entries, tickets)
        secret, _ = services.tokens.create("bench", [PROJECT])
        with Processes(folder / "logs", stop) as processes:
            standin = ["dejabug.demo.jira_standin", "--tickets=none", "--data", f"{folder}/jira"]
            processes.start("jira", [*standin, "--port", str(jira)], environment)
            processes.start("web", ["dejabug", "serve", "--port", str(port)], environment)
            processes.start("worker", ["dejabug", "worker", "search"], environment)
            address = f"http://127.0.0.1:{port}"
            here = Running(address, secret, services, server)
            processes.wait_for("worker", lambda: _answers(here), START_TIMEOUT)
            yield here


def _services(environment: dict[str, str]) -> Services:
    os.environ.update(environment)
    return Services(Settings())


def _answers(here: Running) -> bool:
    """Whether the service answers a query."""
    ask = {"q": "a truck", "limit": 1}
    header = {"Authorization": f"Bearer {here.token}"}
    try:
        return requests.get(f"{here.address}/api/v1/search", ask, headers=header, timeout=30).ok
    except (requests.ConnectionError, requests.Timeout):
        return False


def _ticket(number: int, entries: list[Entry]) -> Issue:
    entry = entries[number % len(entries)]
    issue = Issue(
        id=str(10001 + number),
        key=f"{PROJECT}-{number + 1}",
        project=PROJECT,
        summary=entry.summary or entry.file,
        description=entry.description,
        reporter="tester",
        created=CREATED,
        updated=CREATED,
        components=[GAME],
    )
    issue.attachments.append(
        Attachment(str(50001 + number), "clip.mp4", "video/mp4", 1, "tester", CREATED)
    )
    return issue


def _write_jira(folder: Path, tickets: list[Issue]) -> None:
    folder.mkdir(parents=True)
    counters = {"issue": 10000 + len(tickets), f"key:{PROJECT}": len(tickets)}
    state = {"issues": [asdict(ticket) for ticket in tickets], "hooks": {}, "counters": counters}
    (folder / "state.json").write_text(json.dumps(state), "utf-8")


def _fill(services: Services, entries: list[Entry], tickets: list[Issue]) -> None:
    """Write every ticket, its words and its clip, as a worker would, and wait for the index."""
    encoder = StarterEncoder()
    services.collections.adopt(encoder)
    seen = [_seen(encoder, CLIPS / entry.file) for entry in entries]
    said = encoder.embed_texts([f"{entry.summary}. {entry.description}" for entry in entries])
    rng = np.random.default_rng(0)
    times = np.arange(FRAMES_PER_CLIP, dtype=np.float32) / 2
    for ticket in tickets:
        issue, clip = ticket.id, ticket.attachments[0].id
        first, second = rng.choice(len(entries), 2, replace=False)
        vector = _mixture(said[[first]], said[[second]], rng)[0]
        words = f"{entries[first].summary}. {entries[second].description}"
        vectors = _mixture(seen[first], seen[second], rng)
        services.collections.active.catalogue.put_issue(
            IssueRecord(issue, ticket.key, PROJECT, GAME)
        )
        services.collections.active.catalogue.put_clip(
            ClipRecord(
                clip, issue, "clip.mp4", 1, ClipStatus.INDEXED, frames=len(times), duration=6.0
            )
        )
        services.collections.active.tickets.write(issue, PROJECT, vector, words)
        services.collections.active.index.write_clip(
            clip, ClipLocation(issue, PROJECT, GAME), times, vectors
        )
    deadline = time.monotonic() + BUILD_TIMEOUT
    while not _settled(services):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the index was not built within {BUILD_TIMEOUT:.0f} s")
        time.sleep(0.5)


def _settled(services: Services) -> bool:
    """Whether the index is complete, and of the kind that its size requires; takes a step towards
    it."""
    swapped = services.collections.active.index.growth.grow()
    state = services.collections.active.index.state()
    small = services.settings.index_algorithm != "auto" or state.frames <= FLAT_LIMIT
    return state.ready and (small or swapped or state.algorithm == "HNSW")


def _seen(encoder: StarterEncoder, clip: Path) -> Floats:
    """Vectors [12, d] of frames spread over a clip."""
    sampled = media.sample_frames(clip, rate=2.0, max_frames=120, short_side=encoder.image_size)
    chosen = np.linspace(0, len(sampled.times) - 1, FRAMES_PER_CLIP).round().astype(int)
    vectors: Floats = encoder.embed_images(sampled.pixels)[chosen]
    return vectors


def _mixture(first: Floats, second: Floats, rng: np.random.Generator) -> Floats:
    share = rng.uniform(0.2, 0.8)
    mixed = share * first + (1 - share) * second
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    noise = rng.standard_normal(mixed.shape).astype(np.float32)
    noise *= (mixed != 0) / np.linalg.norm(noise, axis=1, keepdims=True)
    found = np.sqrt(1 - NOISE) * mixed + np.sqrt(NOISE) * noise
    unit: Floats = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
    return unit
