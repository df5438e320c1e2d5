"""`dejabug doctor`: one check for each part that the service needs, with how to fix it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dejabug.cli.doctor.decoding import check_ffmpeg, check_sandbox
from dejabug.cli.doctor.finding import Check, UnwellError
from dejabug.cli.doctor.jira import check_jira, check_panel, check_secret, check_thresholds
from dejabug.cli.doctor.retrieval import check_index, check_model, check_scores
from dejabug.cli.doctor.running import check_jobs, check_metrics, check_workers
from dejabug.cli.doctor.sign_in import check_sign_in
from dejabug.cli.doctor.storage import (
    check_data_folder,
    check_index_redis,
    check_media_store,
    check_redis,
    check_search_module,
)
from dejabug.services import Services

__all__ = ["Check", "UnwellError", "examine"]


def examine(services: Services, *, model: bool = True) -> Iterator[Check]:
    """All checks in order; `model` False skips loading the model, which takes seconds."""
    checks: list[tuple[str, Callable[[Services], str]]] = [
        ("Redis", check_redis),
        *([("vector Redis", check_index_redis)] if services.collections.location.apart else []),
        ("Redis search", check_search_module),
        ("ffmpeg", check_ffmpeg),
        ("sandbox", check_sandbox),
        ("media store", check_media_store)
        if services.settings.media_store
        else ("data folder", check_data_folder),
        ("webhook secret", check_secret),
        ("Jira", check_jira),
        ("thresholds", check_thresholds),
        ("panel", check_panel),
        ("sign-in", check_sign_in),
    ]
    if model:
        checks.append(("model", check_model))
    checks += [
        ("index", check_index),
        ("scores", check_scores),
        ("workers", check_workers),
        ("jobs", check_jobs),
        ("metrics", check_metrics),
    ]
    for what, check in checks:
        try:
            yield Check(what, True, check(services))
        except UnwellError as error:
            yield Check(what, False, str(error), error.remedy)
