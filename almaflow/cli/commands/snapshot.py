"""`almaflow snapshot`: what Alma has, as a file for git, so that checks know it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from almaflow.authoring.snapshots.reading import MOST_REQUESTS
from almaflow.authoring.snapshots.renewal import renewed
from almaflow.authoring.snapshots.taking import snapshot_before, take_section
from almaflow.authoring.snapshots.used_steps import UsedStep, used_steps
from almaflow.cli import bootstrap
from almaflow.cli.alma_queries import alma_reader
from almaflow.cli.options import JsonOption
from almaflow.cli.render.snapshot_report import (
    TakenSnapshot,
    check_data,
    check_lines,
    report_data,
    report_lines,
)
from almaflow.cli.render.terminal import emit, emit_json, emit_lines
from almaflow.errors import AlmaflowError, RequestWrong
from almaflow.plan import SIMULATED_INSTITUTION
from almaflow.problems import has_errors
from almaflow.settings import Project
from almaflow.snapshot.files import write_snapshot
from almaflow.snapshot.model import Snapshot
from almaflow.snapshot.place import SNAPSHOT_FILE
from almaflow.text_files import display_path
from almaflow.workflow_loader import load_paths


def snapshot(
    institution: Annotated[
        str | None,
        typer.Option(
            "--institution",
            metavar="NAME",
            help="Only this entry of almaflow.yaml; the others in the file stay. Default: all.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help=f"The file; default: {SNAPSHOT_FILE} next to almaflow.yaml, where checks find it.",
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Write nothing: compare the file with Alma and show what has changed."
        ),
    ] = False,
    requests: Annotated[
        int,
        typer.Option(
            "--requests", min=10, max=100_000, help="The most requests for one institution."
        ),
    ] = MOST_REQUESTS,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Read a simulated Alma; no key is needed.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write what Alma has into alma-catalog.json: jobs, profiles, counters and codes. Only reads.

    With this file, which belongs into git, `validate` knows without a network what the institution
    has. It holds no secrets, no ids of records and no names of persons.

    With --check, exits with 1 if something has changed that a workflow of the project uses.
    """
    project = bootstrap.open_project()
    names = _institutions(project, institution, simulate=simulate)
    file = output if output is not None else project.folder / SNAPSHOT_FILE
    earlier = snapshot_before(file)
    if check:
        _check_there(file, earlier, names)
    elif simulate and output is None:
        _check_not_real(file, earlier)
    steps = _steps(project, names)
    taken = TakenSnapshot(display_path(file))
    reader = alma_reader(simulated=simulate)
    for name in names:
        emit(f"Reading {name}: at most {requests:,} requests to Alma, which only read.", err=True)
        question = partial(
            take_section,
            project=project,
            steps=steps.get(name, ()),
            earlier=earlier.sections.get(name),
            most_requests=requests,
            used_only=check,
            simulated=simulate,
        )
        try:
            taken.readings[name] = reader.ask(question, name)
        except AlmaflowError as error:
            # Of several institutions, the others are read nevertheless.
            if len(names) == 1:
                raise
            taken.failures[name] = str(error)
    if check:
        _finish_check(taken, earlier, steps, as_json=as_json)
    else:
        _finish(file, project, institution, earlier, taken, as_json=as_json)


def _institutions(project: Project, institution: str | None, *, simulate: bool) -> Sequence[str]:
    """Return the entries of almaflow.yaml that are read; Raises: RequestWrong."""
    if simulate:
        names = [institution] if institution else list(project.institutions)
        return names or [SIMULATED_INSTITUTION]
    if institution is not None or not project.institutions:
        return [project.institution(institution).name]
    return list(project.institutions)


def _check_there(file: Path, earlier: Snapshot, names: Sequence[str]) -> None:
    if not earlier.sections:
        raise RequestWrong(
            f"There is no snapshot in {display_path(file)} to compare with Alma. Run `almaflow "
            "snapshot` first, and commit the file."
        )
    for name in names:
        if name not in earlier.sections:
            raise RequestWrong(
                f"The snapshot in {display_path(file)} has nothing about `{name}`. Run `almaflow "
                f"snapshot --institution {name}`."
            )


def _check_not_real(file: Path, earlier: Snapshot) -> None:
    if any(not section.simulated for section in earlier.sections.values()):
        raise RequestWrong(
            f"{display_path(file)} holds a snapshot of a real Alma, and a simulated one would "
            "replace it. Name another file with `--output`."
        )


def _steps(project: Project, names: Sequence[str]) -> Mapping[str, Sequence[UsedStep]]:
    """Return the steps of the project's workflows, by institution."""
    if not project.workflows.is_dir():
        return {}
    try:
        loaded, problems = load_paths([project.workflows], project)
    except RequestWrong:
        # The folder has no workflow file yet.
        return {}
    if has_errors(problems):
        emit(
            "Some workflows have errors, and what they use is not known. See `almaflow validate`.",
            err=True,
        )
    alone = names[0] if len(names) == 1 else None
    return used_steps(loaded, project.default_institution or alone)


def _finish(
    file: Path,
    project: Project,
    institution: str | None,
    earlier: Snapshot,
    taken: TakenSnapshot,
    *,
    as_json: bool,
) -> None:
    """Write what was read, report it, and end the command."""
    sections = dict(earlier.sections)
    if institution is None and project.institutions:
        sections = {name: one for name, one in sections.items() if name in project.institutions}
    for name, reading in taken.readings.items():
        sections[name] = renewed(reading.section, sections.get(name))
    if sections != earlier.sections and taken.readings:
        write_snapshot(file, Snapshot(sections))
        taken.is_written = True
    if as_json:
        emit_json(report_data(taken, sections))
    else:
        emit_lines(report_lines(taken, sections), wrap=True)
    raise typer.Exit(1 if taken.failures else 0)


def _finish_check(
    taken: TakenSnapshot,
    earlier: Snapshot,
    steps: Mapping[str, Sequence[UsedStep]],
    *,
    as_json: bool,
) -> None:
    """Compare what was read with the file, report it, and end the command."""
    data: dict[str, Any] = check_data(taken, earlier, steps)
    if as_json:
        emit_json(data)
    else:
        emit_lines(check_lines(data), wrap=True)
    raise typer.Exit(0 if data["ok"] else 1)
