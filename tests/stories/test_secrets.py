"""The whole service, in separate processes, over TLS, as a Redis user with only the documented
permissions; none of its output contains a secret."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import json
import os
import re
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import redis
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from slack_sdk.signature import SignatureVerifier

from dejabug.infra.redis_server import RedisServer, free_port
from dejabug.jira.webhook_events import sign
from support.demo_clips import COWS, QUIET
from support.forks import Fork
from support.jira_site import Site
from support.processes import dejabug
from support.repository import ROOT
from support.waiting import answers, wait_until

PASSWORD = "marked-redis-password"
SECRETS = {
    "DEJABUG_WEBHOOK_SECRET": "marked-webhook-secret",
    "DEJABUG_MEDIA_SECRET": "marked-media-secret-long-enough",
    "DEJABUG_SLACK_SIGNING_SECRET": "marked-slack-signing-secret",
    "DEJABUG_SLACK_BOT_TOKEN": "xoxb-marked-slack-bot-token",
}


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for the loopback that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "redis.pem", folder / "redis.key"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return public, private


def documented_user() -> list[str]:
    """The rules of our Redis user in docs/how-to/redis.md, with this test's password."""
    text = (ROOT / "docs" / "how-to" / "redis.md").read_text("utf-8")
    found = re.search(r"ACL SETUSER dejabug (.*?)\n\n", text, re.S)
    assert found is not None
    return found[1].replace("\\\n", " ").replace("a-long-password", PASSWORD).split()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as running:
        yield running


@pytest.fixture
def admin(server: RedisServer) -> Iterator[redis.Redis]:
    """Redis with our own user, and no way in without a password; its administrator."""
    with redis.Redis.from_url(server.url) as connection:
        connection.execute_command("ACL", "SETUSER", "dejabug", *documented_user())
        connection.execute_command("ACL", "SETUSER", "admin", "on", ">admin", "+@all", "~*", "&*")
        connection.execute_command("ACL", "SETUSER", "default", "off")
    with redis.Redis.from_url(server.url, username="admin", password="admin") as connection:
        yield connection


@pytest.fixture
def tls(server: RedisServer, tmp_path: Path) -> Iterator[int]:
    """The port at which Redis speaks TLS, by a front of ours: the packaged one knows none."""
    port, loop = free_port(), asyncio.new_event_loop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(tmp_path))

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def front(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection("127.0.0.1", server.port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))

    async def serve() -> None:
        await asyncio.start_server(front, "127.0.0.1", port, ssl=context)

    loop.run_until_complete(serve())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield port
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def test_none_of_our_secrets_is_ever_printed(
    environment: dict[str, str],
    admin: redis.Redis,
    tls: int,
    jira: Site,
    clips: Path,
    tmp_path: Path,
) -> None:
    port = free_port()
    host = f"127.0.0.1:{tls}/0?ssl_ca_certs={tmp_path / 'redis.pem'}"
    settings = {
        **environment,
        **SECRETS,
        "DEJABUG_REDIS_URL": f"rediss://dejabug:{PASSWORD}@{host}",
        "DEJABUG_API_REQUESTS_PER_MINUTE": "10000",
        "DEJABUG_PUBLIC_URL": f"http://127.0.0.1:{port}",
    }
    secrets = [*SECRETS.values(), PASSWORD, environment["DEJABUG_JIRA_TOKEN"]]
    said, children = tmp_path / "said.log", []
    for command in (["serve", "--port", str(port)], ["worker"]):
        children.append(Fork(command, {**os.environ, **settings}, said))
    try:
        told = dejabug("token", "create", "--name", "ci", "-p", "GAME", **settings)
        token = told.stdout.strip()
        assert token.startswith("djb_"), told.stderr
        secrets.append(token)
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(f"{url}/healthz"))
        secrets += live(url, token, jira, clips)
        refused = admin.execute_command("ACL", "LOG")
        assert refused == [], f"the documented user may do too little: {refused}"
        backup = dejabug("export", str(tmp_path / "b.zip"), **settings)
        assert backup.returncode == 0, backup.stderr
        admin.shutdown(nosave=True, now=True)
        time.sleep(1.5)  # the workers notice
        ask = requests.get(f"{url}/api/v1/status", headers=bearer(token), timeout=30)
        assert ask.status_code == 503
        assert hook(url, {"webhookEvent": "jira:issue_created"}).status_code in (400, 503)
    finally:
        for child in children:
            child.kill()
            child.wait()
    wrong = f"rediss://dejabug:marked-wrong-password@{host}"
    secrets += ["marked-wrong-password", "marked-torn"]
    outputs = [said.read_text("utf-8", "replace"), told.stderr, backup.stdout + backup.stderr]
    assert "comment_written" in outputs[0]
    for command, address in (
        (["settings"], settings["DEJABUG_REDIS_URL"]),
        (["doctor", "--no-model"], wrong),
        (["doctor", "--no-model"], "redis://:marked-torn/password@h:1/0"),
    ):
        run = dejabug(*command, **{**settings, "DEJABUG_REDIS_URL": address, "COLUMNS": "500"})
        assert run.stdout + run.stderr
        outputs.append(run.stdout + run.stderr)
    for secret in secrets:
        for output in outputs:
            assert secret not in output, f"{secret[:12]}… is in:\n{output[-3000:]}"


