"""Jira's REST API, version 2, which accepts wiki text on both Cloud and Data Center."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import jira
import requests
from requests.auth import HTTPBasicAuth

from dejabug.infra.download import AS_IT_IS, Wanted
from dejabug.infra.metrics import jira_answered
from dejabug.jira.attachments import save_attachment
from dejabug.jira.error_translation import translated
from dejabug.jira.errors import (
    AttachmentGoneError,
    CommentGoneError,
    IssueGoneError,
    JiraRefusedError,
)
from dejabug.jira.models import (
    FIELDS,
    Comment,
    Issue,
    account_of,
    is_id,
    parse_comment,
    parse_issue,
)

# Time-outs in seconds: to connect, and between two packets.
TIMEOUT = (5, 60)
# Issues per search and per bulk read (Jira's limit for a page with fields).
PAGE = 100
# With overlapping pages, a tenth of a Data Center page is repeated on the next one. That many
# issues may drop out of the search (deleted, moved, too old) while a page is processed.
OVERLAP = 10
# The property that marks our own comment, so that we find it even if Redis lost its id.
MARKER = "dejabug"
# The property that hides a comment from the customers of a service project.
INTERNAL = {"key": "sd.public.comment", "value": {"internal": True}}


@dataclass(frozen=True)
class JiraAccess:
    """How to reach Jira: `api_url` for REST, `browse_url` for links. `user`: an email for Cloud
    (sent as Basic), None for a token of Data Center or of a viewer (sent as Bearer). `cloud`: None
    to ask Jira itself."""

    api_url: str
    browse_url: str
    user: str | None
    token: str = field(repr=False)
    cloud: bool | None = None


@dataclass(frozen=True)
class Page:
    """One page of a search, and the token of the next page; None at the end."""

    issues: list[Issue]
    next_token: str | None


class JiraClient:
    """Jira, with our own account. Every method raises JiraUnavailableError if Jira is unavailable
    or requests a pause, and JiraRefusedError if it rejects the request. Nothing is retried here:
    the queue retries jobs. The retries of pip's jira also repeat POSTs, which would duplicate
    comments."""

    def __init__(self, access: JiraAccess) -> None:
        self._given = access

    @property
    def _access(self) -> JiraAccess:
        """Raises JiraRefusedError if it isn't set; features that need no Jira work without it."""
        if not self._given.api_url:
            raise JiraRefusedError(
                "DEJABUG_JIRA_URL is not set. Example: DEJABUG_JIRA_URL=https://studio.atlassian.net"
            )
        if not self._given.token:
            raise JiraRefusedError(
                "DEJABUG_JIRA_TOKEN is not set. Set it to an API token (Cloud) or a personal "
                "access token (Data Center) of Déjà Bug's Jira account"
            )
        return self._given

    # Who and where

    def myself(self) -> str:
        """Our account's id; requested once."""
        return self._myself

    @cached_property
    def _myself(self) -> str:
        found = account_of(self.ask("GET", "myself"))
        if found is None:
            raise JiraRefusedError("Jira treats us as anonymous: check DEJABUG_JIRA_TOKEN")
        return found

    def check_account(self) -> None:
        """Check that Jira still accepts our account. Raises JiraRefusedError.

        An expired token doesn't always cause an error: Jira may treat a search or a bulk fetch as
        anonymous, and answer with status 200 and no issues.
        """
        if account_of(self.ask("GET", "myself")) != self.myself():
            raise JiraRefusedError(
                "Jira no longer accepts our account: check whether DEJABUG_JIRA_TOKEN has expired"
            )

    @cached_property
    def is_cloud(self) -> bool:
        """Whether this is Jira Cloud rather than Data Center; requested once."""
        if self._access.cloud is not None:
            return self._access.cloud
        return str(self.ask("GET", "serverInfo").get("deploymentType")) == "Cloud"

    def server(self) -> str:
        """The type and version of this Jira: `Cloud 1001.0.0`."""
        info = self.ask("GET", "serverInfo")
        return f"{info.get('deploymentType', 'Jira')} {info.get('version', '')}".strip()

    def ask(self, method: str, path: str, **options: Any) -> Mapping[str, Any]:
        """The JSON at a path of the REST API of issues; `options` are those of requests.

        Raises IssueGoneError if there is nothing at this path or Jira hides it.
        """
        if "json" in options:
            options["data"] = json.dumps(options.pop("json"))
        with translated(IssueGoneError(f"Jira has nothing at {path.partition('?')[0]}")):
            answer = self._session.request(method, self._url(path), **options)
        return cast(Mapping[str, Any], answer.json())

    def rest(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, gone: Exception
    ) -> Any:
        """A request to one of Jira's other REST APIs, e.g. the one for webhooks.

        `path` is relative to Jira's address. Returns the response's JSON, or None if it is empty.
        Raises `gone` if Jira has nothing at that address.
        """
        with translated(gone):
            answer = self._session.request(
                method,
                f"{self._access.api_url}/{path}",
                data=None if body is None else json.dumps(body),
            )
        return answer.json() if answer.content else None

    # Issues

    def issue(self, issue_id: str) -> Issue:
        """An issue by id or key. Raises IssueGoneError if it is deleted or hidden from us."""
        gone = f"issue {issue_id} doesn't exist, or our Jira account may not see it"
        with translated(IssueGoneError(gone)):
            return parse_issue(self._jira.issue(issue_id, fields=",".join(FIELDS)).raw)

    def issues(self, issue_ids: Collection[str]) -> dict[str, Issue]:
        """The current issues by numeric id, without those that are deleted or hidden from us."""
        issues = (parse_issue(raw) for raw in self._bulk(issue_ids, FIELDS))
        return {issue.id: issue for issue in issues if issue.id in issue_ids}

    def present(self, issue_ids: Collection[str]) -> set[str]:
        """The numeric ids of those issues that exist and are not hidden from us."""
        return {str(raw["id"]) for raw in self._bulk(issue_ids, ["status"])} & set(issue_ids)

    def sees_project(self, key: str) -> bool:
        """Whether a project exists and is not hidden from us."""
        try:
            self.ask("GET", f"project/{quote(key, safe='')}")
        except IssueGoneError:
            return False
        return True

    def _bulk(self, issue_ids: Collection[str], fields: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Issues' JSON, by id. On Cloud, this reads the issues themselves and not the search index,
        which may lag behind a security level that was just set."""
        wanted = sorted({issue_id for issue_id in issue_ids if is_id(issue_id)}, key=int)
        for start in range(0, len(wanted), PAGE):
            some = wanted[start : start + PAGE]
            if self.is_cloud:
                asked = {"issueIdsOrKeys": some, "fields": list(fields)}
                answer = self.ask("POST", "issue/bulkfetch", json=asked)
            else:
                # Without validateQuery=False, Jira answers 400 if the JQL has a deleted issue.
                query = {"jql": f"id in ({', '.join(some)})", "fields": list(fields)}
                strict = {"maxResults": PAGE, "validateQuery": False}
                answer = self.ask("POST", "search", json={**query, **strict})
            yield from answer.get("issues") or ()

    def search(
        self,
        jql: str,
        token: str | None = None,
        fields: Sequence[str] = FIELDS,
        *,
        overlapping: bool = False,
    ) -> Page:
        """One page of the issues that match a bounded JQL, with these fields. `overlapping`: on
        Data Center, the next page repeats some issues of this one, so that none is skipped when
        others drop out of the search."""
        if self.is_cloud:
            query: dict[str, Any] = {"jql": jql, "fields": list(fields), "maxResults": PAGE}
            if token is not None:
                query["nextPageToken"] = token
            answer = self.ask("POST", "search/jql", json=query)
            following = answer.get("nextPageToken")
        else:
            start = int(token or 0)
            asked = {"jql": jql, "fields": list(fields), "maxResults": PAGE, "startAt": start}
            answer = self.ask("POST", "search", json=asked)
            size = len(answer.get("issues", []))
            end, again = start + size, size // OVERLAP if overlapping else 0
            following = str(end - again) if start < end < int(answer.get("total", 0)) else None
        return Page([parse_issue(raw) for raw in answer.get("issues", [])], following)

    def count(self, jql: str) -> int:
        """The approximate number of issues that match a bounded JQL, for a progress bar."""
        if self.is_cloud:
            answer = self.ask("POST", "search/approximate-count", json={"jql": jql})
            return int(answer.get("count") or 0)
        answer = self.ask("POST", "search", json={"jql": jql, "maxResults": 0})
        return int(answer.get("total") or 0)

    # Attachments

    def download(
        self,
        attachment_id: str,
        path: Path,
        *,
        max_bytes: int,
        filename: str,
        wanted: Wanted | None = None,
    ) -> int:
        """Stream an attachment to a file; returns the number of bytes.

        The address is built from our settings and the id, never taken from a payload. Raises
        AttachmentTooLargeError beyond `max_bytes`, AttachmentGoneError if it doesn't exist, and
        UnwantedError if its first bytes are not `wanted`.
        """
        gone = AttachmentGoneError(
            f"attachment {attachment_id} doesn't exist, or our Jira account may not see it"
        )
        if self.is_cloud:
            address = self._url(f"attachment/content/{int(attachment_id)}?redirect=false")
        else:
            name = quote(filename, safe="")
            address = f"{self._access.api_url}/secure/attachment/{int(attachment_id)}/{name}"
        with (
            translated(gone),
            self._plain.get(
                address, headers=AS_IT_IS, stream=True, allow_redirects=False, timeout=TIMEOUT
            ) as answer,
        ):
            if not answer.ok:
                raise jira.JIRAError(answer.reason, answer.status_code, response=answer)
            size = save_attachment(answer, path, max_bytes, wanted)
        return size

    def attach(self, issue_id: str, filename: str, content: bytes) -> str:
        """Attach a file to an issue; returns the attachment's id."""
        gone = f"can't attach a file to issue {issue_id}: it is deleted or hidden from us"
        with translated(IssueGoneError(gone)):
            answer = self._session.post(
                self._url(f"issue/{issue_id}/attachments"),
                files={"file": (filename, content, "image/png")},
                headers={"X-Atlassian-Token": "no-check", "Content-Type": None},
            )
        return str(cast(list[dict[str, Any]], answer.json())[0]["id"])

    def delete_attachment(self, attachment_id: str) -> None:
        """Delete an attachment; no error if it doesn't exist."""
        with contextlib.suppress(AttachmentGoneError), translated(AttachmentGoneError()):
            self._session.delete(self._url(f"attachment/{attachment_id}"))

    # Our comment

    def find_own_comment(self, issue_id: str) -> str | None:
        """The id of our comment on an issue, found by its property, or None."""
        start = 0
        while True:
            address = f"issue/{issue_id}/comment?expand=properties&startAt={start}&maxResults=100"
            answer = self.ask("GET", address)
            comments = answer.get("comments") or []
            for comment in comments:
                marks = {entry.get("key") for entry in comment.get("properties") or []}
                if MARKER in marks and account_of(comment.get("author")) == self.myself():
                    return str(comment["id"])
            start += len(comments)
            if not comments or start >= int(answer.get("total") or 0):
                return None

    def comment(self, issue_id: str, comment_id: str) -> Comment:
        """A comment by any author. Raises CommentGoneError if it is deleted or hidden from us."""
        with translated(CommentGoneError(f"comment {comment_id} doesn't exist")):
            answer = self._session.get(self._url(f"issue/{issue_id}/comment/{int(comment_id)}"))
        return parse_comment(answer.json())

    def create_comment(self, issue_id: str, body: str, *, internal: bool = False) -> str:
        """Write a comment in wiki text, marked as ours; returns its id. `internal`: hidden from the
        customers of a service project."""
        marker = {"key": MARKER, "value": {"version": 1}}
        return self._write_comment(issue_id, body, [marker, INTERNAL] if internal else [marker])

    def create_passing_comment(self, issue_id: str, body: str) -> str:
        """Write a comment that is soon deleted; returns its id. It isn't marked as our suggestion,
        and customers of a service project don't see it."""
        return self._write_comment(issue_id, body, [INTERNAL])

    def update_comment(self, issue_id: str, comment_id: str, body: str) -> None:
        """Edit our comment without sending emails. Raises CommentGoneError."""
        with translated(CommentGoneError(f"our comment {comment_id} was deleted")):
            self._session.put(
                self._url(f"issue/{issue_id}/comment/{comment_id}?notifyUsers=false"),
                data=json.dumps({"body": body}),
            )

    def delete_comment(self, issue_id: str, comment_id: str) -> None:
        """Delete our comment; no error if it doesn't exist."""
        with contextlib.suppress(CommentGoneError), translated(CommentGoneError()):
            self._session.delete(self._url(f"issue/{issue_id}/comment/{comment_id}"))

    # Inside

    @cached_property
    def _jira(self) -> jira.JIRA:
        access = self._access
        basic = (access.user, access.token) if access.user else None
        client = jira.JIRA(
            server=access.api_url,
            options={"rest_api_version": "2", "check_update": False},
            basic_auth=basic,
            token_auth=None if basic else access.token,
            get_server_info=False,
            max_retries=0,
            timeout=TIMEOUT,
        )
        client._session.hooks["response"].append(jira_answered)
        return client

    @property
    def _session(self) -> Any:
        return self._jira._session

    @cached_property
    def _plain(self) -> requests.Session:
        """For downloads: the session of pip's jira reads every successful response into memory,
        even a streamed one, before its size can be checked."""
        session = requests.Session()
        session.auth = self._authorize
        session.hooks["response"].append(jira_answered)
        return session

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._access.user:
            HTTPBasicAuth(self._access.user, self._access.token)(request)
        else:
            request.headers["Authorization"] = f"Bearer {self._access.token}"
        return request

    def _write_comment(self, issue_id: str, body: str, properties: list[dict[str, Any]]) -> str:
        asked = json.dumps({"body": body, "properties": properties})
        gone = f"can't comment on issue {issue_id}: it is deleted or hidden from us"
        with translated(IssueGoneError(gone)):
            answer = self._session.post(self._url(f"issue/{issue_id}/comment"), data=asked)
        return str(answer.json()["id"])

    def _url(self, path: str) -> str:
        return f"{self._access.api_url}/rest/api/2/{path}"
