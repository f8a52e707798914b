"""The files for containers: they fit each other, and keep to what makes a container safe."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import almaflow
from almaflow.cli.command_list import COMMANDS

FOLDER = Path(almaflow.__file__).parent / "deploy"
YAML_SAFE = YAML(typ="safe")


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


def deployments() -> list[Any]:
    """Return what the cluster is to run."""
    return list(YAML_SAFE.load_all(FOLDER / "kubernetes.yaml"))


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
    assert container["livenessProbe"]["exec"]["command"][0] == "python"
    assert pod["terminationGracePeriodSeconds"] == 90
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels


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
