"""Check, register and fix Jira's admin webhooks over REST.

There are two APIs. Cloud and Data Center up to 9: `/rest/webhooks/1.0/webhook`. Data Center from
10: `/rest/jira-webhook/1.0/webhooks`, where filter, body and secret are a `configuration` of
strings. Atlassian doesn't document its key for the secret; others use `SECRET`. Neither API returns
the secret, and both keep the old one if a change has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from dejabug.jira.client import JiraClient
from dejabug.jira.errors import HooksClosedError
from dejabug.jira.models import as_mapping

NAME = "Déjà Bug"
# The path of our web service that receives events.
PATH = "/webhooks/jira"
# The events that we need: Jira's names, and the words on Jira's pages.
EVENTS = {
    "jira:issue_created": "Issue: created",
    "jira:issue_updated": "Issue: updated",
    "jira:issue_deleted": "Issue: deleted",
    "comment_created": "Comment: created",
    "issuelink_created": "Issue link: created",
    "issuelink_deleted": "Issue link: deleted",
}
OLD_API = "rest/webhooks/1.0/webhook"
NEW_API = "rest/jira-webhook/1.0/webhooks"
# The first version of Data Center with the new API.
NEW_SINCE = 10
# The key of a webhook's JQL in the old API.
FILTER = "issue-related-events-section"


@dataclass(frozen=True)
class Hook:
    """A webhook. `number`: Jira's id, empty before it is registered; `jql`: filter for issue
    events, empty for all; `body`: whether it sends the event's body."""

    url: str
    name: str = NAME
    events: frozenset[str] = frozenset(EVENTS)
    jql: str = ""
    enabled: bool = True
    body: bool = True
    number: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether it points to a Déjà Bug service."""
        return urlsplit(self.url).path.rstrip("/").endswith(PATH)

    def faults(self) -> list[str]:
        """What is wrong with it, so that we don't get all events."""
        found = [] if self.enabled else ["it is disabled"]
        if missing := [EVENTS[event] for event in EVENTS if event not in self.events]:
            found.append(f"it doesn't send these events: {', '.join(missing)}")
        if not self.body:
            found.append('the option "Exclude body" is on')
        return found

    def fixed(self, jql: str | None = None) -> Hook:
        """A copy with all faults fixed, and another filter if one is given. It keeps events that we
        don't need."""
        wanted = self.jql if jql is None else jql
        events = self.events | frozenset(EVENTS)
        return replace(self, events=events, jql=wanted, enabled=True, body=True)


@dataclass(frozen=True)
class Request:
    """One request to Jira, to send or to show."""

    method: str
    path: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Site:
    """The type of Jira: Cloud, or Data Center with its `major` version."""

    cloud: bool
    major: int

    @property
    def new_api(self) -> bool:
        """Whether it has the newer API."""
        return not self.cloud and self.major >= NEW_SINCE


class Hooks:
    """The webhooks of a Jira. Its methods raise HooksClosedError if Jira has no such API,
    JiraRefusedError (403) if our account lacks *Administer Jira*, and JiraUnavailableError."""

    def __init__(self, client: JiraClient) -> None:
        self._client = client

    @cached_property
    def site(self) -> Site:
        """The type of Jira."""
        info = self._call("GET", "rest/api/2/serverInfo")
        numbers = info.get("versionNumbers") or [0]
        return Site(str(info.get("deploymentType")) == "Cloud", int(numbers[0]))

    def all(self) -> list[Hook]:
        """All admin webhooks."""
        read = _read_new if self.site.new_api else _read_old
        return [read(as_mapping(raw)) for raw in self._call("GET", self._api) or ()]

    def request(self, hook: Hook, secret: str) -> Request:
        """The request that registers a webhook, or changes the one with its number."""
        write = _write_new if self.site.new_api else _write_old
        if hook.number:
            return Request("PUT", f"{self._api}/{hook.number}", write(hook, secret))
        return Request("POST", self._api, write(hook, secret))

    def put(self, hook: Hook, secret: str) -> None:
        """Register a webhook, or change the one with its number."""
        request = self.request(hook, secret)
        self._call(request.method, request.path, request.body)

    @property
    def _api(self) -> str:
        return NEW_API if self.site.new_api else OLD_API

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        closed = HooksClosedError(f"this Jira doesn't allow webhooks over REST (/{path})")
        return self._client.rest(method, path, body, gone=closed)


def by_hand(cloud: bool, hook: Hook) -> list[str]:
    """The steps for an administrator to register a webhook by hand, one per line."""
    menu = (
        "Settings (the gear) → System → WebHooks → Create a WebHook"
        if cloud
        else "Administration (the gear) → System → WebHooks → Create a WebHook"
    )
    return [
        menu,
        f"Name: {hook.name}",
        "Status: Enabled",
        f"URL: {hook.url}",
        "Secret: the value of DEJABUG_WEBHOOK_SECRET, without spaces around it",
        f"Issue related events, JQL: {hook.jql or '(leave empty for all issues)'}",
        f"Events: select {'; '.join(EVENTS.values())}",
        "Exclude body: leave unchecked",
        "Create",
    ]


def _write_old(hook: Hook, secret: str) -> dict[str, Any]:
    written: dict[str, Any] = {
        "name": hook.name,
        "url": hook.url,
        "events": sorted(hook.events),
        "filters": {FILTER: hook.jql} if hook.jql else {},
        "excludeBody": not hook.body,
        "secret": secret,
    }
    # New webhooks are enabled; only changes need this field.
    return {**written, "enabled": hook.enabled} if hook.number else written


def _write_new(hook: Hook, secret: str) -> dict[str, Any]:
    configuration = {"EXCLUDE_BODY": "false" if hook.body else "true", "SECRET": secret}
    if hook.jql:
        configuration["FILTERS"] = hook.jql
    written: dict[str, Any] = {
        "name": hook.name,
        "url": hook.url,
        "events": sorted(hook.events),
        "configuration": configuration,
        "active": hook.enabled,
    }
    return {**written, "id": int(hook.number)} if hook.number else written


def _read_old(raw: Mapping[str, Any]) -> Hook:
    return Hook(
        url=str(raw.get("url") or ""),
        name=str(raw.get("name") or ""),
        events=_events(raw),
        jql=str(as_mapping(raw.get("filters")).get(FILTER) or ""),
        enabled=raw.get("enabled") is not False,
        body=not raw.get("excludeBody"),
        number=str(raw.get("self") or "").rstrip("/").rpartition("/")[2],
    )


def _read_new(raw: Mapping[str, Any]) -> Hook:
    configuration = as_mapping(raw.get("configuration"))
    return Hook(
        url=str(raw.get("url") or ""),
        name=str(raw.get("name") or ""),
        events=_events(raw),
        jql=str(configuration.get("FILTERS") or ""),
        enabled=raw.get("active") is not False,
        body=str(configuration.get("EXCLUDE_BODY")).lower() != "true",
        number=str(raw.get("id") or ""),
    )


def _events(raw: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(str(event) for event in raw.get("events") or ())
