"""The stand-in as a Flask app: authentication, faults on demand, and its parts."""

from __future__ import annotations

import base64
import threading
import time
from pathlib import Path
from typing import Any, Literal

from flask import Flask, Response, current_app, g, jsonify, request

from dejabug.demo.jira_standin import (
    admin,
    files,
    forge,
    links,
    pages,
    people,
    rest,
    sign_in,
    talk,
)
from dejabug.demo.jira_standin.jql import JqlError
from dejabug.demo.jira_standin.sender import Sender
from dejabug.demo.jira_standin.site import TroubleError
from dejabug.demo.jira_standin.store import Store, User

# Seconds between snapshots of the tickets.
SNAPSHOT = 2.0
# How paths end where a POST changes nothing.
READS = ("/bulkfetch", "/search", "/search/jql", "/approximate-count", "/permissions/check")


def create_app(
    folder: Path,
    users: list[User],
    deployment: Literal["Cloud", "Server"] = "Cloud",
    app_of_ours: forge.Forge | None = None,
    client_secret: str = "",
) -> Flask:
    """A site with these accounts, whose tickets are stored in `folder`.

    Data Center calls itself `Server`. `app_of_ours` is the Jira app that is installed there. With
    a `client_secret`, people can sign in to a service on this machine at the site.
    """
    app = Flask(__name__)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    for part in (rest, files, talk, links, people, sign_in):
        app.register_blueprint(part.blueprint)
    app.register_blueprint(admin.blueprint)
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(forge.blueprint)
    app.before_request(_enter)
    app.after_request(_leave)
    app.register_error_handler(TroubleError, lambda error: (jsonify(error.body), error.status))
    app.register_error_handler(
        JqlError, lambda error: (jsonify(errorMessages=[str(error)], errors={}), 400)
    )
    fill(app, folder, users, deployment, app_of_ours, client_secret)
    return app


def fill(
    app: Flask,
    folder: Path,
    users: list[User],
    deployment: Literal["Cloud", "Server"] = "Cloud",
    app_of_ours: forge.Forge | None = None,
    client_secret: str = "",
) -> None:
    """Give the app a new site. In tests, one app serves many sites in turn, because making its
    routes takes 50 ms. The extension `ended` stops the site's snapshots."""
    store = Store(folder, users)
    app.extensions["store"] = store
    app.extensions["sender"] = Sender(store.hooks)
    app.extensions["faults"] = []
    app.extensions["deployment"] = deployment
    app.extensions["requests"] = []
    app.extensions["forge"] = app_of_ours or forge.Forge()
    app.extensions["sign_in"] = sign_in.SignIn(client_secret)
    ended = app.extensions["ended"] = threading.Event()
    threading.Thread(target=_snapshots, args=(store, ended), name="snapshots", daemon=True).start()


def _enter() -> Response | tuple[Response, int] | tuple[Response, int, dict[str, str]] | None:
    """Find the account or refuse the request; answer with a fault where a test ordered one."""
    store, faults = _part("store"), _part("faults")
    if request.path.startswith("/rest/") or request.path.startswith("/secure/"):
        with store.lock:
            fault = next((each for each in faults if request.path.startswith(each["path"])), None)
            if fault is not None:
                fault["count"] -= 1
                if fault["count"] <= 0:
                    faults.remove(fault)
        if fault is not None and fault["status"]:
            body = jsonify(errorMessages=["ordered by a test"], errors={})
            return body, fault["status"], fault["headers"]
        if fault is not None:
            time.sleep(fault["delay"])
            if "until" in fault:  # a test in this process says when
                fault["until"].wait()
        g.user = _account(store)
        if g.user is None:
            return jsonify(errorMessages=["Client must be authenticated."], errors={}), 401
    return None


def _leave(response: Response) -> Response:
    if request.method not in ("GET", "HEAD") and not request.path.endswith(READS):
        _part("store").changed = True
    if request.path.startswith("/rest/") and not request.path.endswith("/log"):
        rule = request.url_rule.rule if request.url_rule else request.path
        entry: dict[str, Any] = {
            "method": request.method,
            "rule": rule,
            "path": request.path,
            "query": request.args.to_dict(),
            "status": response.status_code,
        }
        # As bytes: the garbage collector would walk through thousands of parsed answers.
        if request.is_json:
            entry["body"] = request.get_data()
        if response.is_json:
            entry["answer"] = response.get_data()
        _part("requests").append(entry)
    return response


def _account(store: Store) -> User | None:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    for user in store.users.values():
        basic = base64.b64encode(f"{user.email}:{user.token}".encode()).decode()
        if (scheme.lower(), value) in (("basic", basic), ("bearer", user.token)):
            return user
    return None


def _part(name: str) -> Any:
    return current_app.extensions[name]


def _snapshots(store: Store, ended: threading.Event) -> None:
    while not ended.wait(SNAPSHOT):
        store.save()
