"""Jira's REST API, version 2: the one that takes wiki text, on Cloud and on Data Center alike."""

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
from dejabug.infra.metrics import JIRA_REQUESTS, jira_answered
from dejabug.jira.attachments import save_attachment
from dejabug.jira.errors import (
    AttachmentGoneError,
    CommentGoneError,
    IssueGoneError,
    JiraRefusedError,
    JiraUnavailableError,
    limit_reached,
    login_failed,
    retry_after,
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

# Seconds to connect, and between two packets.
TIMEOUT = (5, 60)
# Issues per search, and per bulk re-read (Jira's own limit for a page with fields).
PAGE = 100
# Where pages overlap, a tenth of Data Center's page is on the next one too: as many issues may
# leave a search (deleted, moved, too old for it) while a page is worked on.
OVERLAP = 10
# The property by which we know our own comment again, after whatever was lost.
MARKER = "dejabug"
# The property by which a service project hides a comment from its customers.
INTERNAL = {"key": "sd.public.comment", "value": {"internal": True}}


@dataclass(frozen=True)
class JiraAccess:
    """How to reach Jira: `api_url` for REST, `browse_url` for links; `user` None for a token of
    Data Center or of a viewer (sent as Bearer), an e-mail for Cloud (sent as Basic); `cloud` None
    where Jira itself must say what it is."""

    api_url: str
    browse_url: str
    user: str | None
    token: str = field(repr=False)
    cloud: bool | None = None


@dataclass(frozen=True)
class Page:
    """One page of a search, and the token of the next one, None at the end."""

    issues: list[Issue]
    next_token: str | None


class JiraClient:
    """Jira as our own account. Every method raises JiraUnavailableError when Jira is away or asks
    for a pause, and JiraRefusedError when it refuses us. Nothing is retried here: the queue does
    that, since pip jira's own retries repeat POSTs, and comments would double."""

    def __init__(self, access: JiraAccess) -> None:
        self._given = access

    @property
    def _access(self) -> JiraAccess:
        """Raises JiraRefusedError where it is not set: what needs no Jira works without."""
        if not self._given.api_url or not self._given.token:
            raise JiraRefusedError(
                "DEJABUG_JIRA_URL and DEJABUG_JIRA_TOKEN must be set to speak to Jira"
            )
        return self._given

    # Who and where

    def myself(self) -> str:
        """Our account's id; asked once."""
        return self._myself

    @cached_property
    def _myself(self) -> str:
        found = account_of(self.ask("GET", "myself"))
        if found is None:
            raise JiraRefusedError("Jira does not say who we are: check the token")
        return found

    def check_account(self) -> None:
        """Ask Jira again whether it knows our account. Raises JiraRefusedError.

        A token that has run out does not always end in an error: Jira may answer a search or a
        bulk fetch as for nobody, with 200 and without the issues.
        """
        if account_of(self.ask("GET", "myself")) != self.myself():
            raise JiraRefusedError("Jira does not know our account any more: check the token")

    @cached_property
    def is_cloud(self) -> bool:
        """Whether this is Jira Cloud, and not Data Center; asked once."""
        if self._access.cloud is not None:
            return self._access.cloud
        return str(self.ask("GET", "serverInfo").get("deploymentType")) == "Cloud"

    def server(self) -> str:
        """Kind and version of the Jira that answers."""
        info = self.ask("GET", "serverInfo")
        return f"{info.get('deploymentType', 'Jira')} {info.get('version', '')}".strip()

    def ask(self, method: str, path: str, **options: Any) -> Mapping[str, Any]:
        """The JSON at a path of the REST API of issues; `options` are those of requests.

        Raises IssueGoneError where Jira has nothing there, or hides it.
        """
        if "json" in options:
            options["data"] = json.dumps(options.pop("json"))
        with _translated(IssueGoneError(f"Jira knows no {path.partition('?')[0]}")):
            answer = self._session.request(method, self._url(path), **options)
        return cast(Mapping[str, Any], answer.json())

    def rest(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, gone: Exception
    ) -> Any:
        """One request to another of Jira's REST APIs than that of issues, e.g. the webhooks'.

        `path` goes from Jira's address on. Gives the answer's JSON, None when it has none; raises
        `gone` where Jira has nothing at that address.
        """
        with _translated(gone):
            answer = self._session.request(
                method,
                f"{self._access.api_url}/{path}",
                data=None if body is None else json.dumps(body),
            )
        return answer.json() if answer.content else None

    # Issues

    def issue(self, issue_id: str) -> Issue:
        """An issue by id or key. Raises IssueGoneError when it is deleted or hidden from us."""
        with _translated(IssueGoneError(f"issue {issue_id} is not there, or hidden from us")):
            return parse_issue(self._jira.issue(issue_id, fields=",".join(FIELDS)).raw)

    def issues(self, issue_ids: Collection[str]) -> dict[str, Issue]:
        """Issues by numeric id, as they are now; those hidden from us or deleted are absent."""
        issues = (parse_issue(raw) for raw in self._bulk(issue_ids, FIELDS))
        return {issue.id: issue for issue in issues if issue.id in issue_ids}

    def present(self, issue_ids: Collection[str]) -> set[str]:
        """Those of these issues that are there and not hidden from us, by numeric id."""
        return {str(raw["id"]) for raw in self._bulk(issue_ids, ["status"])} & set(issue_ids)

    def sees_project(self, key: str) -> bool:
        """Whether a project is there and not hidden from us."""
        try:
            self.ask("GET", f"project/{quote(key, safe='')}")
        except IssueGoneError:
            return False
        return True

    def _bulk(self, issue_ids: Collection[str], fields: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Issues' JSON, by id. On Cloud the issues themselves are asked for and not the search
        index, which may lag behind a security level that was just set."""
        wanted = sorted({issue_id for issue_id in issue_ids if is_id(issue_id)}, key=int)
        for start in range(0, len(wanted), PAGE):
            some = wanted[start : start + PAGE]
            if self.is_cloud:
                asked = {"issueIdsOrKeys": some, "fields": list(fields)}
                answer = self.ask("POST", "issue/bulkfetch", json=asked)
            else:
                # To a JQL that names a deleted issue, Jira says 400 unless it is not to look.
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
        """One page of the issues that a bounded JQL finds, with these fields. `overlapping`: the
        next page begins with some of this one's, where Jira counts pages, so that none is passed
        over when others leave."""
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
        """About how many issues a bounded JQL finds, for a progress bar."""
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
        """Stream an attachment to a file; the number of bytes.

        The address is built from our own settings and the id, never taken from a payload. Raises
        AttachmentTooLargeError beyond `max_bytes`, AttachmentGoneError when it is not there, and
        UnwantedError when its first bytes are not `wanted`.
        """
        gone = AttachmentGoneError(f"attachment {attachment_id} is not there, or hidden from us")
        if self.is_cloud:
            address = self._url(f"attachment/content/{int(attachment_id)}?redirect=false")
        else:
            name = quote(filename, safe="")
            address = f"{self._access.api_url}/secure/attachment/{int(attachment_id)}/{name}"
        with (
            _translated(gone),
            self._plain.get(
                address, headers=AS_IT_IS, stream=True, allow_redirects=False, timeout=TIMEOUT
            ) as answer,
        ):
            if not answer.ok:
                raise jira.JIRAError(answer.reason, answer.status_code, response=answer)
            size = save_attachment(answer, path, max_bytes, wanted)
        return size

    def attach(self, issue_id: str, filename: str, content: bytes) -> str:
        """Attach a file to an issue; the attachment's id."""
        with _translated(IssueGoneError(f"issue {issue_id} takes no attachment: gone or hidden")):
            answer = self._session.post(
                self._url(f"issue/{issue_id}/attachments"),
                files={"file": (filename, content, "image/png")},
                headers={"X-Atlassian-Token": "no-check", "Content-Type": None},
            )
        return str(cast(list[dict[str, Any]], answer.json())[0]["id"])

    def delete_attachment(self, attachment_id: str) -> None:
        """Delete an attachment; one that is not there is no error."""
        with contextlib.suppress(AttachmentGoneError), _translated(AttachmentGoneError()):
            self._session.delete(self._url(f"attachment/{attachment_id}"))

    # Our comment

    def find_own_comment(self, issue_id: str) -> str | None:
        """The id of our comment on an issue, known by its property, or None."""
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
        """Anybody's comment. Raises CommentGoneError when it is deleted or hidden from us."""
        with _translated(CommentGoneError(f"comment {comment_id} is not there")):
            answer = self._session.get(self._url(f"issue/{issue_id}/comment/{int(comment_id)}"))
        return parse_comment(answer.json())

    def create_comment(self, issue_id: str, body: str, *, internal: bool = False) -> str:
        """Write a comment in wiki text, marked as ours; its id. `internal`: not for customers of a
        service project."""
        marker = {"key": MARKER, "value": {"version": 1}}
        return self._write_comment(issue_id, body, [marker, INTERNAL] if internal else [marker])

    def create_passing_comment(self, issue_id: str, body: str) -> str:
        """Write a comment that is soon deleted; its id. It is not marked as our suggestion, and in
        a service project its customers do not see it."""
        return self._write_comment(issue_id, body, [INTERNAL])

    def update_comment(self, issue_id: str, comment_id: str, body: str) -> None:
        """Edit our comment without an e-mail to anybody. Raises CommentGoneError."""
        with _translated(CommentGoneError(f"our comment {comment_id} was deleted")):
            self._session.put(
                self._url(f"issue/{issue_id}/comment/{comment_id}?notifyUsers=false"),
                data=json.dumps({"body": body}),
            )

    def delete_comment(self, issue_id: str, comment_id: str) -> None:
        """Delete our comment; one that is not there is no error."""
        with contextlib.suppress(CommentGoneError), _translated(CommentGoneError()):
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
        """For downloads: pip jira's own session reads each good answer whole into memory, also one
        that is to be streamed, before anybody can look at its size."""
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
        with _translated(IssueGoneError(f"issue {issue_id} takes no comment: gone or hidden")):
            answer = self._session.post(self._url(f"issue/{issue_id}/comment"), data=asked)
        return str(answer.json()["id"])

    def _url(self, path: str) -> str:
        return f"{self._access.api_url}/rest/api/2/{path}"


@contextlib.contextmanager
def _translated(gone: Exception) -> Iterator[None]:
    """pip jira's and requests' errors → ours, in one place. Messages carry no token."""
    try:
        yield
    except jira.JIRAError as error:
        status, headers = error.status_code, getattr(error.response, "headers", None)
        said = (error.text or "").strip()[:200]
        if status in (401, 403) or (status == 404 and login_failed(headers)):
            raise JiraRefusedError(
                f"Jira refuses our account ({status}): check DEJABUG_JIRA_USER and "
                f"DEJABUG_JIRA_TOKEN, and its permissions in this project. It says: {said}",
                status,
            ) from None
        if status == 404:
            raise gone from None
        if status == 429 or status is None or status >= 500:
            raise JiraUnavailableError(
                f"Jira answers {status}: {said}", retry_after(headers), limit_reached(headers)
            ) from None
        raise JiraRefusedError(
            f"Jira takes our request for wrong ({status}): {said}", status
        ) from None
    except UnicodeEncodeError:  # a header's
        raise JiraRefusedError(
            "DEJABUG_JIRA_USER or DEJABUG_JIRA_TOKEN has a sign that cannot be sent to Jira"
        ) from None
    except requests.RequestException as error:
        JIRA_REQUESTS.labels("none").inc()
        raise JiraUnavailableError(f"Jira cannot be reached: {type(error).__name__}") from None
