"""Checks of what searches need: the model, the index, the scores."""

from __future__ import annotations

import redis

from dejabug.cli.common import counted
from dejabug.cli.doctor.finding import UnwellError
from dejabug.encoders import EncoderError
from dejabug.index import IndexUnavailableError
from dejabug.maintenance.index_repair import missing_clips
from dejabug.records.learned_parameters import scores_in_words
from dejabug.services import ModelServices, Services


def check_model(services: Services) -> str:
    """The model, tested by loading it. Raises UnwellError."""
    try:
        label = ModelServices(services.settings).encoder.label
        if services.collections.configured.name == services.collections.active_name:
            return label
        return f"{label}; not in use yet, searches use {services.collections.active_name}"
    except EncoderError as error:
        raise UnwellError(
            str(error),
            "Set DEJABUG_CLIP_MODEL to a Hugging Face model name (e.g. "
            "openai/clip-vit-base-patch32) or a local folder, or set DEJABUG_ENCODER=starter, "
            "which needs no model hub.",
        ) from error
    except redis.RedisError:
        return "loaded"  # only the note in Redis failed, which another check reports


def check_index(services: Services) -> str:
    """The index in use. Raises UnwellError."""
    try:
        state = services.collections.active.index.state()
    except (IndexUnavailableError, redis.RedisError) as error:
        raise UnwellError(
            f"no index for {services.collections.configured.name}: {error}",
            "Start a worker, which creates the index: dejabug worker",
        ) from error
    if state.failures:
        raise UnwellError(
            f"{counted(state.failures, 'frame')} could not be indexed",
            "Another program probably writes to the same keys: give Déjà Bug a dedicated Redis "
            "database in DEJABUG_REDIS_URL.",
        )
    if missing := missing_clips(services.collections.active):
        raise UnwellError(
            f"{counted(len(missing), 'clip')} missing, because Redis lost data",
            "Index them again now with: dejabug index repair. Otherwise the next automatic "
            "reconcile does it. To restore from a backup: dejabug import FILE --merge",
        )
    state_now = "ready" if state.ready else "being built"
    if not state.frames:
        state_now = "empty: index tickets with dejabug backfill"
    return f"{state.name}, {state.algorithm}, {counted(state.frames, 'frame')}, {state_now}"


def check_scores(services: Services) -> str:
    """Which weights the scores use. Raises UnwellError."""
    try:
        told = scores_in_words(services.redis, services.collections.active_name)
        waiting = 0
        if services.collections.active.knows_dimensions():
            waiting = services.collections.active.index.neighbours.waiting_count()
    except redis.RedisError as error:
        raise UnwellError(f"can't be read: {error}", "Fix Redis first.") from error
    if waiting:
        told += f"; {counted(waiting, 'clip')} still to be compared with other clips of the project"
    return told
