"""The real parts that tests stand on: Redis with search, ffmpeg, the starter encoder, a Jira."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from socketserver import BaseServer
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import redis
import requests
import structlog
from flask import Flask
from werkzeug.serving import BaseWSGIServer, make_server

from dejabug import media
from dejabug import rooms as rooms_module
from dejabug.demo.jira_standin.admin import requests_to
from dejabug.demo.jira_standin.app import create_app as create_jira
from dejabug.demo.jira_standin.app import fill
from dejabug.demo.jira_standin.store import User
from dejabug.demo.studio import CLIPS
from dejabug.media import find_ffmpeg
from dejabug.redis_server import RedisServer
from dejabug.rooms import Rooms
from dejabug.settings import get_settings
from support import contract, forks
from support.forks import Fork
from support.object_store import S3, Bucket
from support.patience import PATIENCE, be_patient
from support.recorders import RECORDINGS
from support.recordings import build
from support.remembering import FOLDER, Memory, Remembering, remember_frames

if TYPE_CHECKING:
    from dejabug.encoders.starter import StarterEncoder

# How long something takes on a busy machine is no matter of tests.
hypothesis.settings.register_profile("dejabug", deadline=None)
hypothesis.settings.load_profile("dejabug")

# Says at the end whether the stand-ins' requests were checked.
pytest_plugins = ["support.contract_report", "support.ffmpegs"]

TOKEN = "test-token"
SECRET = "test-secret"


def pytest_configure(config: pytest.Config) -> None:
    """One memory for all processes of a run, which goes with the run; and patience."""
    be_patient()
    if not hasattr(config, "workerinput"):
        kept = tempfile.TemporaryDirectory(prefix="dejabug-tests-")
        config.add_cleanup(kept.cleanup)
        os.environ[FOLDER] = kept.name


@pytest.fixture(scope="session")
def memory() -> Memory:
    """What the run's processes share of frames and vectors."""
    return Memory(Path(os.environ[FOLDER]))


@pytest.fixture(scope="session", autouse=True)
def forks_end() -> Iterator[None]:
    """The fork server ends with the run; what it forked counts as this process's CPU time then."""
    yield
    forks.stop()


@pytest.fixture(autouse=True)
def logs_as_at_first() -> Iterator[None]:
    """What a command in this process configures for its log lasts for its test."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One real Redis with the search module for the whole run."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def store(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """An empty Redis."""
    with redis.Redis.from_url(redis_server.url, protocol=3) as connection:
        connection.flushall()
        yield connection


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """One S3 over HTTP for the whole run."""
    server = S3()
    yield server
    server.stop()


@pytest.fixture
def bucket(s3: S3, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """An empty bucket, which this process may reach."""
    made = s3.new_bucket()
    for name, value in made.server.environment.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture(scope="session")
def starter() -> StarterEncoder:
    """The starter encoder, loaded once: it takes seconds."""
    from dejabug.encoders.starter import StarterEncoder  # and so does importing it

    return StarterEncoder()


@pytest.fixture(scope="session")
def remembering(starter: StarterEncoder, memory: Memory) -> Remembering:
    """The starter encoder for tests of what becomes of its vectors: it embeds nothing twice."""
    return Remembering(starter, memory)


@pytest.fixture(scope="session")
def ffmpeg() -> Callable[..., Path]:
    """Run the real ffmpeg: `ffmpeg(path, *arguments)` writes `path` and returns it."""

    def run(path: Path, *arguments: str) -> Path:
        command = [find_ffmpeg(), "-v", "error", "-y", *arguments, str(path)]
        subprocess.run(command, check=True, capture_output=True)
        return path

    return run


@pytest.fixture(scope="session")
def recorded() -> Callable[[str], Path]:
    """A recorder's clip by its name (support/recorders.py), made once for all processes."""
    return lambda name: build(RECORDINGS[name], Path(os.environ[FOLDER]) / "recordings")


