"""Pages to look at: the list of tickets, one ticket with its comments, and a form to file one."""

from __future__ import annotations

from flask import Blueprint, abort, g, redirect, render_template, request, send_file, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from dejabug.demo.jira_standin import wiki
from dejabug.demo.jira_standin.files import keep_upload
from dejabug.demo.jira_standin.forge import forge, viewer_of_pages
from dejabug.demo.jira_standin.site import store, tell
from dejabug.demo.jira_standin.store import Issue

blueprint = Blueprint("pages", __name__, template_folder="templates")


@blueprint.before_request
def as_tester() -> None:
    """Who looks at the pages is the make-believe studio's tester."""
    g.user = viewer_of_pages(store())


@blueprint.get("/")
def listing() -> str:
    """All tickets, newest first, or those that a word occurs in."""
    word = request.args.get("q", "").strip()
    with store().lock:
        seen = store().seen_by(g.user)
        found = [issue for issue in seen if word.lower() in f"{issue.key} {issue.summary}".lower()]
        found.sort(key=lambda issue: int(issue.id), reverse=True)
        return render_template("listing.html", issues=found, word=word, total=len(seen))


@blueprint.get("/browse/<key>")
def browse(key: str) -> str:
    """One ticket with its clips and comments."""
    with store().lock:
        issue = store().find(key, g.user)
        if issue is None:
            abort(404)
        images = {
            each.filename: url_for("pages.file", number=each.id) for each in issue.attachments
        }
        comments = [
            (store().users[each.author].name, each.created, Markup(wiki.render(each.body, images)))  # noqa: S704 (wiki.render escapes)
            for each in issue.comments
        ]
        reporter = store().users[issue.reporter].name
        return render_template(
            "issue.html",
            issue=issue,
            comments=comments,
            reporter=reporter,
            panel=forge().has_panel,
        )


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
def create() -> str | Response:
    """File a ticket as the tester, with its clip in one go, as Jira's own form does."""
    with store().lock:
        if request.method == "GET":
            games = sorted({name for each in store().issues.values() for name in each.components})
            keys = sorted({each.project for each in store().issues.values()}) or ["GAME"]
            return render_template("create.html", games=games, projects=keys)
        form = request.form
        issue: Issue = store().create(
            form["project"],
            g.user.account_id,
            summary=form["summary"],
            description=form.get("description", ""),
            components=[form["game"]] if form.get("game") else [],
        )
        for upload in request.files.getlist("file"):
            if upload.filename:
                keep_upload(issue, upload)
        tell("jira:issue_created", issue, issue_event_type_name="issue_created")
        return redirect(url_for("pages.browse", key=issue.key))
