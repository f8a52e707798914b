"""The files for containers: they fit each other, and keep to what makes a container safe."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import almaflow
from almaflow.cli.command_list import COMMANDS
from almaflow.engine.alma_writes.journaled_request import GRACE
from almaflow.store.postgres import _PATIENCE

FOLDER = Path(almaflow.__file__).parent / "deploy"
YAML_SAFE = YAML(typ="safe")

# Seconds for which a request that is being sent is waited for, and a server that does not respond.
WRITE_PATIENCE = GRACE.total_seconds()
POSTGRES_PATIENCE = _PATIENCE["connect_timeout"]


@pytest.fixture
def dockerfile() -> list[str]:
    """The instructions of the image, each on one line."""
    text = (FOLDER / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.fixture
def services() -> dict[str, Any]:
    """The services of the demonstration."""
    found: dict[str, Any] = YAML_SAFE.load(FOLDER / "compose.yaml")["services"]
    return found


def manifests(kind: str) -> list[Any]:
    """Return what the cluster is given of a kind."""
    found = YAML_SAFE.load_all(FOLDER / "kubernetes.yaml")
    return [one for one in found if one["kind"] == kind]


def deployments() -> list[Any]:
    """Return what the cluster is to run."""
    return manifests("Deployment")


def seconds(text: str) -> int:
    """Return a time of compose in seconds."""
    assert text.endswith("s")
    return int(text[:-1])


def test_the_image_runs_as_a_user_without_rights_and_can_be_checked(dockerfile: list[str]) -> None:
    assert "USER 10001" in dockerfile
    assert any(line.startswith("HEALTHCHECK") for line in dockerfile)
    assert dockerfile.index("USER 10001") < dockerfile.index('ENTRYPOINT ["almaflow"]')


def test_every_image_names_a_version(dockerfile: list[str], services: dict[str, Any]) -> None:
    images = [line.split()[1] for line in dockerfile if line.startswith("FROM")]
    images += [it["image"] for it in services.values() if it["image"] != "almaflow"]

    assert all(re.search(r":\d", image) for image in images)


def test_every_command_of_a_container_is_one_of_ours(
    dockerfile: list[str], services: dict[str, Any]
) -> None:
    words = [it["command"] for it in services.values() if "command" in it]
    words += [it["spec"]["template"]["spec"]["containers"][0]["args"] for it in deployments()]

    assert {line[0] for line in words} == {"simulator", "serve", "worker"}
    assert all(line[0] in COMMANDS for line in words)


def test_no_container_of_ours_can_write_or_gain_rights(services: dict[str, Any]) -> None:
    ours = [it for it in services.values() if it["image"] == "almaflow"]

    assert len(ours) == 3
    assert all(it["read_only"] and it["cap_drop"] == ["ALL"] for it in ours)
    assert all(it["deploy"]["resources"]["limits"]["memory"] for it in services.values())
    assert not any("ports" in it for it in services.values())


@pytest.mark.parametrize("deployment", deployments(), ids=lambda it: str(it["metadata"]["name"]))
def test_pods_run_without_rights_have_bounds_and_are_watched(deployment: Any) -> None:
    pod = deployment["spec"]["template"]["spec"]
    container = pod["containers"][0]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        assert container[probe]["exec"]["command"][0] == "python"
        assert container[probe]["timeoutSeconds"] > POSTGRES_PATIENCE
    assert pod["terminationGracePeriodSeconds"] > WRITE_PATIENCE
    assert all(it["emptyDir"]["sizeLimit"] for it in pod["volumes"] if "emptyDir" in it)
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels


def test_each_deployment_survives_that_nodes_are_drained() -> None:
    pods = {it["metadata"]["name"]: it["spec"] for it in deployments()}
    budgets = {it["metadata"]["name"]: it["spec"] for it in manifests("PodDisruptionBudget")}

    assert budgets.keys() == pods.keys()
    for name, budget in budgets.items():
        assert budget["selector"] == pods[name]["selector"]
        assert budget["maxUnavailable"] < pods[name]["replicas"]


def test_containers_get_the_time_to_give_their_runs_back(services: dict[str, Any]) -> None:
    ours = [it for it in services.values() if it["image"] == "almaflow"]

    assert all(seconds(it["stop_grace_period"]) > WRITE_PATIENCE for it in ours)


def test_the_demonstration_reaches_nothing_outside() -> None:
    networks = YAML_SAFE.load(FOLDER / "compose.yaml")["networks"]

    assert networks["default"]["internal"] is True


def test_every_volume_that_a_pod_mounts_is_there() -> None:
    for deployment in deployments():
        pod = deployment["spec"]["template"]["spec"]
        mounted = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}

        assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_the_demonstration_has_no_mistakes(monkeypatch: pytest.MonkeyPatch) -> None:
    from almaflow.settings import find_project
    from almaflow.workflow_loader import load_workflow

    monkeypatch.setenv("ALMAFLOW_STORE", "sqlite://")
    monkeypatch.setenv("ALMA_API_KEY_MAIN", "demo-key-of-the-simulator")
    project = find_project(FOLDER / "demo")
    loaded = load_workflow(FOLDER / "demo/workflows/export-bibs.yaml", project)

    assert loaded.workflow.schedule
    assert project.institution("main").key()
