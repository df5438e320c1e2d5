"""The real parts that tests use: Redis with search, ffmpeg, the starter encoder, a Jira."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import redis
import structlog
from flask import Flask
from flask.testing import FlaskClient

from dejabug import media
from dejabug.demo.studio import CLIPS
from dejabug.infra.redis_server import RedisServer
from dejabug.media import find_ffmpeg
from dejabug.services import ModelServices, Services, get_services, set_services
from dejabug.settings import get_settings
from dejabug.web import create_app
from support import forks
from support.forge_app import ForgeApp
from support.forks import Fork
from support.jira_site import TOKEN, Site
from support.object_store import S3, Bucket
from support.patience import be_patient
from support.recorders import RECORDINGS
from support.recordings import build
from support.remembering import FOLDER, Memory, Remembering, remember_frames
from support.webhooks import SECRET

if TYPE_CHECKING:
    from dejabug.encoders.starter import StarterEncoder

# How long something takes on a busy machine is no matter of tests.
hypothesis.settings.register_profile("dejabug", deadline=None)
hypothesis.settings.load_profile("dejabug")

# Modules with fixtures; and contract_report says at the end whether the stand-ins' requests were
# checked.
pytest_plugins = [
    "support.api",
    "support.browsers",
    "support.contract_report",
    "support.deploying",
    "support.ffmpegs",
    "support.made_clips",
    "support.search_worker",
    "support.slack_site",
    "support.vectors",
]


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
    """The starter encoder for tests of what happens to its vectors: it embeds nothing twice."""
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
def forge(jira: Site) -> Iterator[ForgeApp]:
    """Our Jira app as installed on the stand-in's site: who calls the panel's API."""
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
def cold_services(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Services]:
    """The services of this process, between the test's Redis and Jira, with no model loaded."""
    for name in [name for name in os.environ if name.startswith("DEJABUG_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    set_services(None)
    yield get_services()
    get_settings.cache_clear()
    set_services(None)


@pytest.fixture
def services(
    cold_services: Services,
    remembering: Remembering,
    memory: Memory,
    monkeypatch: pytest.MonkeyPatch,
) -> ModelServices:
    """The same with the starter encoder, as in a worker; no clip is sampled twice in a run."""
    parts = ModelServices(cold_services.settings, loaded=remembering)
    _ = parts.encoder
    set_services(parts)
    monkeypatch.setattr(media, "sample_frames", remember_frames(memory))
    return parts


@pytest.fixture
def cold_app(cold_services: Services) -> Flask:
    """The web app, with no model loaded in this process."""
    return create_app(cold_services)


@pytest.fixture
def cold_client(cold_app: Flask) -> FlaskClient:
    """A client of the web app, with no model loaded in this process."""
    return cold_app.test_client()


@pytest.fixture
def app(services: Services) -> Flask:
    """The web app."""
    return create_app(services)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of the web app."""
    return app.test_client()


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


@pytest.fixture(scope="session")
def small_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small CLIPModel with random weights, saved as the hub has them."""
    from support.small_encoder import save_small_clip  # it takes seconds to import

    return save_small_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture
def clips() -> Path:
    """The folder of the demo's clips."""
    return CLIPS
