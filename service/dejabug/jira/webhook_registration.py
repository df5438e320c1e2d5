"""Jira's webhooks as its administrator has them: looked at, registered and put right over REST.

Two APIs. Cloud and Data Center up to 9: `/rest/webhooks/1.0/webhook`. Data Center from 10 on:
`/rest/jira-webhook/1.0/webhooks`, where filter, body and secret are a `configuration` of strings;
Atlassian's pages do not name its key for the secret, others register with `SECRET`. Neither gives a
secret back, and both keep the old one when a change brings none.
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
# Where our web service takes events.
PATH = "/webhooks/jira"
# What we need to be told, by Jira's name and by the words of its pages.
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
# The first version of Data Center that has the new API.
NEW_SINCE = 10
# Where both keep a webhook's JQL.
FILTER = "issue-related-events-section"


@dataclass(frozen=True)
class Hook:
    """A webhook: Jira's `number` of it, empty before it is registered; a `jql` that filters issues'
    events, empty for all; whether it is `enabled`, and sends the event's `body`."""

    url: str
    name: str = NAME
    events: frozenset[str] = frozenset(EVENTS)
    jql: str = ""
    enabled: bool = True
    body: bool = True
    number: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether it leads to a service like this one."""
        return urlsplit(self.url).path.rstrip("/").endswith(PATH)

    def faults(self) -> list[str]:
        """What keeps it from telling us all we need."""
        found = [] if self.enabled else ["it is switched off"]
        if missing := [EVENTS[event] for event in EVENTS if event not in self.events]:
            found.append(f"it does not send: {', '.join(missing)}")
        if not self.body:
            found.append("it excludes the body of events")
        return found

    def mended(self, jql: str | None = None) -> Hook:
        """The same without faults; with another filter where one is given. Events beyond ours
        stay."""
        wanted = self.jql if jql is None else jql
        events = self.events | frozenset(EVENTS)
        return replace(self, events=events, jql=wanted, enabled=True, body=True)


@dataclass(frozen=True)
class Request:
    """One request to Jira, to be sent or to be shown."""

    method: str
    path: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Site:
    """Which Jira it is: Cloud, or Data Center of a `major` version."""

    cloud: bool
    major: int

    @property
    def new_api(self) -> bool:
        """Whether it has the newer of the two APIs."""
        return not self.cloud and self.major >= NEW_SINCE


class Hooks:
    """The webhooks of a Jira. Its methods raise HooksClosedError where Jira has no such API,
    JiraRefusedError (403) where our account lacks *Administer Jira*, and JiraUnavailableError."""

    def __init__(self, client: JiraClient) -> None:
        self._client = client

    @cached_property
    def site(self) -> Site:
        """Which Jira it is."""
        info = self._call("GET", "rest/api/2/serverInfo")
        numbers = info.get("versionNumbers") or [0]
        return Site(str(info.get("deploymentType")) == "Cloud", int(numbers[0]))

    def all(self) -> list[Hook]:
        """All webhooks of administrators."""
        read = _read_new if self.site.new_api else _read_old
        return [read(as_mapping(raw)) for raw in self._call("GET", self._api) or ()]

    def request(self, hook: Hook, secret: str) -> Request:
        """What registers a webhook, or changes the one with its number."""
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
        closed = HooksClosedError(f"this Jira has no webhooks at /{path}, or not for this token")
        return self._client.rest(method, path, body, gone=closed)


def by_hand(cloud: bool, hook: Hook) -> list[str]:
    """What an administrator clicks and fills in to register a webhook, a line each."""
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
        "Secret: the value of DEJABUG_WEBHOOK_SECRET, without blanks around it",
        f"Issue related events, JQL: {hook.jql or '(leave empty: all issues)'}",
        f"Events, tick: {'; '.join(EVENTS.values())}",
        "Exclude body: leave off",
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
    # A new one is enabled; only changes need to say so.
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
