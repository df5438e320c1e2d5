"""The worker process: loads the model, then works on its queues until told to stop.

Beside the worker (`warm_worker.py`) run threads: a housekeeper, and those that answer questions.
"""

from __future__ import annotations

import gc
from functools import partial
from typing import Any

import structlog

from dejabug import media
from dejabug.infra.job_queue import EMBEDDING_QUEUES
from dejabug.infra.metrics import serve_metrics
from dejabug.infra.refused_writes import await_writes
from dejabug.infra.temporary_folders import prune_scratch
from dejabug.jira.accounts import OWN_ACCOUNT
from dejabug.jira.errors import JiraError
from dejabug.search.answerer import ANSWERERS, Answerer
from dejabug.services import ModelServices, Services, get_model_services, get_services
from dejabug.worker.housekeeping import Housekeeper
from dejabug.worker.warm_worker import WarmWorker

log = structlog.get_logger()


def run_worker(names: list[str], *, burst: bool = False) -> None:
    """Work on these queues until told to stop (SIGTERM or SIGINT: the job in hand is finished).

    Loads the model first when a queue needs it, and raises EncoderError or LabelError when that
    fails, SandboxMissingError where clips cannot be decoded as the settings want, and UserError
    where nothing here can speak to the media store: a worker never starts with less than it was
    asked for. While its encoder does not serve, it works on that
    encoder's own queues alone. `burst`: stop when the queues are empty.
    """
    needs_model = bool(set(EMBEDDING_QUEUES) & set(names))
    services = get_model_services() if needs_model else get_services()
    sandbox = media.told_protection(services.settings.decode_sandbox)
    media_kept = (
        services.media.objects.address
        if services.media.objects
        else str(services.settings.data_dir)
    )
    services.redis.get(OWN_ACCOUNT)  # raises where Redis is away
    await_writes(services.redis)
    prune_scratch()
    version = _look_at_ffmpeg(services)
    serve_metrics(services.settings.metrics_host, services.settings.metrics_port)
    _tell_account(services)
    loaded = _open_index(get_model_services()) if needs_model else {}
    current = partial(services.queues.of_worker, names)
    queues = [services.queues.get(name) for name in current()]
    worker = WarmWorker(queues, services.redis, current=current if loaded else None)
    helpers: list[Housekeeper | Answerer] = [Housekeeper(services.settings, worker)]
    if "search" in names:
        helpers += [get_model_services().answerer(draws=number == 0) for number in range(ANSWERERS)]
    # The model and the libraries stay. Looking through them for garbage takes Python 200 ms, again
    # and again, in which nobody's question is answered.
    gc.collect()
    gc.freeze()
    for helper in helpers:
        helper.start()
    log.info(
        "worker_ready", queues=names, ffmpeg=version, sandbox=sandbox, media=media_kept, **loaded
    )
    try:
        worker.work(burst=burst, logging_level="WARNING")
    finally:
        for helper in helpers:
            helper.stop()


def _look_at_ffmpeg(services: Services) -> str:
    """The version of ffmpeg, for the log; warns of one that is missing or not supported."""
    try:
        found = media.look_at_ffmpeg(services.settings.ffmpeg)
    except OSError as error:
        # The first clip fails in its own right, and is tried again.
        log.warning("ffmpeg_missing", why=str(error), remedy=media.ffmpeg_remedy())
        return "none"
    if found.too_old:
        log.warning("ffmpeg_not_supported", why=found.says, remedy=media.ffmpeg_remedy())
    return found.version


def _tell_account(services: Services) -> None:
    """Tell the web which account is ours, so that our own events are ignored."""
    try:
        services.redis.set(OWN_ACCOUNT, services.jira.myself())
    except JiraError as error:
        # The first job that needs Jira fails in its own right, and is repeated.
        log.warning("jira_not_reached_at_start", why=str(error))


def _open_index(services: ModelServices) -> dict[str, Any]:
    label = services.encoder.label
    # A broken file of labels is told now, not by every ticket's job.
    tags = services.tagger is not None
    _ = services.scale  # measured now, and not while the first question waits
    own = services.collections.configured
    state = own.index.state()
    services.collections.active_encoder.claim(own.name)
    serves = services.collections.is_active(own)
    if not serves:
        log.warning(
            "encoder_does_not_serve",
            own=own.name,
            serving=services.collections.active_name,
            remedy=f"dejabug encoder change '{own.name}' makes it ready and lets it serve",
        )
    return {
        "encoder": label,
        "serves": serves,
        "index": state.name,
        "vectors": services.settings.index_redis_address,
        "frames": state.frames,
        "tags": tags,
    }
