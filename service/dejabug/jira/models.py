"""Issues and attachments, parsed from Jira's JSON without trusting its structure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dejabug.jira.adf import words_in

# The requested fields; an issue may have hundreds.
FIELDS = (
    "summary",
    "description",
    "status",
    "resolution",
    "project",
    "security",
    "components",
    "fixVersions",
    "attachment",
    "issuelinks",
    "created",
    "updated",
    "reporter",
    "assignee",
)
# Wiki markup for formatting a part of a word, as Jira's editor writes it: "{*}Tele{*}port". (Around
# whole words the markup has no braces and does no harm.)
EFFECTS = re.compile(r"\{(?:[*_+^~-]|\?\?|color(?::[^{}\s]{1,40})?)\}")
# The most digits of an id.
LONGEST_ID = 18
# Characters of a person's name that are shown.
LONGEST_NAME = 60
# Invisible characters that are part of names in Persian, Hindi and other scripts.
JOINERS = "\u200c\u200d"


@dataclass(frozen=True)
class Attachment:
    """A file on an issue; its id is also the clip's id. `size` in bytes, `created` as Jira's
    timestamp."""

    id: str
    filename: str
    mime_type: str
    size: int
    author_id: str | None
    created: str = ""


@dataclass(frozen=True)
class Link:
    """A link to another issue: the name of the link type (`Duplicate`), the other issue's id and
    key.

    `outward`: "this issue duplicates the other"; otherwise "is duplicated by".
    """

    kind: str
    issue_id: str
    key: str
    outward: bool = False


@dataclass(frozen=True)
class Issue:
    """A Jira issue. `security`: the name of its security level, or None; `service_project`: whether
    customers can read its public comments; `status_category`: `new`, `indeterminate` or `done`.
    `reporter` and `assignee`: display names, None where there is none or Jira hides the field; they
    are never stored (docs/decisions/029-names-of-people.md)."""

    id: str
    key: str
    project: str
    summary: str = ""
    description: str = ""
    status: str = ""
    status_category: str = ""
    resolution: str | None = None
    security: str | None = None
    components: tuple[str, ...] = ()
    fix_versions: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    links: tuple[Link, ...] = ()
    created: str = ""
    updated: str = ""
    service_project: bool = False
    reporter: str | None = None
    assignee: str | None = None

    def duplicates(self, kinds: Collection[str]) -> Iterator[str]:
        """The ids of issues linked to this one as duplicates; `kinds` in lower case."""
        return (link.issue_id for link in self.links if link.kind.lower() in kinds)

    def originals(self, kinds: Collection[str]) -> list[str]:
        """The ids of the issues that this one duplicates: the path to the original issue."""
        return [link.issue_id for link in self.links if link.outward and link.kind.lower() in kinds]


@dataclass(frozen=True)
class Comment:
    """A comment: its author, and its text as wiki text. `public`: whether customers can read it."""

    id: str
    author_id: str | None
    author: str
    body: str
    public: bool = True


def parse_issue(raw: Mapping[str, Any]) -> Issue:
    """An issue from REST's JSON. Raises KeyError if it has no id or key."""
    fields = as_mapping(raw.get("fields"))
    key, project = str(raw["key"]), as_mapping(fields.get("project"))
    status = as_mapping(fields.get("status"))
    return Issue(
        id=str(raw["id"]),
        key=key,
        project=str(project.get("key") or key.rpartition("-")[0]),
        summary=str(fields.get("summary") or ""),
        description=EFFECTS.sub("", plain_text(fields.get("description"))),
        status=_name(status) or "",
        status_category=str(as_mapping(status.get("statusCategory")).get("key") or ""),
        resolution=_name(fields.get("resolution")),
        security=_security(fields.get("security")),
        components=tuple(_names(fields.get("components"))),
        fix_versions=tuple(_names(fields.get("fixVersions"))),
        attachments=tuple(
            parse_attachment(item)
            for item in _items(fields.get("attachment"))
            if isinstance(item, Mapping) and item.get("id")
        ),
        links=tuple(_links(fields.get("issuelinks"))),
        created=str(fields.get("created") or ""),
        updated=str(fields.get("updated") or ""),
        service_project=project.get("projectTypeKey") == "service_desk",
        reporter=display_name(fields.get("reporter")),
        assignee=display_name(fields.get("assignee")),
    )


def parse_comment(raw: Mapping[str, Any]) -> Comment:
    """A comment from REST's JSON. Raises KeyError when it has no id."""
    author = as_mapping(raw.get("author"))
    return Comment(
        id=str(raw["id"]),
        author_id=account_of(author),
        author=display_name(author) or "someone",
        body=plain_text(raw.get("body")),
        public=raw.get("jsdPublic") is not False,
    )


def parse_attachment(raw: Mapping[str, Any]) -> Attachment:
    """An attachment from REST's JSON."""
    size = raw.get("size")
    return Attachment(
        id=str(raw["id"]),
        filename=str(raw.get("filename") or ""),
        mime_type=str(raw.get("mimeType") or ""),
        size=size if isinstance(size, int) else 0,
        author_id=account_of(raw.get("author")),
        created=str(raw.get("created") or ""),
    )


def is_id(text: str) -> bool:
    """Whether this can be one of Jira's numeric ids: ASCII digits that always fit a 64-bit number.
    `int` would also accept digits of other scripts, and fail at more than 4,300 digits."""
    return text.isascii() and text.isdigit() and len(text) <= LONGEST_ID


def account_of(user: Any) -> str | None:
    """A user's stable id: Cloud's accountId, Data Center's key or name."""
    user = as_mapping(user)
    found = user.get("accountId") or user.get("key") or user.get("name")
    return str(found) if found else None


def display_name(user: Any) -> str | None:
    """What a user is called, on one line of at most LONGEST_NAME characters; None for nobody.

    Never an account id or an email address: of an address that serves as a name, as Jira shows it
    for an invited user, this gives the part before the @.
    """
    said = str(as_mapping(user).get("displayName") or "")
    shown = "".join(sign if sign.isprintable() or sign in JOINERS else " " for sign in said)
    name = " ".join(re.sub(r"(\S)@\S+", r"\1", shown).split())
    if len(name) > LONGEST_NAME:
        name = f"{name[: LONGEST_NAME - 1].rstrip()}…"
    return name or None


def plain_text(text: Any) -> str:
    """Wiki text unchanged; an Atlassian document (ADF) as plain text."""
    return words_in(text) if isinstance(text, Mapping) else str(text or "")


def _links(values: Any) -> Iterator[Link]:
    for value in _items(values):
        link = as_mapping(value)
        other = as_mapping(link.get("inwardIssue") or link.get("outwardIssue"))
        if other.get("id"):
            kind = _name(link.get("type")) or ""
            outward = bool(link.get("outwardIssue"))
            yield Link(kind, str(other["id"]), str(other.get("key") or ""), outward)


def _security(value: Any) -> str | None:
    # A level without a name still restricts the issue.
    return (_name(value) or "unnamed") if value else None


def _names(values: Any) -> Iterator[str]:
    for value in _items(values):
        name = _name(value)
        if name:
            yield name


def _name(value: Any) -> str | None:
    name = as_mapping(value).get("name")
    return str(name) if name else None


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def as_mapping(value: Any) -> Mapping[str, Any]:
    """A JSON object unchanged; anything else becomes an empty one."""
    return value if isinstance(value, Mapping) else {}
