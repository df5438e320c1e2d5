"""The OpenAPI 3.1 document, generated from the views' addresses, models and docstrings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from dejabug.web.api.errors import PREFIX
from dejabug.web.api.models import Problem
from dejabug.web.problems import PROBLEM

JSON = "application/json"
EVENTS = "text/event-stream"
SCHEMAS = "#/components/schemas/{model}"
TITLES = {
    400: "A parameter or the body is wrong; `detail` says what to change.",
    401: "Missing, invalid or expired token.",
    403: "No access to the project, or read-only access.",
    404: "Not indexed or not found, or the caller has no access.",
    410: "The job or the cursor has expired; upload the clip or search again.",
    413: "The clip is too large.",
    415: "The body is not multipart/form-data.",
    429: "Too many requests; wait for the number of seconds in `Retry-After`.",
    503: "A part of the service is not available; try again after `Retry-After` seconds.",
}
# Groups of operations, by the first part of their address.
GROUPS = {
    "search": "Search",
    "issues": "Search",
    "jobs": "Search",
    "clips": "Clips",
    "heat-maps": "Clips",
    "status": "Status",
}
# Errors that every view may return.
ALWAYS = (400, 401, 429, 503)


@dataclass(frozen=True)
class Operation:
    """What a view takes and returns: models of its query and of its answers by status (None: no
    content), the errors that it may return in addition to ALWAYS, patterns of the parts of its
    address, whether it takes a file, whether it can answer with a stream of events, and the model
    of a JSON body."""

    query: type[BaseModel] | None
    answers: dict[int, type[BaseModel] | None]
    problems: tuple[int, ...] = ()
    patterns: dict[str, str] = field(default_factory=dict)
    upload: bool = False
    events: bool = False
    body: type[BaseModel] | None = None


def describes(operation: Operation) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Describe a view; the first paragraph of its docstring is the summary."""

    def note(view: Callable[..., Any]) -> Callable[..., Any]:
        view.__dict__["operation"] = operation
        return view

    return note


def document(app: Flask) -> dict[str, Any]:
    """The document for all views with a description."""
    found = list(_operations(app))
    models = {model for _, _, each in found for model in each.answers.values() if model}
    models.add(Problem)
    models |= {each.body for _, _, each in found if each.body}
    pairs = [(model, "serialization") for model in sorted(models, key=lambda each: each.__name__)]
    _, schemas = models_json_schema(pairs, ref_template=SCHEMAS)  # type: ignore[arg-type]
    paths: dict[str, Any] = {}
    for path, (method, view), operation in found:
        paths.setdefault(path, {})[method] = _described(path, view, operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Déjà Bug",
            "version": "1",
            "description": "Find earlier Jira tickets with clips of the same bug.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
        "tags": [{"name": name} for name in dict.fromkeys(GROUPS.values())],
    }


def _operations(
    app: Flask,
) -> Iterator[tuple[str, tuple[str, Callable[..., Any]], Operation]]:
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        operation = view.__dict__.get("operation")
        if rule.rule.startswith(PREFIX) and operation is not None:
            (method,) = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            yield path, (method.lower(), view), operation


def _described(path: str, view: Callable[..., Any], operation: Operation) -> dict[str, Any]:
    summary, _, more = (view.__doc__ or "").partition("\n\n")
    described: dict[str, Any] = {
        "operationId": view.__name__,
        "tags": [GROUPS[path.removeprefix(f"{PREFIX}/").partition("/")[0]]],
        "summary": " ".join(summary.split()),
        "parameters": [*_in_path(path, operation), *_in_query(operation)],
        "responses": dict(_responses(operation)),
    }
    if more:
        described["description"] = " ".join(more.split())
    if operation.upload:
        described["requestBody"] = _body()
    if operation.body is not None:
        content = {JSON: {"schema": _reference(operation.body)}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _in_path(path: str, operation: Operation) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", path):
        schema = {"type": "string", "pattern": f"^{operation.patterns[name]}$"}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _in_query(operation: Operation) -> Iterator[dict[str, Any]]:
    if operation.query is None:
        return
    schema = operation.query.model_json_schema()
    required = schema.get("required", ())
    for name, rules in schema["properties"].items():
        about = rules.pop("description", "")
        rules.pop("title", None)
        if rules.get("default", "") in (None, ""):
            rules.pop("default", None)
        yield {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": about,
            "schema": rules,
        }


def _responses(operation: Operation) -> Iterator[tuple[str, Any]]:
    for status, model in operation.answers.items():
        if model is None:
            yield str(status), {"description": "Done."}
            continue
        content: dict[str, Any] = {JSON: {"schema": _reference(model)}}
        if operation.events:
            content[EVENTS] = {"schema": {"type": "string"}}
        answer: dict[str, Any] = {"description": (model.__doc__ or "").strip(), "content": content}
        if status == 202:
            text = {"type": "string"}
            answer["headers"] = {"Location": {"description": "The job's address.", "schema": text}}
        yield str(status), answer
    for status in sorted({*ALWAYS, *operation.problems}):
        content = {PROBLEM: {"schema": _reference(Problem)}}
        yield str(status), {"description": TITLES[status], "content": content}
    # The web server's own answer, before the request reaches the app.
    plain = {"text/html": {"schema": {"type": "string"}}}
    yield "414", {"description": "The address is longer than 8,190 bytes.", "content": plain}


def _body() -> dict[str, Any]:
    media = "application/octet-stream"
    file = {"type": "string", "contentMediaType": media, "minLength": 1}
    schema = {"type": "object", "properties": {"file": file}, "required": ["file"]}
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": SCHEMAS.format(model=model.__name__)}
