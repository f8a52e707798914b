"""The file of the snapshot itself: whether it can be read, and is of the project's institutions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from almaflow.check.against_snapshot.sections import fits_settings
from almaflow.problems import Location, Problem, Severity, did_you_mean
from almaflow.settings import Project
from almaflow.snapshot.file_format import SnapshotInvalid
from almaflow.snapshot.files import LARGEST_SNAPSHOT, read_snapshot
from almaflow.snapshot.model import Section
from almaflow.snapshot.place import SNAPSHOT_FILE, has_snapshot
from almaflow.text_files import display_path, read_text


def snapshot_problems(project: Project) -> list[Problem]:
    """Return what is wrong with the snapshot of *project*, if it has one."""
    file = project.folder / SNAPSHOT_FILE
    if not has_snapshot(project.folder):
        return []
    shown = display_path(file)
    try:
        snapshot = read_snapshot(file)
    except SnapshotInvalid as error:
        place = Location(shown, error.line, error.column)
        message = f"The snapshot of Alma is not used. {error.reason}"
        return [Problem(place, "snapshot-unreadable", message)]
    return [
        _problem(file, shown, section.institution, message)
        for section in snapshot.sections.values()
        for message in _mismatch(section, project)
    ]


def _mismatch(section: Section, project: Project) -> Iterator[str]:
    """Yield why *section* is not of an institution of almaflow.yaml."""
    if fits_settings(section, project):
        return
    name = section.institution
    entry = project.institutions.get(name)
    settings = project.document.file if project.document else "almaflow.yaml"
    if entry is None:
        hint = did_you_mean(name, project.institutions) or "."
        yield (
            f"{settings} has no institution `{name}`{hint} This part of the snapshot is not used. "
            "`almaflow snapshot` removes it."
        )
        return
    there = " ".join(part for part in (section.code, section.environment) if part)
    here = " ".join(part for part in (entry.code or "", str(entry.environment)) if part)
    yield (
        f"The snapshot of `{name}` is of {there}, but in {settings} `{name}` is {here}. This part "
        f"of the snapshot is not used. Run `almaflow snapshot --institution {name}`, or correct "
        f"{settings}."
    )


def _problem(file: Path, shown: str, institution: str, message: str) -> Problem:
    key = f"    {json.dumps(institution, ensure_ascii=False)}: {{"
    lines = read_text(file, LARGEST_SNAPSHOT).split("\n")
    line = lines.index(key) + 1 if key in lines else 1
    place = Location(shown, line, 5 if key in lines else 1)
    return Problem(place, "snapshot-of-other-institution", message, Severity.WARNING)
