"""Takes the snapshot of one institution, after a check that Alma is the one that is meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path

from almaflow.alma.wire import General
from almaflow.authoring.snapshots.reading import MOST_REQUESTS, Reading, SectionReader
from almaflow.authoring.snapshots.used_steps import UsedStep
from almaflow.clock import SystemClock
from almaflow.errors import RequestWrong
from almaflow.operations.alma_reading import OpenInstitution
from almaflow.settings import Project
from almaflow.snapshot.file_format import SnapshotInvalid
from almaflow.snapshot.files import read_snapshot
from almaflow.snapshot.model import Section, Snapshot
from almaflow.text_files import display_path


def snapshot_before(file: Path) -> Snapshot:
    """Return what *file* holds; an empty snapshot when there is no such file.

    Raises:
        RequestWrong: the file is there and cannot be used, so it is not replaced.
    """
    if not file.exists() and not file.is_symlink():
        return Snapshot()
    try:
        return read_snapshot(file)
    except SnapshotInvalid as error:
        place = f"{display_path(file)}:{error.line}:{error.column}"
        raise RequestWrong(f"{place}: {error.reason} Nothing was written.") from error


async def take_section(
    alma: OpenInstitution,
    project: Project,
    steps: Sequence[UsedStep],
    earlier: Section | None,
    *,
    most_requests: int = MOST_REQUESTS,
    used_only: bool = False,
    simulated: bool = False,
) -> Reading:
    """Read an institution; *steps* are those of the workflows that run there.

    With *used_only*, single jobs are read only if a step uses them, and no instances.

    Raises:
        RequestWrong: the key is of another institution or environment than almaflow.yaml says.
        AlmaError, SnapshotPostponed, SnapshotTooLarge: see `SectionReader.read`.
    """
    if earlier is not None and earlier.simulated != simulated:
        earlier = None
    reader = SectionReader(alma, steps, earlier, most_requests=most_requests, used_only=used_only)
    general = await reader.general()
    if not simulated:
        _check_identity(alma.institution, general, project)
    today = (SystemClock().now() + alma.ahead).astimezone(UTC).date()
    reading = await reader.read(general, today)
    return replace(reading, section=replace(reading.section, simulated=simulated))


def _check_identity(name: str, general: General, project: Project) -> None:
    entry = project.institutions.get(name)
    if entry is None:
        return
    expected = (entry.code or "", str(entry.environment))
    found = (general.institution_code, general.environment)
    if all(
        not one or not other or one == other for one, other in zip(expected, found, strict=True)
    ):
        return
    settings = project.document.file if project.document else "almaflow.yaml"
    raise RequestWrong(
        f"The key of `{name}` belongs to {' '.join(filter(None, found))}, but in {settings} "
        f"`{name}` is {' '.join(filter(None, expected))}. Nothing was written for it. Check the "
        f"key, or correct the entry in {settings}."
    )
