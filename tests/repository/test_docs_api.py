"""Runs the examples of docs/reference/api.md in a real shell, with a real server and worker."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from dejabug.infra.redis_server import free_port
from dejabug.services import Services
from support.demo_clips import COWS, QUIET
from support.forks import Fork
from support.jira_site import Site
from support.repository import ROOT
from support.tickets import history, tell
from support.waiting import answers, wait_until

EXAMPLES = re.findall(
    r"^```sh\n(.*?)^```", (ROOT / "docs" / "reference" / "api.md").read_text("utf-8"), re.M | re.S
)


@pytest.fixture
def service(environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """`dejabug serve` and `dejabug worker search`; where it is."""
    port = free_port()
    commands = (["serve", "--port", str(port)], ["worker", "search"])
    said = tmp_path / "said.log"
    children = [Fork(command, {**os.environ, **environment}, said) for command in commands]
    url = f"http://127.0.0.1:{port}"
    yield url
    for child in children:
        child.terminate()
        child.wait()


def test_the_examples_of_the_docs_do_what_they_say(
    services: Services, jira: Site, clips: Path, service: str
) -> None:
    old = history(services, jira, clips, COWS[0], QUIET)
    key = jira.file("GAME", "cows", clips / COWS[1])
    tell(services, jira, key)
    secret, _ = services.tokens.create("docs", ["GAME"], verdicts=True)
    wait_until(lambda: answers(f"{service}/healthz") and services.queues.workers()["search"])
    api = f"{service}/api/v1"
    variables = {
        "DEJABUG": api,
        "TOKEN": secret,
        "KEY": key,
        "OTHER_KEY": old[1],
        "CLIP": str(clips / COWS[2]),
        "OTHER_CLIP_ID": services.collections.active.catalogue.clip_ids_of(
            str(jira.issue(key)["id"])
        )[0],
        "CLIP_ID": services.collections.active.catalogue.clip_ids_of(str(jira.issue(old[0])["id"]))[
            0
        ],
    }

    def run(example: str) -> str:
        command = ["sh", "-c", example]
        done = subprocess.run(
            command, env={**os.environ, **variables}, capture_output=True, text=True, check=True
        )
        return done.stdout

    words, filtered, similar, verdict, upload, job, stream, clip, heat, status, wrong = EXAMPLES
    assert {
        found["key"] for found in told(run(f"{words.rstrip()} -d unlikely=true"))["results"]
    } == {*old, key}
    assert "results" in told(run(filtered))
    assert old[0] in {found["key"] for found in told(run(similar))["results"]}
    assert told(run(verdict)) == {"issue": key, "other": old[1], "same": True}
    sent = told(run(upload))
    variables["JOB"] = sent["id"]
    assert "event: end" in run(stream)
    assert told(run(job))["results"]["results"][0]["key"] in {old[0], key}
    assert told(run(status))["issues"] == len(old) + 1
    seen = told(run(clip))
    picture = f"{service}{seen['media']}/pictures/{round(seen['times'][0] * 1000)}.jpg"
    assert requests.get(picture, timeout=10).content[:2] == b"\xff\xd8"
    drawn = told(run(heat))
    assert drawn["here"]["at"] in seen["times"]
    assert len(drawn["there"]["matching"]) == 9
    assert told(run(wrong))["status"] == 400


def told(text: str) -> Any:
    return json.loads(text)
