"""The overlays of deploy/kubernetes, rendered as `kubectl kustomize` does."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from textwrap import dedent
from typing import Any

import kubernetes_validate
from pydantic import SecretStr

from dejabug.services import Services
from dejabug.settings import Settings
from dejabug.web import create_app
from support.deploying import DEPLOY, SETTINGS, container, of_kind, overlay, pods, render
from support.repository import ROOT

# The oldest Kubernetes version that is still supported at the time of writing, and the newest one.
KUBERNETES = ("1.34", kubernetes_validate.latest_version())


def test_rendered_resources_are_valid_by_the_schemas_of_kubernetes(cluster: list[Any]) -> None:
    for resource in cluster:
        if not resource["apiVersion"].startswith("keda.sh/"):
            for version in KUBERNETES:
                kubernetes_validate.validate(resource, version, strict=True)


def test_scaling_is_valid_by_the_models_of_keda(cluster: list[Any]) -> None:
    # They take seconds to import, which other tests need not wait for.
    from cloudcoil.models.keda.v1alpha1 import ScaledObject, TriggerAuthentication

    models = {"ScaledObject": ScaledObject, "TriggerAuthentication": TriggerAuthentication}
    scaling = [one for one in cluster if one["apiVersion"].startswith("keda.sh/")]
    assert len(scaling) == 4
    for resource in scaling:
        read = models[resource["kind"]].model_validate(resource)
        # The models leave out what they do not know.
        assert read.model_dump(by_alias=True, exclude_unset=True, mode="json") == resource


def test_every_pod_is_hardened(cluster: list[Any]) -> None:
    assert len(pods(cluster)) == 5 + ("redis-index" in pods(cluster))
    for name, pod in pods(cluster).items():
        spec, inside = pod["spec"], container(pod)
        assert spec["securityContext"]["runAsNonRoot"], name
        assert spec["securityContext"]["runAsUser"] > 0, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not spec["automountServiceAccountToken"], name
        assert not spec["enableServiceLinks"], name
        assert inside["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert inside["resources"]["requests"]["memory"], name
        assert inside["resources"]["limits"]["memory"], name
        assert inside["livenessProbe"], name


def test_secrets_are_only_referred_to(cluster: list[Any]) -> None:
    assert not of_kind(cluster, "Secret")
    for pod in pods(cluster).values():
        for variable in container(pod).get("env", []):
            if re.search("SECRET|TOKEN|PASSWORD|AUTH|URL", variable["name"]):
                value = variable.get("value", "$(")
                assert "$(" in value, variable["name"]
    (settings,) = of_kind(cluster, "ConfigMap").values()
    secret = {name for name, field in SETTINGS.items() if field.annotation is SecretStr}
    assert len(secret) > 5
    assert not secret & set(settings["data"])


def test_webhooks_are_let_in_while_no_worker_lives(cluster: list[Any]) -> None:
    probe = container(pods(cluster)["web"])["readinessProbe"]
    assert probe["httpGet"]["path"] == "/readyz/webhooks"


def test_what_refers_to_another_resource_finds_it(cluster: list[Any]) -> None:
    names = {(one["kind"], one["metadata"]["name"]) for one in cluster}
    labels = [pod["metadata"]["labels"] for pod in pods(cluster).values()]
    for pod in pods(cluster).values():
        mounted = {mount["name"] for mount in container(pod)["volumeMounts"]}
        for volume in pod["spec"].get("volumes", []):
            assert volume["name"] in mounted
            if claim := volume.get("persistentVolumeClaim"):
                assert ("PersistentVolumeClaim", claim["claimName"]) in names
        for source in container(pod).get("envFrom", []):
            assert ("ConfigMap", source["configMapRef"]["name"]) in names
    budgets = of_kind(cluster, "PodDisruptionBudget")
    assert set(budgets) == set(of_kind(cluster, "Deployment"))
    selectors = [one["spec"]["selector"]["matchLabels"] for one in budgets.values()]
    selectors += [one["spec"]["selector"] for one in of_kind(cluster, "Service").values()]
    for policy in of_kind(cluster, "NetworkPolicy").values():
        selectors.append(policy["spec"]["podSelector"].get("matchLabels", {}))
        for rule in policy["spec"]["podSelector"].get("matchExpressions", []):
            selectors += [{rule["key"]: value} for value in rule["values"]]
    for selector in selectors:
        assert any(selector.items() <= one.items() for one in labels), selector


def test_monitoring_reaches_the_metrics_of_every_process_of_ours(cluster: list[Any]) -> None:
    (settings,) = of_kind(cluster, "ConfigMap").values()
    for name in of_kind(cluster, "Deployment"):
        labels = pods(cluster)[name]["metadata"]["labels"]
        ports = set()
        for policy in of_kind(cluster, "NetworkPolicy").values():
            wanted = policy["spec"]["podSelector"].get("matchLabels")
            if not wanted or not wanted.items() <= labels.items():
                continue
            for rule in policy["spec"]["ingress"]:
                spaces = [one.get("namespaceSelector", {}) for one in rule["from"]]
                if {"kubernetes.io/metadata.name": "monitoring"} in [
                    one.get("matchLabels") for one in spaces
                ]:
                    ports |= {one["port"] for one in rule["ports"]}
        assert int(settings["data"]["DEJABUG_METRICS_PORT"]) in ports, name


def test_the_ingress_leads_to_all_that_is_public_and_to_nothing_else(
    cluster: list[Any], services: Services
) -> None:
    (rule,) = of_kind(cluster, "Ingress")["web"]["spec"]["rules"]
    exact, under = set(), set()
    for path in rule["http"]["paths"]:
        (exact if path["pathType"] == "Exact" else under).add(path["path"])

    def leads_to(address: str) -> bool:
        return address in exact or any(f"{address}/".startswith(f"{one}/") for one in under)

    for route in create_app(services).url_map.iter_rules():
        inside = route.rule.startswith(("/readyz", "/metrics"))
        assert leads_to(route.rule) != inside, route.rule


def test_gpus_are_for_workers_with_a_model() -> None:
    cluster = render(DEPLOY / "kubernetes" / "overlays" / "gpu")
    with_gpu = {
        name
        for name, pod in pods(cluster).items()
        if "nvidia.com/gpu" in container(pod)["resources"]["limits"]
    }
    cuda = {n for n, pod in pods(cluster).items() if "worker-cuda" in container(pod)["image"]}
    assert with_gpu == cuda == {"worker-search", "worker-clips"}


def test_with_an_object_store_no_pod_shares_a_folder() -> None:
    cluster = overlay("s3")
    assert not of_kind(cluster, "PersistentVolumeClaim")
    for name, maker in of_kind(cluster, "Deployment").items():
        pod = maker["spec"]["template"]
        volumes = {volume.pop("name"): volume for volume in pod["spec"]["volumes"]}
        assert set(volumes) == {"data", "scratch"}
        assert all("emptyDir" in volume for volume in volumes.values()), name
        # Uploads are larger than memory.
        assert not volumes["scratch"]["emptyDir"].get("medium"), name
        keys = {one["name"]: one for one in container(pod)["env"] if "AWS" in one["name"]}
        assert len(keys) == 2
        assert all(one["valueFrom"]["secretKeyRef"]["optional"] for one in keys.values())
    (settings,) = of_kind(cluster, "ConfigMap").values()
    assert Settings(media_store=settings["data"]["DEJABUG_MEDIA_STORE"]).media_store


def test_an_overlay_of_a_studio_as_the_docs_show_it_can_be_rendered(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "kubernetes.md").read_text("utf-8")
    written = re.findall(r"^ *```yaml\n *# (overlays/\S+)\n(.*?)^ *```$", page, re.M | re.S)
    assert len(written) == 2
    shutil.copytree(DEPLOY / "kubernetes", tmp_path / "kubernetes")
    for path, text in written:
        file = tmp_path / "kubernetes" / path
        file.parent.mkdir()
        file.write_text(dedent(text), "utf-8")
        cluster = render(file.parent)
        (settings,) = of_kind(cluster, "ConfigMap").values()
        assert settings["data"]["DEJABUG_JIRA_URL"] == "https://mygames.atlassian.net"
        images = {container(pod)["image"] for pod in pods(cluster).values()}
        assert "registry.mygames.example/dejabug-web:0.2.0" in images
    # The second one has a Redis elsewhere.
    assert not of_kind(cluster, "StatefulSet")
    for pod in pods(cluster).values():
        url = {one["name"]: one.get("value") for one in container(pod)["env"]}["DEJABUG_REDIS_URL"]
        assert url == "rediss://:$(REDIS_PASSWORD)@$(REDIS_ADDRESS)/0"
