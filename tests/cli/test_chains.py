"""What libraries do with scripts today, as workflows that run in a simulation."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Almaflow

CHAINS = sorted((ROOT / "tests" / "chains").glob("*.yaml"), key=lambda file: file.name)
EXAMPLES = sorted(
    file for file in (ROOT / "workflows").glob("*.yaml") if ".scenario" not in file.name
)


def test_there_are_eleven_chains() -> None:
    assert len(CHAINS) == 11


@pytest.mark.parametrize("file", CHAINS, ids=lambda file: file.stem)
def test_a_chain_is_valid_and_plans_and_runs(almaflow: Almaflow, folder: Path, file: Path) -> None:
    shutil.copytree(file.parent, folder / "chains")
    name = f"chains/{file.name}"

    assert almaflow("validate", name, "--strict").code == 0
    typed = almaflow("plan", name, "--json")
    assert (typed.code, typed.json["simulated_outcome"]) == (0, "succeeded")
    typed = almaflow("run", name, "--simulate", "--json")
    assert [step for step in typed.json["steps"] if step["outcome"] == "failed"] == []
    assert (typed.code, typed.json["outcome"]) == (0, "succeeded")


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_runs_without_its_scenario(almaflow: Almaflow, folder: Path, file: Path) -> None:
    shutil.copytree(file.parent, folder / "w", ignore=shutil.ignore_patterns("*.scenario.yaml"))

    typed = almaflow("run", f"w/{file.name}", "--simulate", "--json")

    assert [step for step in typed.json["steps"] if step["outcome"] == "failed"] == []
    assert typed.code == 0
