"""Checks the time zone data: which are used, and whether they are recent."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable, Iterator
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

from almaflow.cli.doctor_checks.findings import Finding, bad, doubtful, good
from almaflow.settings import Project
from almaflow.workflow_loader import LoadedWorkflow

_WHAT = "time zones"


def check_zones(
    project: Project, loaded: Iterable[LoadedWorkflow], now: datetime
) -> Iterator[Finding]:
    """Check that the project's time zones exist, and how old their data are."""
    for zone in sorted(_zones(project, loaded)):
        try:
            zoneinfo.ZoneInfo(zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            yield bad(
                _WHAT,
                f"this machine has no usable time zone data for {zone} ({error})",
                "`pip install --upgrade tzdata` installs the data.",
            )
    ours, theirs = _of_package(), _of_system()
    used = theirs or ours
    source = "the system" if theirs else "the package tzdata"
    text = f"time zone data {used or 'of an unknown version'} from {source}"
    update = "the system's tzdata" if theirs else "`pip install --upgrade tzdata`"
    if theirs and ours > theirs:
        text += f", but the package tzdata has {ours}"
        yield doubtful(_WHAT, text, f"Update {update}.")
    elif used and int(used[:4]) < now.year - 1:
        move = f"Governments change their time zones; update {update}."
        yield doubtful(_WHAT, f"{text}, are old", move)
    else:
        yield good(_WHAT, text)


def _zones(project: Project, loaded: Iterable[LoadedWorkflow]) -> set[str]:
    """Return the time zones in almaflow.yaml and the workflows."""
    zones = {project.settings.timezone}
    for workflow in loaded:
        named = [
            workflow.workflow.timezone,
            *(entry.timezone for entry in workflow.workflow.schedule),
        ]
        zones.update(zone for zone in named if zone is not None)
    return zones


def _of_system() -> str:
    """Return the version of the system's data, which Python prefers, such as `2026b`.

    Empty when there are none, or when they state no version.
    """
    for folder in map(Path, zoneinfo.TZPATH):
        if (folder / "tzdata.zi").is_file():
            with (folder / "tzdata.zi").open(encoding="utf-8", errors="replace") as lines:
                return _named(next(lines, ""))
        if (folder / "+VERSION").is_file():
            return (folder / "+VERSION").read_text("utf-8", "replace").strip()
    return ""


def _of_package() -> str:
    try:
        version("tzdata")
    except PackageNotFoundError:
        return ""
    with files("tzdata").joinpath("zoneinfo", "tzdata.zi").open(encoding="utf-8") as lines:
        return _named(next(lines, ""))


def _named(line: str) -> str:
    """Return the version in the first line of a `tzdata.zi`: `# version 2026b`."""
    return line.removeprefix("# version").strip() if line.startswith("# version") else ""
