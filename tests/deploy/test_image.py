"""The web image, built by the Dockerfile's own steps and started like a container."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from dejabug.infra.redis_server import RedisServer, free_port
from dejabug.jira.webhook_events import sign
from support.deploying import DOCKERFILE
from support.dockerfile import Machine, as_command, read_dockerfile
from support.repository import ROOT
from support.waiting import answers, wait_until
from support.webhooks import SECRET


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The target `web`, built, with a read-only root and a volume for its data."""
    folder = tmp_path_factory.mktemp("image")
    machine = Machine(DOCKERFILE, folder / "stages")
    try:
        machine.open()
    except OSError as error:
        pytest.skip(str(error))
    try:
        machine.build("web")
        data = folder / "data"
        data.mkdir()
        os.chown(data, 10001, 10001)
        # pytest's folders are closed to others, a volume of a container's is not.
        for above in (folder, *folder.parents):
            if not above.stat().st_mode & 0o077:
                above.chmod(0o755)
        machine.seal("web", {"/var/lib/dejabug": data})
        yield machine
    finally:
        machine.close()


@pytest.fixture
def start(
    machine: Machine, redis_server: RedisServer, tmp_path: Path
) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Start a command as the image's user; `log` of `tmp_path` has what it says."""
    machine.environment["web"] |= {
        "DEJABUG_REDIS_URL": redis_server.url,
        "DEJABUG_WEBHOOK_SECRET": SECRET,
    }
    running = []

    def run(command: str) -> subprocess.Popen[bytes]:
        with (tmp_path / "log").open("ab") as log:
            child = subprocess.Popen(machine.command("web", command), stdout=log, stderr=log)
        running.append(child)
        return child

    yield run
    for child in running:
        child.kill()
        child.wait()


def run(machine: Machine, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(machine.command("web", command), capture_output=True, text=True)


@pytest.mark.usefixtures("store")
class TestImage:
    pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # noqa: RUF012 (pytest wants a list)

    def test_it_serves_without_rights_on_a_read_only_root(
        self, machine: Machine, start: Callable[[str], subprocess.Popen[bytes]], tmp_path: Path
    ) -> None:
        web = machine.stages["web"]
        port = str(free_port())
        entry = as_command(web.last("ENTRYPOINT"))
        child = start(f"{entry} {as_command(web.last('CMD')).replace('8000', port)}")
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/healthz") or child.poll())
        assert child.poll() is None, (tmp_path / "log").read_text()
        assert answers(f"http://127.0.0.1:{port}/readyz/webhooks")
        _, _, check = web.last("HEALTHCHECK").partition(" CMD ")
        healthy = run(machine, as_command(check).replace("8000", port))
        assert healthy.returncode == 0, healthy.stderr
        payload = {"webhookEvent": "jira:issue_created", "issue": {"id": "1", "key": "GAME-1"}}
        body = json.dumps(payload).encode()
        answer = requests.post(
            f"http://127.0.0.1:{port}/webhooks/jira",
            data=body,
            headers={"X-Hub-Signature": sign(SECRET, body)},
            timeout=10,
        )
        assert answer.status_code == 202, answer.text
        child.terminate()
        assert child.wait(20) in (0, 143)

    def test_its_workers_tell_how_they_are(
        self, machine: Machine, start: Callable[[str], subprocess.Popen[bytes]]
    ) -> None:
        assert run(machine, "dejabug worker-health").returncode == 1
        child = start("tini -- dejabug worker default previews")
        wait_until(lambda: run(machine, "dejabug worker-health").returncode == 0)
        child.terminate()
        child.wait(20)
        assert run(machine, "dejabug worker-health").returncode == 1

    def test_nothing_in_it_can_be_changed_and_torch_is_not_there(self, machine: Machine) -> None:
        for place in ("/opt/dejabug/bin/dejabug", "/etc/passwd", "/opt/dejabug/new"):
            assert "Read-only" in run(machine, f"tee -a {place} </dev/null").stderr
        assert run(machine, "touch /tmp/new /var/lib/dejabug/new").returncode == 0
        assert run(machine, "id -u").stdout == "10001\n"
        assert "No module named 'torch'" in run(machine, "python -c 'import torch'").stderr


def test_what_the_steps_copy_is_not_kept_from_them() -> None:
    let_in = [
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    ]
    copied = [
        source
        for stage in read_dockerfile(DOCKERFILE).values()
        for name, text in stage.steps
        if name == "COPY"
        for source in text.split()[:-1]
    ]
    assert len(copied) > 5
    for source in copied:
        assert (ROOT / source).exists()
        assert any(f"{source}/".startswith(f"{one}/") for one in let_in), source
