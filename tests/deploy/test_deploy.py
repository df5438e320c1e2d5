"""The files in deploy/, validated against the schemas of the tools that read them, and the code.

This cannot show what only a Docker engine or a cluster can: test_image.py runs the images' own
steps, test_proxy.py runs the proxy.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from dejabug.infra.job_queue import QUEUES
from dejabug.settings import Settings
from support.deploying import (
    DEPLOY,
    DOCKERFILE,
    SETTINGS,
    compose,
    container,
    of_kind,
    overlay,
    pods,
    queues_of,
    tool,
)
from support.repository import ROOT

DOCKERFILES = [DOCKERFILE, DEPLOY / "proxy" / "Dockerfile"]


@pytest.mark.parametrize("name", [path.name for path in sorted(DEPLOY.glob("compose*.yaml"))])
def test_compose_files_are_valid_by_the_compose_specification(name: str) -> None:
    schema = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    jsonschema.validate(compose(name), json.loads(schema.read_text("utf-8")))


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: str(path.parent.name))
def test_dockerfiles_have_no_fault_that_hadolint_knows(path: Path) -> None:
    command = [tool("hadolint"), "--config", str(DEPLOY / "hadolint.yaml"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_container_of_the_box_is_hardened() -> None:
    vectors = compose("compose.index.yaml")["services"]["redis-index"]
    for name, service in {**compose("compose.yaml")["services"], "vectors": vectors}.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        assert service["pids_limit"], name


def test_only_the_proxy_is_reached_from_outside() -> None:
    services = compose("compose.yaml")["services"]
    published = {name: one["ports"] for name, one in services.items() if "ports" in one}
    assert set(published) == {"proxy", "web"}
    assert all(port.startswith("127.0.0.1:") for port in published["web"])
    assert "inside" not in services["proxy"]["networks"]
    assert services["redis"]["networks"] == ["inside"]


def test_prometheus_asks_each_process_of_the_box_for_itself() -> None:
    """A name that stands for several containers, as after `--scale`, is none of them."""
    scrape = yaml.safe_load((DEPLOY / "prometheus" / "scrape.yaml").read_text("utf-8"))
    found = {
        (name, each["port"], each["type"])
        for job in scrape["scrape_configs"]
        for each in job.get("dns_sd_configs", ())
        for name in each["names"]
    }
    measured = {
        (name, int(service["environment"]["DEJABUG_METRICS_PORT"]), "A")
        for name, service in compose("compose.yaml")["services"].items()
        if "DEJABUG_METRICS_PORT" in service.get("environment", {})
    }
    assert len(measured) == 4
    assert found == measured


def test_vectors_may_have_a_redis_of_their_own() -> None:
    services, over = compose("compose.yaml")["services"], compose("compose.index.yaml")["services"]
    ours = {name for name, one in services.items() if "DEJABUG_REDIS_URL" in str(one)}
    told = {name for name, one in over.items() if "DEJABUG_INDEX_REDIS_URL" in str(one)}
    assert told == ours == {"web", "worker-search", "worker-clips", "worker-default"}
    own, queues = over["redis-index"], services["redis"]
    same = ("image", "user", "networks", "healthcheck", "restart", "logging")
    assert [own[name] for name in same] == [queues[name] for name in same]
    assert own["command"][:-1] == queues["command"][:-1]
    assert own["volumes"] != queues["volumes"]
    cluster = overlay("index")
    for name, pod in pods(cluster).items():
        variables = {one["name"]: one.get("value") for one in container(pod).get("env", ())}
        if "DEJABUG_REDIS_URL" in variables:
            address = "redis://:$(REDIS_PASSWORD)@redis-index:6379/0"
            assert variables["DEJABUG_INDEX_REDIS_URL"] == address, name
    outwards = of_kind(cluster, "NetworkPolicy")["outwards"]["spec"]["egress"]
    assert any("redis-index" in str(rule) for rule in outwards)
    assert "redis-index" not in str(overlay("cpu"))


def test_with_an_object_store_uploads_pass_over_disk_and_not_through_memory() -> None:
    web = compose("compose.s3.yaml")["services"]["web"]
    folder = web["environment"]["TMPDIR"]
    assert web["volumes"] == [folder]
    in_memory = [
        entry.partition(":")[0] for entry in compose("compose.yaml")["services"]["web"]["tmpfs"]
    ]
    assert folder not in in_memory


def test_workers_of_the_box_download_to_disk_and_not_to_memory() -> None:
    services = compose("compose.yaml")["services"]
    workers = [one for one in services.values() if queues_of(one.get("command", []))]
    assert len(workers) == 3
    for worker in workers:
        assert "/tmp" in worker["volumes"]
        assert "tmpfs" not in worker


def test_what_is_built_is_a_target_and_what_is_overridden_exists() -> None:
    targets = re.findall(r"^FROM .* AS (\S+)$", DOCKERFILES[0].read_text("utf-8"), re.MULTILINE)
    services = compose("compose.yaml")["services"]
    over = compose("compose.gpu.yaml")["services"]
    assert set(over) < set(services)
    built = [one["build"] for one in [*services.values(), *over.values()] if "build" in one]
    asked = {build["target"] for build in built if "target" in build}
    assert asked == {"web", "worker", "worker-cuda"}
    assert asked <= set(targets)


def test_the_proxy_lets_in_what_the_service_takes() -> None:
    environment = compose("compose.yaml")["services"]["proxy"]["environment"]
    for name in ("UPLOAD_MAX_BYTES", "WEBHOOK_MAX_BYTES"):
        default = Settings.model_fields[name.lower()].default
        assert environment[name] == f"${{DEJABUG_{name}:-{default}}}"


def test_every_queue_is_worked_on_and_every_scaled_list_is_one_of_its_worker(
    cluster: list[Any],
) -> None:
    services = compose("compose.yaml")["services"]
    box = {name: queues_of(one.get("command", [])) for name, one in services.items()}
    there = {name: queues_of(container(pod)["args"]) if "args" in container(pod) else []
             for name, pod in pods(cluster).items()}  # fmt: skip
    for workers in (box, there):
        served = [queue for names in workers.values() for queue in names]
        assert sorted(served) == sorted(QUEUES)
    scaled = of_kind(cluster, "ScaledObject")
    assert set(scaled) == {name for name, names in there.items() if names}
    for name, one in scaled.items():
        assert one["spec"]["scaleTargetRef"] == {"name": name}
        lists = [trigger["metadata"]["listName"] for trigger in one["spec"]["triggers"]]
        assert lists == [f"rq:queue:{queue}" for queue in there[name]]


def test_redis_is_the_same_on_the_box_and_in_the_cluster(cluster: list[Any]) -> None:
    box = compose("compose.yaml")["services"]["redis"]
    there = container(pods(cluster)["redis"])
    assert there["image"] == box["image"]
    assert there["args"][:-3] == box["command"][:-1]
    assert there["args"][-2:] == ["--requirepass", "$(REDIS_PASSWORD)"]
    for asked in (["--appendonly", "yes"], ["--maxmemory-policy", "noeviction"]):
        assert " ".join(asked) in " ".join(box["command"])
    assert "command" not in there  # it would leave out the entrypoint, and with it the search


def test_every_setting_that_is_named_exists() -> None:
    for path in DEPLOY.rglob("*"):
        if (path.is_file() and path.suffix not in {".sh"}) or path == DOCKERFILES[0]:
            for name in re.findall(r"\bDEJABUG_[A-Z_]+\b", path.read_text("utf-8")):
                assert name in SETTINGS, f"{path.name}: {name}"


def test_every_image_has_a_version(cluster: list[Any]) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    images = [container(pod)["image"] for pod in pods(cluster).values()]
    for image in images:
        assert image.startswith("redis:") or image.endswith(f":{version}")
    for path in DOCKERFILES:
        text = path.read_text("utf-8")
        bases = re.findall(r"^(?:FROM|ARG \w+=)\s*(\S+:\S+|\S+/\S+)", text, re.MULTILINE)
        images += [re.sub(r"^\w+=", "", base) for base in bases]
    images += re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", DOCKERFILES[0].read_text(), re.MULTILINE)
    assert any(image.startswith("python:3.11.") for image in images)
    images += [
        one["image"]
        for name in ("compose.yaml", "compose.index.yaml")
        for one in compose(name)["services"].values()
        if "image" in one and "dejabug-" not in one["image"]
    ]
    for image in images:
        assert re.search(r":v?\d+\.\d+\.\d+", image), image
        assert "dejabug-" in image or re.search(r"@sha256:[0-9a-f]{64}$", image), image
    # One version of each, wherever it is named.
    named = {image for image in images if image.startswith("redis:")}
    assert len(named) == 1


def test_web_and_command_line_start_without_torch() -> None:
    """As in the web's image, which has neither."""
    script = (
        "import sys; absent = ('torch', 'transformers', 'imageio_ffmpeg');"
        "sys.modules.update(dict.fromkeys(absent));"
        "import dejabug.cli, dejabug.worker.main, dejabug.web"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
