"""A page to read and try the API: Swagger UI, served from the package. Nothing is loaded from other
hosts."""

from __future__ import annotations

from importlib.resources import files

from flask import Blueprint, Response, abort

from dejabug.web.api.errors import PREFIX

TYPES = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
PAGE = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Déjà Bug API</title>
<link rel="icon" href="{PREFIX}/docs/favicon-32x32.png">
<link rel="stylesheet" href="{PREFIX}/docs/swagger-ui.css">
<p class="swagger-ui wrapper"><a href="/">Back to search</a></p>
<div id="api"></div>
<script src="{PREFIX}/docs/swagger-ui-bundle.js"></script>
<script src="{PREFIX}/docs/start.js"></script>
</html>
"""
# Without `validatorUrl: null`, Swagger UI sends the document's address to an external validator.
START = f"""SwaggerUIBundle({{
  url: "{PREFIX}/openapi.json", dom_id: "#api", validatorUrl: null, deepLinking: true,
}});
"""
# Swagger UI 5 sets styles by script, which `style-src` allows (CSP Level 3, 6.2).
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
A_DAY = "public, max-age=86400"


def register(blueprint: Blueprint) -> None:
    """Add the page to the API."""
    blueprint.add_url_rule("/docs", view_func=page)
    blueprint.add_url_rule("/docs/start.js", view_func=start)
    blueprint.add_url_rule("/docs/<name>", view_func=part)


def page() -> Response:
    """The page itself."""
    answer = Response(PAGE, mimetype="text/html")
    answer.headers["Content-Security-Policy"] = POLICY
    return answer


def start() -> Response:
    """The script that starts Swagger UI."""
    return Response(START, mimetype="text/javascript")


def part(name: str) -> Response:
    """One of Swagger UI's files."""
    if name not in TYPES:
        abort(404)
    data = (files("flask_swagger_ui") / "dist" / name).read_bytes()
    answer = Response(data, mimetype=TYPES[name])
    answer.headers["Cache-Control"] = A_DAY
    return answer
