"""Workflows in a folder, with what lints say about them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from almaflow.authoring.linted_files import lints_of
from almaflow.problems import Problem
from almaflow.settings import find_project
from almaflow.workflow_loader import read_paths

PROJECT = "timezone: Europe/Zurich\ninstitutions: {main: {region: eu, api_key: env:KEY}}\n"


def problems_in(folder: Path, files: Mapping[str, str], *, whole: bool = False) -> list[Problem]:
    """Return all problems of the workflows among *files*, laid out in *folder*; sorted.

    With *whole*, files that belong to no workflow are looked for too.
    """
    (folder / "almaflow.yaml").write_text(PROJECT, "utf-8")
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8", newline="")
    project = find_project(folder)
    names = [name for name in files if name.endswith(".yaml") and name.count(".") == 1]
    read = read_paths([folder / name for name in names], project)
    return sorted([*read.problems, *lints_of(read, project, [folder] if whole else ())])
