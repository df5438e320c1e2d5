"""Checks of what lies between Jira and us: webhooks' secret, our account, thresholds, the panel."""

from __future__ import annotations

import redis

from dejabug.cli.doctor.finding import UnwellError
from dejabug.infra.errors import UserError
from dejabug.infra.labels import COMMENT_FLOOR
from dejabug.jira.errors import JiraError
from dejabug.services import Services
from dejabug.web.forge import Forge, KeysUnavailableError


def check_secret(services: Services) -> str:
    """The secret of webhooks. Raises UnwellError."""
    if not services.settings.webhook_secret.get_secret_value():
        raise UnwellError(
            "not set", "Set DEJABUG_WEBHOOK_SECRET to the secret of the webhook in Jira."
        )
    return "set"


def check_jira(services: Services) -> str:
    """Jira, as our account. Raises UnwellError."""
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


def check_thresholds(services: Services) -> str:
    """Projects' own thresholds. Raises UnwellError."""
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


def check_panel(services: Services) -> str:
    """The panel's app, and the keys that its calls are signed with. Raises UnwellError."""
    if not services.settings.forge_app_id:
        return "not set up (DEJABUG_FORGE_APP_ID)"
    try:
        keys = Forge(services.settings).key_count()
    except UserError as error:
        raise UnwellError(str(error), "See docs/how-to/panel.md.") from error
    except KeysUnavailableError as error:
        raise UnwellError(
            f"{error} from {services.settings.forge_jwks_url}", "Let the web service reach it."
        ) from error
    return (
        f"for {services.settings.forge_app_id}, on {services.settings.forge_api_url}; {keys} keys"
    )