def live(url: str, token: str, jira: Site, clips: Path) -> list[str]:
    """A day in the life of a service; the secrets that were made on the way."""
    keys = []
    for clip in (COWS[0], QUIET, COWS[2]):
        keys.append(jira.file("GAME", f"a bug in {clip}", clips / clip))
        issue = {"id": jira.issue(keys[-1])["id"], "key": keys[-1]}
        event = {"webhookEvent": "jira:issue_created", "user": {"accountId": "t"}, "issue": issue}
        assert hook(url, event).status_code == 202
    assert hook(url, event, "sha256=marked-wrong").status_code == 401
    assert hook(url, {"no": "issue"}).status_code == 400
    api = f"{url}/api/v1"

    def found() -> Any:
        return (
            requests.get(f"{api}/issues/{keys[2]}/similar", headers=bearer(token), timeout=30)
            .json()
            .get("results", [])
        )

    wait_until(lambda: jira.comments(keys[2]) and len(found()) == 2)
    words = requests.get(f"{api}/search", {"q": "cows"}, headers=bearer(token), timeout=60)
    assert words.ok, words.text
    with (clips / COWS[1]).open("rb") as file:
        sent = requests.post(
            f"{api}/search/clip", files={"file": file}, headers=bearer(token), timeout=60
        )
        assert sent.status_code in (200, 202), sent.text
    wrong = "djb_" + "m" * 43
    assert requests.get(f"{api}/status", headers=bearer(wrong), timeout=30).status_code == 401
    browser = requests.Session()
    ours = {"Origin": url}
    for shown in (wrong, token):
        browser.post(f"{url}/sign-in", {"token": shown}, headers=ours, timeout=30)
    session = browser.cookies["dejabug_session"]
    for page in ("/", "/status", "/api/v1/status", "/nowhere", f"/?q={keys[0]}"):
        browser.get(url + page, timeout=30)
    clip = browser.get(f"{api}/clips", params={"id": "20001"}, timeout=30).json()["clips"][0]
    media = clip["media"]
    for part in ("/video.mp4", "/pictures/0.jpg", "x/video.mp4"):
        requests.get(media + part, timeout=30)
    command = {"command": "/dejabug", "text": "help", "user_id": "U1", "team_id": "T1"}
    body, stamp = urlencode(command), str(int(time.time()))
    verifier = SignatureVerifier(SECRETS["DEJABUG_SLACK_SIGNING_SECRET"])
    signature = verifier.generate_signature(timestamp=stamp, body=body) or ""
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": signature,
    }
    requests.post(f"{url}/slack/events", body, headers=headers, timeout=60)
    jira.fail(path="/rest/api/", status=401)
    browser.get(f"{api}/clips", params={"id": "20001"}, timeout=30)
    browser.post(f"{url}/sign-out", headers=ours, timeout=30)
    return [wrong, session, urlsplit(media).path.rpartition("/")[2]]


def hook(url: str, event: dict[str, Any], signature: str = "") -> requests.Response:
    body = json.dumps(event).encode()
    signature = signature or sign(SECRETS["DEJABUG_WEBHOOK_SECRET"], body)
    headers = {"X-Hub-Signature": signature}
    return requests.post(f"{url}/webhooks/jira", body, headers=headers, timeout=30)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
