"""The examples of the pages about codes, laid out as files and checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from almaflow.check.called_workflows import CALL_OF_INVALID
from almaflow.errors import DocumentsInvalid
from almaflow.problems import Problem
from almaflow.settings import find_project
from almaflow.workflow_loader import load_paths

# What pages show in the place of characters that nobody can see.
SYMBOLS = {
    "control-character": {"␛": "\x1b"},
    "deceptive-character": {"␣": "\u200b"},
    "odd-space": {"␣": "\xa0"},
    "yaml-tab": {"⇥": "\t"},
}


def problems_of(code: str, files: Mapping[str, str], folder: Path) -> list[Problem]:
    """Return the problems of *files*, an example of *code*, laid out in *folder*."""
    for name, text in files.items():
        for symbol, character in SYMBOLS.get(code, {}).items():
            text = text.replace(symbol, character)
        (folder / name).write_text(text, "utf-8")
    try:
        project = find_project(folder)
        _, problems = load_paths([folder / name for name in files if _is_yaml(name)], project)
    except DocumentsInvalid as error:
        problems = list(error.problems)
    if code != CALL_OF_INVALID:
        return problems
    # What is wrong in the called file is a problem there.
    return [one for one in problems if Path(one.location.file).name == next(iter(files))]


def _is_yaml(name: str) -> bool:
    return name.endswith(".yaml")
