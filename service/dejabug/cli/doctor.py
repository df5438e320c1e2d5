"""Is everything there that the service needs? One check a part, each with what to do about it."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
import requests
from PIL import Image

from dejabug import media
from dejabug.encoders import EncoderError
from dejabug.index import IndexUnavailableError
from dejabug.infra.errors import UserError
from dejabug.infra.job_queue import QUEUES
from dejabug.infra.labels import COMMENT_FLOOR
from dejabug.infra.refused_writes import refused
from dejabug.jira.errors import JiraError
from dejabug.maintenance.index_repair import missing_clips
from dejabug.records.index_location import WrongIndexError
from dejabug.records.learned_parameters import scores_in_words
from dejabug.services import ModelServices, Services
from dejabug.web.forge import Forge, KeysUnavailableError
from dejabug.web.oidc import Provider, ProviderAwayError

# The query engine that our searches need: FLOAT16 vectors came with search 2.8 or 2.10.
OLDEST_SEARCH = 21000
# Share of a disk that should be free.
LEAST_ROOM = 0.05
# Seconds that our clock may differ from Redis': promises and signed addresses are timed by both.
CLOCKS = 30
# Seconds that an issue may wait to be read, before somebody should look why.
LONG_PROMISE = 3600
# What becomes of the service while Redis takes no writes.
NO_WRITES = "Until then webhooks get 503 and are sent again, jobs wait, and searches are answered."
NO_VECTORS = "Until then clips wait, and searches are answered."
# Seconds for our own metrics to answer.
METRICS_TIMEOUT = 5


@dataclass(frozen=True)
class Check:
    """One finding: what was looked at, how it is, and what to do when it is wrong."""

    what: str
    well: bool
    says: str
    remedy: str = ""


class UnwellError(Exception):
    """A part is not as it must be."""

    def __init__(self, says: str, remedy: str) -> None:
        super().__init__(says)
        self.remedy = remedy


def examine(services: Services, *, model: bool = True) -> Iterator[Check]:
    """All checks, one after another; `model` False leaves out loading the encoder (seconds)."""
    checks: list[tuple[str, Callable[[Services], str]]] = [
        ("Redis", _redis),
        *([("Redis of vectors", _index_redis)] if services.collections.location.apart else []),
        ("Redis search", _search_module),
        ("ffmpeg", _ffmpeg),
        ("sandbox", _sandbox),
        ("media store", _media_store)
        if services.settings.media_store
        else ("data folder", _data_folder),
        ("webhook secret", _secret),
        ("Jira", _jira),
        ("thresholds", _thresholds),
        ("panel", _panel),
        ("sign-in", _sign_in),
    ]
    if model:
        checks.append(("model", _model))
    checks += [
        ("index", _index),
        ("scores", _scores),
        ("workers", _workers),
        ("jobs", _jobs),
        ("metrics", _metrics),
    ]
    for what, check in checks:
        try:
            yield Check(what, True, check(services))
        except UnwellError as error:
            yield Check(what, False, str(error), error.remedy)


def _redis(services: Services) -> str:
    engine = (
        "Redis 7 or newer"
        if services.collections.location.apart
        else "Redis 8 with its query engine"
    )
    remedy = f"Start {engine}, and set DEJABUG_REDIS_URL to it."
    return _told(services.redis, services.redis, services.settings.redis_address, remedy)


def _index_redis(services: Services) -> str:
    remedy = "Start Redis 8 with its query engine, and set DEJABUG_INDEX_REDIS_URL to it."
    found = _told(
        services.collections.location.index,
        services.redis,
        services.settings.index_redis_address,
        remedy,
    )
    try:
        services.collections.location.connection()
    except redis.RedisError as error:
        raise UnwellError(f"cannot be compared with the other: {error}", "See Redis.") from error
    except WrongIndexError as error:
        raise UnwellError(str(error), "Set the right DEJABUG_INDEX_REDIS_URL.") from error
    return found


def _told(connection: redis.Redis, queues: redis.Redis, url: str, remedy: str) -> str:
    """What is to be said of a Redis that is as it must be. Raises UnwellError."""
    try:
        info: Any = connection.info()
        why = refused(connection)
    except redis.RedisError as error:
        raise UnwellError(f"no answer from {url}: {error}", remedy) from error
    if why is not None:
        waits = NO_WRITES if connection is queues else NO_VECTORS
        raise UnwellError(f"{url} answers, but {why.says}", f"{why.remedy}. {waits}")
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        raise UnwellError(
            f"it may throw keys away when memory is short (maxmemory-policy {policy})",
            "Set maxmemory-policy to noeviction, or vectors and queued webhooks get lost.",
        )
    skew = abs(time.time() - float(connection.time()[0]))
    if skew > CLOCKS:
        raise UnwellError(
            f"its clock and ours differ by {skew:.0f} s", "Have both machines set theirs by NTP."
        )
    kept = "append-only file on" if int(info.get("aof_enabled", 0)) else "no append-only file"
    return f"version {info['redis_version']} at {url}, {kept}"


def _search_module(services: Services) -> str:
    remedy = "Use Redis 8, or load redisearch 2.10 or newer (--loadmodule redisearch.so)."
    try:
        modules: Any = services.collections.location.index.execute_command("MODULE", "LIST")  # type: ignore[no-untyped-call]
    except redis.RedisError as error:
        raise UnwellError(f"cannot be asked: {error}", remedy) from error
    versions = [
        int(module[b"ver"]) for module in modules if module.get(b"name") in (b"search", b"ft")
    ]
    if not versions:
        raise UnwellError("this Redis has no vector search", remedy)
    if versions[0] < OLDEST_SEARCH:
        raise UnwellError(f"version {versions[0]} is too old", remedy)
    return f"version {versions[0]}"


def _ffmpeg(services: Services) -> str:
    try:
        found = media.look_at_ffmpeg(services.settings.ffmpeg)
        if found.too_old:
            raise UnwellError(found.says, media.ffmpeg_remedy())
        if services.settings.shows_media and not media.writes_h264(found.program):
            raise UnwellError(
                f"{found.program} cannot write H.264, so that no clip can be shown",
                "Install the system's ffmpeg, or pip install imageio-ffmpeg.",
            )
        return f"{found.says}, tone-maps HDR by {media.tone_mapper(found.program)}"
    except OSError as error:
        raise UnwellError(
            str(error), "Install ffmpeg, or set DEJABUG_FFMPEG to one that runs here."
        ) from error


def _sandbox(services: Services) -> str:
    settings = services.settings
    limits = media.Limits(memory_bytes=settings.decode_memory, sandbox=settings.decode_sandbox)
    remedy = (
        "Use a kernel with Landlock, and an ffmpeg that lies under /usr. Without a sandbox clips "
        "are decoded by DEJABUG_DECODE_SANDBOX=off: docs/hostile-media.md says what is lost."
    )
    with tempfile.TemporaryDirectory(prefix="dejabug-") as folder:
        picture = Path(folder) / "clip"
        Image.new("RGB", (64, 64)).save(picture, "BMP")
        try:
            program = media.find_ffmpeg(settings.ffmpeg)
            media.sample_frames(picture, limits=limits, program=program, drop_duplicates=False)
            return f"{media.told_protection(settings.decode_sandbox)}, and a picture is read in it"
        except FileNotFoundError:
            return "without ffmpeg, nothing is decoded"  # a finding of its own
        except (media.SandboxMissingError, media.ClipError, OSError) as error:
            raise UnwellError(f"no picture can be read in it: {error}", remedy) from error


def _data_folder(services: Services) -> str:
    folder = services.settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UnwellError(
            f"{folder} cannot be written: {error.strerror}",
            "Set DEJABUG_DATA_DIR to a folder that web and workers share and may write.",
        ) from error
    usage = shutil.disk_usage(folder)
    if usage.free < LEAST_ROOM * usage.total:
        raise UnwellError(
            f"the disk of {folder} has {usage.free / 1024**3:.1f} GB left",
            "Give it more room, or lower DEJABUG_PREVIEW_MAX_BYTES.",
        )
    return f"{folder} can be written, {usage.free / 1024**3:.0f} GB free"


def _media_store(services: Services) -> str:
    remedy = (
        "Let web and workers reach it, with credentials in their environment that may read, write "
        "and delete there and list the bucket: docs/operations.md, An object store for media."
    )
    started = time.monotonic()
    try:
        store = services.media.objects
        assert store is not None  # examine asks
        store.try_out()
    except UserError as error:
        raise UnwellError(str(error), remedy) from error
    except redis.RedisError as error:
        raise UnwellError(f"cannot be tried: {error}", "See Redis.") from error
    taken = 1000 * (time.monotonic() - started)
    return f"{store.address} takes, gives and deletes; four requests took {taken:.0f} ms"


def _secret(services: Services) -> str:
    if not services.settings.webhook_secret.get_secret_value():
        raise UnwellError(
            "not set", "Set DEJABUG_WEBHOOK_SECRET to the secret of the webhook in Jira."
        )
    return "set"


def _jira(services: Services) -> str:
    remedy = (
        "Check DEJABUG_JIRA_URL, DEJABUG_JIRA_USER (Cloud: the account's e-mail; Data Center: "
        "leave it out) and DEJABUG_JIRA_TOKEN."
    )
    try:
        return (
            f"{services.jira.server()} at {services.settings.jira_url}, as {services.jira.myself()}"
        )
    except JiraError as error:
        raise UnwellError(str(error), remedy) from error


def _thresholds(services: Services) -> str:
    try:
        rules = services.records.projects.all()
    except redis.RedisError as error:
        raise UnwellError(f"cannot be read: {error}", "See Redis.") from error
    low = sorted(key for key, each in rules.items() if each.too_low)
    if low:
        told = ", ".join(f"{key} has {rules[key].threshold:g}" for key in low)
        raise UnwellError(
            f"below the comment's floor of {COMMENT_FLOOR:g}, which counts instead: {told}",
            f"Set another: dejabug project {low[0]} --threshold {COMMENT_FLOOR:g}",
        )
    return f"comments from {services.settings.comment_threshold:g} on, or as a project's rules say"


def _panel(services: Services) -> str:
    if not services.settings.forge_app_id:
        return "not set up (DEJABUG_FORGE_APP_ID)"
    try:
        keys = Forge(services.settings).key_count()
    except UserError as error:
        raise UnwellError(str(error), "See plugin/README.md, the service's settings.") from error
    except KeysUnavailableError as error:
        raise UnwellError(
            f"{error} from {services.settings.forge_jwks_url}", "Let the web service reach it."
        ) from error
    return (
        f"for {services.settings.forge_app_id}, on {services.settings.forge_api_url}; {keys} keys"
    )


def _sign_in(services: Services) -> str:
    issuer = services.settings.oidc_issuer
    if not issuer:
        if services.settings.oidc_client_id:
            raise UnwellError("DEJABUG_OIDC_ISSUER is not set", "See docs/sign-in.md.")
        return "with API tokens only (DEJABUG_OIDC_ISSUER)"
    try:
        provider = Provider(services.settings)
        document = provider.document()
    except UserError as error:
        raise UnwellError(str(error), "Set it, or leave DEJABUG_OIDC_ISSUER out.") from error
    except ProviderAwayError as error:
        raise UnwellError(
            str(error),
            "Set DEJABUG_OIDC_ISSUER to the `issuer` of the provider's discovery document, and let "
            "the web service reach it.",
        ) from error
    return f"at {document.issuer}, which must know the redirect address {provider.callback}"


def _model(services: Services) -> str:
    try:
        label = ModelServices(services.settings).encoder.label
        if services.collections.configured.name == services.collections.active_name:
            return label
        return f"{label}; not the one that serves, which is {services.collections.active_name}"
    except EncoderError as error:
        raise UnwellError(
            str(error),
            "Give DEJABUG_CLIP_MODEL a hub name or a local folder that can be loaded, or set "
            "DEJABUG_ENCODER=starter, which needs no hub.",
        ) from error
    except redis.RedisError:
        return "loaded"  # only telling Redis about it failed, which is a finding of its own


def _index(services: Services) -> str:
    try:
        state = services.collections.active.index.state()
    except (IndexUnavailableError, redis.RedisError) as error:
        raise UnwellError(
            f"none for {services.collections.configured.name}: {error}",
            "Start a worker; it makes the index when it starts.",
        ) from error
    if state.failures:
        raise UnwellError(
            f"{state.failures} frames could not be indexed",
            "Another program writes to our keys: give Déjà Bug a Redis database of its own.",
        )
    if missing := missing_clips(services.collections.active):
        raise UnwellError(
            f"it lacks {len(missing):,} of the clips that were put into it",
            "Redis has lost them. The next round of dejabug reconcile has them embedded again, "
            "and dejabug index repair does at once; dejabug import restores them from a backup.",
        )
    ready = "ready" if state.ready else "being built"
    return f"{state.name}, {state.algorithm}, {state.frames:,} frames, {ready}"


def _scores(services: Services) -> str:
    try:
        told = scores_in_words(services.redis, services.collections.active_name)
        waiting = 0
        if services.collections.active.knows_dimensions():
            waiting = services.collections.active.index.neighbours.waiting_count()
    except redis.RedisError as error:
        raise UnwellError(f"cannot be asked: {error}", "See Redis.") from error
    if waiting:
        told += f"; {waiting:,} clips wait to be compared with their projects"
    return told


def _workers(services: Services) -> str:
    try:
        served = services.queues.workers()
    except redis.RedisError as error:
        raise UnwellError(f"cannot be asked: {error}", "See Redis.") from error
    missing = [name for name, count in served.items() if not count]
    if missing:
        raise UnwellError(
            f"nobody works on: {', '.join(missing)}",
            f"Start one with: dejabug worker {' '.join(missing)}",
        )
    return ", ".join(f"{name}: {count}" for name, count in served.items())


def _jobs(services: Services) -> str:
    try:
        failed = {name: services.queues.get(name).failed_job_registry.count for name in QUEUES}
        waiting = sum(services.queues.get(name).count for name in QUEUES)
        late = services.outbox.older_than(LONG_PROMISE)
    except redis.RedisError as error:
        raise UnwellError(f"cannot be asked: {error}", "See Redis.") from error
    if late:
        raise UnwellError(
            f"{len(late)} issues have waited for over an hour to be read",
            "See workers and Jira; the log's events jira_unavailable and job_ended say why.",
        )
    if sum(failed.values()):
        told = ", ".join(f"{name}: {count}" for name, count in failed.items() if count)
        raise UnwellError(
            f"given up ({told})",
            "The log's event job_ended with outcome failed says why; look again at such a ticket "
            "with /dejabug again in a comment.",
        )
    return f"{waiting:,} waiting, none given up"


def _metrics(services: Services) -> str:
    host, port = services.settings.metrics_host, services.settings.metrics_port
    if not port:
        return "off (DEJABUG_METRICS_PORT)"
    here = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 (asked for, not bound)
    try:
        answer = requests.get(f"http://{here}:{port}/metrics", timeout=METRICS_TIMEOUT)
    except requests.RequestException:
        return f"on {host}:{port}, where no process of this machine answers now"
    if "dejabug_build_info" not in answer.text:
        raise UnwellError(
            f"another program answers on {host}:{port}", "Choose another DEJABUG_METRICS_PORT."
        )
    return f"on {host}:{port}"
