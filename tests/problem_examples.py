"""The examples of the pages about codes, laid out as files and checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from almaflow import problem_pages
from almaflow.authoring.linted_files import lints_of
from almaflow.authoring.workflow_tests.checking import check_tests
from almaflow.authoring.workflow_tests.files import WorkflowShelf
from almaflow.check.called_workflows import CALL_OF_INVALID
from almaflow.errors import DocumentsInvalid
from almaflow.problems import Problem
from almaflow.settings import find_project
from almaflow.snapshot.files import write_snapshot
from almaflow.snapshot.model import Snapshot
from almaflow.snapshot.place import SNAPSHOT_FILE
from almaflow.workflow_folder import is_tests
from almaflow.workflow_loader import read_paths
from tests.snapshot.library import MAIN

# What pages show in the place of characters that nobody can see.
SYMBOLS = {
    "control-character": {"␛": "\x1b"},
    "deceptive-character": {"␣": "\u200b"},
    "odd-space": {"␣": "\xa0"},
    "yaml-tab": {"⇥": "\t"},
}

# What only a project with a snapshot of Alma has.
SNAPSHOT_CODES = frozenset(
    {
        "counter-is-text",
        "counter-not-seen",
        "job-name-not-unique",
        "job-not-in-snapshot",
        "job-only-scheduled",
        "parameter-not-known",
        "profile-has-several-jobs",
        "profile-job-not-in-snapshot",
        "profile-name-not-unique",
        "profile-not-in-snapshot",
        "set-does-not-fit-job",
    }
)


LINTS = frozenset(
    re.findall(
        r"^## (\S+)$",
        (Path(problem_pages.__file__).parent / "lints.md").read_text("utf-8"),
        re.MULTILINE,
    )
)


def problems_of(code: str, files: Mapping[str, str], folder: Path) -> list[Problem]:
    """Return the problems of *files*, an example of *code*, laid out in *folder*.

    Lints count in an example of one: other examples are parts of workflows, where much is missing.
    """
    if code in SNAPSHOT_CODES:
        write_snapshot(folder / SNAPSHOT_FILE, Snapshot({"main": MAIN}))
    for name, text in files.items():
        for symbol, character in SYMBOLS.get(code, {}).items():
            text = text.replace(symbol, character)
        (folder / name).write_text(text, "utf-8")
    try:
        project = find_project(folder)
        paths = [folder / name for name in files if name.endswith(".yaml")]
        read = read_paths(paths, project)
        problems = read.problems + (lints_of(read, project) if code in LINTS else [])
        for path in paths:
            if is_tests(path.name):
                problems += check_tests(path, WorkflowShelf(project)).problems
    except DocumentsInvalid as error:
        problems = list(error.problems)
    if code != CALL_OF_INVALID:
        return problems
    # What is wrong in the called file is a problem there.
    return [one for one in problems if Path(one.location.file).name == next(iter(files))]
