"""Pages for people: the list of tickets, one ticket with its comments and links, and a form to file
one."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Response,
    abort,
    g,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from dejabug.demo.jira_standin import links, talk, wiki
from dejabug.demo.jira_standin.files import keep_upload
from dejabug.demo.jira_standin.forge import forge, viewer_of_pages
from dejabug.demo.jira_standin.shapes import LINK_TYPES
from dejabug.demo.jira_standin.site import TroubleError, change_item, store, tell
from dejabug.demo.jira_standin.store import Comment, Issue, timestamp

blueprint = Blueprint("pages", __name__, template_folder="templates")
# What the status menu offers: status, resolution.
STATES = {
    "Open": ("Open", None),
    "In Progress": ("In Progress", None),
    "Done – Fixed": ("Done", "Fixed"),
    "Done – Cannot Reproduce": ("Done", "Cannot Reproduce"),
}
# Characters of a comment, as in Jira.
LONGEST_COMMENT = 32_767


@blueprint.before_request
def as_tester() -> None:
    """Everybody who looks at the pages is the tester. Another site's page can't send forms."""
    g.user = viewer_of_pages(store())
    origin = request.headers.get("Origin")
    if request.method == "POST" and origin and urlsplit(origin).netloc != request.host:
        abort(403, "Send this form from the stand-in's own page.")


@blueprint.errorhandler(TroubleError)
def missing(error: TroubleError) -> tuple[str, int]:
    """A ticket, comment or link that doesn't exist."""
    return render_template("missing.html", problem=str(error)), error.status


@blueprint.app_template_filter("when")
def when(moment: str) -> str:
    """A time as Jira stores it → "12 Jan 2026, 09:00"."""
    return datetime.strptime(moment[:16], "%Y-%m-%dT%H:%M").strftime("%d %b %Y, %H:%M")


@blueprint.app_template_filter("size")
def size(count: int) -> str:
    """Bytes → "120 kB" or "1.4 MB"."""
    return f"{count / 1_000_000:.1f} MB" if count >= 1_000_000 else f"{max(1, count // 1000)} kB"


@blueprint.get("/")
def listing() -> str:
    """All tickets, newest first, or those that contain the words searched for."""
    words = request.args.get("q", "").split()
    with store().lock:
        seen = store().seen_by(g.user)
        found = [issue for issue in seen if _contains(issue, words)]
        found.sort(key=lambda issue: int(issue.id), reverse=True)
        return render_template("listing.html", issues=found, words=" ".join(words), total=len(seen))


@blueprint.get("/browse/<key>")
def browse(key: str) -> str:
    """One ticket with its clips, links and comments."""
    with store().lock:
        return _ticket(_issue(key))


@blueprint.post("/browse/<key>/comment")
def comment(key: str) -> AnyResponse:
    """Add a comment as the tester."""
    with store().lock:
        issue = _issue(key)
        written = talk.write(issue, _comment_text(), [])
        return redirect(_address(issue, f"comment-{written.id}"))


@blueprint.post("/browse/<key>/comment/<number>")
def change_comment(key: str, number: str) -> AnyResponse:
    """Save or delete a comment of the tester's own."""
    with store().lock:
        issue = _issue(key)
        found = talk.find(issue, number)
        if not _is_own(found):
            abort(403, "You can change your own comments only.")
        if request.form.get("do") == "delete":
            talk.delete(issue, found)
            return redirect(_address(issue, "comments"))
        talk.edit(issue, found, _comment_text())
        return redirect(_address(issue, f"comment-{number}"))


@blueprint.post("/browse/<key>/link")
def link(key: str) -> str | tuple[str, int] | AnyResponse:
    """Link this ticket to another, or remove a link."""
    with store().lock:
        issue = _issue(key)
        if request.form.get("remove"):
            links.remove(request.form["remove"])
            return redirect(_address(issue, "links"))
        wanted = request.form.get("key", "").strip().upper()
        other = store().find(wanted, g.user)
        if other is None or other is issue:
            why = "is this ticket" if other else "doesn't exist"
            return _ticket(issue, link_problem=f"{wanted or 'An empty key'} {why}."), 400
        kind, _, end = request.form.get("kind", "").partition("/")
        if kind not in LINK_TYPES:
            abort(400, "Choose a link type.")
        ends = (other, issue) if end == "inward" else (issue, other)
        links.make(kind, *ends)
        return redirect(_address(issue, "links"))


