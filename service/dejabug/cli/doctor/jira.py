"""Checks of the connection to Jira: webhook secret, account, thresholds, panel."""

from __future__ import annotations

import redis

from dejabug.cli.common import counted
from dejabug.cli.doctor.finding import UnwellError
from dejabug.infra.errors import UserError
from dejabug.infra.labels import COMMENT_FLOOR
from dejabug.jira.errors import JiraError
from dejabug.services import Services
from dejabug.web.forge import Forge, KeysUnavailableError


def check_secret(services: Services) -> str:
    """The webhook secret. Raises UnwellError."""
    if not services.settings.webhook_secret.get_secret_value():
        raise UnwellError(
            "not set",
            "Set DEJABUG_WEBHOOK_SECRET to 32 or more random characters (openssl rand -hex 32), "
            "then run: dejabug jira install",
        )
    return "set"


def check_jira(services: Services) -> str:
    """Jira, with our account. Raises UnwellError."""
    remedy = (
        "Check DEJABUG_JIRA_URL (e.g. https://studio.atlassian.net), DEJABUG_JIRA_USER (Cloud: the "
        "account's email; Data Center: not set) and DEJABUG_JIRA_TOKEN."
    )
    try:
        return (
            f"{services.jira.server()} at {services.settings.jira_url}, as {services.jira.myself()}"
        )
    except JiraError as error:
        raise UnwellError(str(error), remedy) from error


def check_thresholds(services: Services) -> str:
    """The projects' thresholds for comments. Raises UnwellError."""
    try:
        rules = services.records.projects.all()
    except redis.RedisError as error:
        raise UnwellError(f"can't be read: {error}", "Fix Redis first.") from error
    low = sorted(key for key, each in rules.items() if each.too_low)
    if low:
        told = ", ".join(f"{key} has {rules[key].threshold:g}" for key in low)
        raise UnwellError(
            f"below the minimum of {COMMENT_FLOOR:g}, which is used instead: {told}",
            f"Set a valid one: dejabug project {low[0]} --threshold {COMMENT_FLOOR:g}",
        )
    return (
        f"comments list scores of {services.settings.comment_threshold:g} and more, unless a "
        "project has its own threshold"
    )


def check_panel(services: Services) -> str:
    """The Jira app of the panel, and the keys that sign its calls. Raises UnwellError."""
    if not services.settings.forge_app_id:
        return "not set up (DEJABUG_FORGE_APP_ID is not set)"
    try:
        keys = Forge(services.settings).key_count()
    except UserError as error:
        raise UnwellError(str(error), "See docs/how-to/panel.md") from error
    except KeysUnavailableError as error:
        raise UnwellError(
            f"{error} from {services.settings.forge_jwks_url}",
            "Allow the web service to reach this address.",
        ) from error
    return (
        f"app {services.settings.forge_app_id} on {services.settings.forge_api_url}, "
        f"{counted(keys, 'signing key')}"
    )