@pytest.fixture(scope="session")
def laborious(ffmpeg: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip that takes many seconds to decode: 30 seconds in full HD, 60 pictures in each; one is
    encoded, and repeated."""
    folder = tmp_path_factory.mktemp("laborious")
    source = ["-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=60:duration=1"]
    second = ffmpeg(folder / "second.mp4", *source, "-c:v", "libx264", "-preset", "ultrafast")
    return ffmpeg(folder / "a.mp4", "-stream_loop", "29", "-i", str(second), "-c", "copy")


@pytest.fixture(scope="session")
def session(ffmpeg: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of 40 minutes, in which nothing moves."""
    source = ["-f", "lavfi", "-i", "smptebars=size=64x48:rate=1:duration=2400"]
    path = tmp_path_factory.mktemp("session") / "a.mp4"
    return ffmpeg(path, *source, "-c:v", "libx264", "-preset", "ultrafast")


def serve_in_a_thread(server: BaseServer) -> None:
    """Serve until `shutdown`, which then waits for a moment and not for half a second."""
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    ).start()


# Stand-ins that nobody uses at the moment: their routes take longer to make than most tests take.
IDLE_SITES: list[Flask] = []


class Site:
    """The stand-in Jira, served over real HTTP, and hands to work in it."""

    def __init__(self, folder: Path, deployment: Any = "Cloud") -> None:
        users = [
            User("bot", "Déjà Bug", "bot@studio.example", f"{TOKEN}-bot"),
            User("tester", "Tess Tester", "tess@studio.example", f"{TOKEN}-tester"),
            User(
                "admin", "Ada Admin", "ada@studio.example", f"{TOKEN}-admin", ["Secret"], admin=True
            ),
        ]
        if IDLE_SITES:
            self.app = IDLE_SITES.pop()
            fill(self.app, folder, users, deployment)
        else:
            self.app = create_jira(folder, users, deployment)
        self._held: list[threading.Event] = []
        self._server: BaseWSGIServer = make_server("127.0.0.1", 0, self.app, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        serve_in_a_thread(self._server)

    def call(self, method: str, path: str, who: str = "tester", **options: Any) -> Any:
        """A request as one of the people; its JSON, or None."""
        headers = {"Authorization": f"Bearer {TOKEN}-{who}", **options.pop("headers", {})}
        answer = requests.request(method, self.url + path, headers=headers, timeout=20, **options)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def file(self, project: str, summary: str, *clips: Path, **fields: Any) -> str:
        """File a ticket with clips by REST; its key."""
        asked = {"project": {"key": project}, "summary": summary, **fields}
        key = str(self.call("POST", "/rest/api/2/issue", json={"fields": asked})["key"])
        for clip in clips:
            self.attach(key, clip)
        return key

    def attach(self, key: str, path: Path, name: str | None = None) -> str:
        """Attach a file; the attachment's id."""
        made = self.call(
            "POST",
            f"/rest/api/2/issue/{key}/attachments",
            files={"file": (name or path.name, path.read_bytes())},
            headers={"X-Atlassian-Token": "no-check"},
        )
        return str(made[0]["id"])

    def issue(self, key: str, who: str = "admin") -> Any:
        """An issue's JSON."""
        return self.call("GET", f"/rest/api/2/issue/{key}", who)

    def comments(self, key: str) -> list[Any]:
        """An issue's comments."""
        found: list[Any] = self.call("GET", f"/rest/api/2/issue/{key}/comment")["comments"]
        return found

    def log(self) -> Any:
        """Every request and delivery so far."""
        return self.call("GET", "/rest/standin/log", "admin")

    def fail(self, **fault: Any) -> None:
        """Order a fault."""
        self.call("POST", "/rest/standin/faults", "admin", json=fault)

    def hold(self, path: str) -> threading.Event:
        """Let the next request of this path wait until the event that is returned is set."""
        released, app = threading.Event(), self.app
        fault = {"path": path, "status": 0, "count": 1, "delay": 0, "headers": {}}
        with app.extensions["store"].lock:
            app.extensions["faults"].append({**fault, "until": released})
        self._held.append(released)
        return released

    def close(self) -> None:
        """Stop serving; every request that was made must be one that Jira Cloud documents."""
        for released in self._held:
            released.set()
        self._server.shutdown()
        self._server.server_close()
        if self.app.extensions["deployment"] == "Cloud":
            contract.check_stand_in(requests_to(self.app))
        self.app.extensions["ended"].set()
        IDLE_SITES.append(self.app)


@pytest.fixture
def jira(tmp_path: Path) -> Iterator[Site]:
    """An empty stand-in Jira."""
    site = Site(tmp_path / "jira")
    yield site
    site.close()


@pytest.fixture
def data_center(tmp_path: Path) -> Iterator[Site]:
    """An empty stand-in that answers as Data Center does."""
    site = Site(tmp_path / "data-center", "Server")
    yield site
    site.close()


@pytest.fixture
def app(jira: Site) -> Iterator[Any]:
    """Our Jira app as installed on the stand-in's site: who calls the panel's API (ForgeApp)."""
    from support.forge_app import ForgeApp  # it knows this module's accounts

    installed = ForgeApp(jira.url)
    yield installed
    installed.close()


@pytest.fixture
def environment(
    redis_server: RedisServer, jira: Site, store: redis.Redis, tmp_path: Path
) -> dict[str, str]:
    """The settings of a service between this Redis and this Jira, as environment variables."""
    return {
        "DEJABUG_REDIS_URL": redis_server.url,
        "DEJABUG_ENCODER": "starter",
        "DEJABUG_JIRA_URL": jira.url,
        "DEJABUG_JIRA_USER": "bot@studio.example",
        "DEJABUG_JIRA_TOKEN": f"{TOKEN}-bot",
        "DEJABUG_WEBHOOK_SECRET": SECRET,
        "DEJABUG_DATA_DIR": str(tmp_path / "data"),
        "DEJABUG_MEDIA_SECRET": "a secret for media addresses, long",
        # Scores of a handful of clips are low on purpose.
        "DEJABUG_COMMENT_THRESHOLD": "0.5",
    }


@pytest.fixture
def cold_place(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Rooms]:
    """The rooms of this process, between the test's Redis and Jira, with no model loaded."""
    for name in [name for name in os.environ if name.startswith("DEJABUG_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    rooms_module.rooms.cache_clear()
    yield rooms_module.rooms()
    get_settings.cache_clear()
    rooms_module.rooms.cache_clear()


@pytest.fixture
def place(
    cold_place: Rooms, remembering: Remembering, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> Rooms:
    """The same with the starter encoder, as in a worker; no clip is sampled twice in a run."""
    cold_place.adopt_encoder(remembering)
    monkeypatch.setattr(media, "sample_frames", remember_frames(memory))
    return cold_place


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Any]:
    """Start `dejabug worker …` as a process; all are killed at the end."""
    running: list[Fork] = []

    def run(*arguments: str, **more: str) -> Fork:
        log = tmp_path / f"worker-{len(running)}.log"
        child = Fork(["worker", *arguments], {**os.environ, **environment, **more}, log)
        running.append(child)
        return child

    yield run
    for child in running:
        child.kill()
        child.wait()


@pytest.fixture
def clips() -> Path:
    """The folder of the demo's clips."""
    return CLIPS


def dejabug(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a forked process, with these environment variables added."""
    return forks.run(arguments, {**os.environ, **variables})


def new_python(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a Python of its own, where its start is the subject."""
    return subprocess.run(
        [sys.executable, "-m", "dejabug", *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def clips_waiting(place: Rooms) -> int:
    """How many clips' jobs wait; tickets' words wait in the same queue."""
    return sum(job_id.startswith("clip-") for job_id in place.queue("clips").job_ids)


def wait_until(what: Callable[[], Any], timeout: float = PATIENCE) -> Any:
    """Wait for something to be true, and return it."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"did not come true within {timeout} s")


def processes_of(path: Path) -> list[str]:
    """Processes that have this path in their command line, or work in it (redis-server gives itself
    another command line)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace")
            if str(path) in words or str(path) in str((process / "cwd").readlink()):
                found.append(words)
        except OSError:
            continue  # it has ended meanwhile
    return found