@blueprint.post("/browse/<key>/status")
def change_status(key: str) -> AnyResponse:
    """Change the ticket's status and resolution."""
    with store().lock:
        issue, state = _issue(key), STATES.get(request.form.get("status", ""))
        if state is None:
            abort(400, "Choose a status.")
        items = [
            change_item(name, getattr(issue, name), value)
            for name, value in zip(("status", "resolution"), state, strict=True)
            if getattr(issue, name) != value
        ]
        issue.status, issue.resolution = state
        issue.updated = timestamp()
        tell("jira:issue_updated", issue, items, issue_event_type_name="issue_generic")
        return redirect(_address(issue))


@blueprint.get("/file/<int:number>")
def file(number: int) -> Response:
    """An attachment, for the pages."""
    found = store().attachment(str(number), g.user)
    if found is None:
        abort(404)
    return send_file(
        store().path_of(found[1].id).resolve(), mimetype=found[1].mime_type, conditional=True
    )


@blueprint.route("/create", methods=["GET", "POST"])
def create() -> str | AnyResponse:
    """File a ticket as the tester, together with its clip, as Jira's own form does."""
    with store().lock:
        if request.method == "GET":
            games = {each.project: each.components for each in store().issues.values()}
            return render_template("create.html", games=games, chosen=request.args.get("project"))
        form = request.form
        issue: Issue = store().create(
            form["project"],
            g.user.account_id,
            summary=form["summary"],
            description=form.get("description", ""),
            components=_components(form["project"]),
        )
        for upload in request.files.getlist("file"):
            if upload.filename:
                keep_upload(issue, upload)
        tell("jira:issue_created", issue, issue_event_type_name="issue_created")
        return redirect(_address(issue))


# Inside


def _ticket(issue: Issue, link_problem: str = "") -> str:
    images = {each.filename: url_for("pages.file", number=each.id) for each in issue.attachments}
    people = {user.account_id: user.name for user in store().users.values()}
    comments = [
        {
            "id": each.id,
            "name": people[each.author],
            "created": each.created,
            "edited": each.updated != each.created,
            "own": _is_own(each),
            "text": each.body,
            "html": Markup(wiki.render(each.body, images)),  # noqa: S704 (wiki.render escapes)
        }
        for each in issue.comments
    ]
    return render_template(
        "issue.html",
        issue=issue,
        comments=comments,
        links=[each for each in links.links_of(issue) if store().find(each[2].id, g.user)],
        link_types=_link_choices(),
        link_problem=link_problem,
        states=STATES,
        reporter=people[issue.reporter],
        assignee=people[issue.assignee] if issue.assignee else "",
        description=Markup(wiki.render(issue.description, images)),  # noqa: S704
        panel=forge().has_panel,
        connected=bool(store().hooks),
        longest=LONGEST_COMMENT,
    )


def _link_choices() -> list[tuple[str, str]]:
    """What the link form offers: value and text."""
    choices = []
    for kind, (_, inward, outward) in LINK_TYPES.items():
        choices.append((f"{kind}/outward", outward))
        if inward != outward:
            choices.append((f"{kind}/inward", inward))
    return choices


def _issue(key: str) -> Issue:
    issue = store().find(key, g.user)
    if issue is None:
        raise TroubleError(404, f"{key} doesn't exist.")
    return issue


def _comment_text() -> str:
    text = request.form.get("body", "").replace("\r\n", "\n").strip()
    if not text or len(text) > LONGEST_COMMENT:
        abort(400, f"Write a comment of 1 to {LONGEST_COMMENT} characters.")
    return text


def _components(project: str) -> list[str]:
    """The project's game, as on its other tickets."""
    issues = [each for each in store().issues.values() if each.project == project]
    return list(issues[0].components) if issues else []


def _is_own(comment: Comment) -> bool:
    return bool(comment.author == g.user.account_id)


def _contains(issue: Issue, words: list[str]) -> bool:
    text = f"{issue.key} {issue.summary} {' '.join(issue.components)} {issue.status}".casefold()
    return all(word.casefold() in text for word in words)


def _address(issue: Issue, anchor: str | None = None) -> str:
    return url_for("pages.browse", key=issue.key, _anchor=anchor)
