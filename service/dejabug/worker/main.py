"""The worker process: it loads the model, then works on its queues until it is told to stop.

Next to the worker (`warm_worker.py`), threads run maintenance and answer searches.
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
    """Work on these queues until told to stop (SIGTERM or SIGINT; the current job is finished).

    Loads the model first if a queue needs it. A worker never starts with less than the settings
    require: raises EncoderError or LabelError if the model or the labels can't be loaded,
    SandboxMissingError if the sandbox isn't available, and UserError if the media store can't be
    used. While its encoder is not in use, it works only on that encoder's own queues. `burst`: stop
    when the queues are empty.
    """
    needs_model = bool(set(EMBEDDING_QUEUES) & set(names))
    services = get_model_services() if needs_model else get_services()
    sandbox = media.told_protection(services.settings.decode_sandbox)
    media_kept = (
        services.media.objects.address
        if services.media.objects
        else str(services.settings.data_dir)
    )
    services.redis.get(OWN_ACCOUNT)  # raises if Redis does not answer
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
    # The model and the libraries stay in memory. Scanning them for garbage takes Python 200 ms each
    # time, during which no search is answered.
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
    """The version of ffmpeg, for the log; warns if it is missing or not supported."""
    try:
        found = media.look_at_ffmpeg(services.settings.ffmpeg)
    except OSError as error:
        # The first clip reports the error again, and is retried.
        log.warning("ffmpeg_missing", why=str(error), remedy=media.ffmpeg_remedy())
        return "none"
    if found.too_old:
        log.warning("ffmpeg_not_supported", why=found.says, remedy=media.ffmpeg_remedy())
    return found.version


def _tell_account(services: Services) -> None:
    """Tell the web service which account is ours, so that it ignores our own events."""
    try:
        services.redis.set(OWN_ACCOUNT, services.jira.myself())
    except JiraError as error:
        # The first job that needs Jira reports the error again, and is retried.
        log.warning("jira_not_reached_at_start", why=str(error))


def _open_index(services: ModelServices) -> dict[str, Any]:
    label = services.encoder.label
    # Report a broken file of labels now, not in every ticket's job.
    tags = services.tagger is not None
    _ = services.scale  # measured now, not during the first search
    own = services.collections.configured
    state = own.index.state()
    services.collections.active_encoder.claim(own.name)
    serves = services.collections.is_active(own)
    if not serves:
        log.warning(
            "encoder_does_not_serve",
            own=own.name,
            serving=services.collections.active_name,
            remedy=f"to re-index with it and switch to it: dejabug encoder change '{own.name}'",
        )
    return {
        "encoder": label,
        "serves": serves,
        "index": state.name,
        "vectors": services.settings.index_redis_address,
        "frames": state.frames,
        "tags": tags,
    }
