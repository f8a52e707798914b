"""`almaflow jobs`: what can be started in an institution."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import typer

from almaflow.alma import calls
from almaflow.alma.directory import read_pages
from almaflow.alma.wire import Job
from almaflow.cli.asking import (
    Asked,
    InstitutionOption,
    JsonOption,
    NameOption,
    SimulateOption,
    ask,
    matching,
)
from almaflow.cli.import_payload import quoted
from almaflow.cli.output import columns_of, emit, emit_json
from almaflow.cli.texts import on_one_line, padded, table

app = typer.Typer(
    help="List and show the jobs that can be started in Alma.",
    add_completion=False,
    no_args_is_help=False,
    rich_markup_mode=None,
)

_JOB_ID = re.compile(r"[SMO]\d+")


@app.command("list")
def list_jobs(
    institution: InstitutionOption = None,
    name: NameOption = None,
    type: Annotated[
        str | None,
        typer.Option(
            "--type", metavar="TYPE", help="MANUAL (with a set), SCHEDULED (of profiles) or OTHER."
        ),
    ] = None,
    simulate: SimulateOption = False,
    as_json: JsonOption = False,
) -> None:
    """List the jobs of an institution that the API can start."""
    wanted = type.upper() if type else None

    async def question(alma: Asked) -> tuple[str, list[Job]]:
        jobs = await read_pages(
            alma.read, lambda offset: calls.list_jobs(type=wanted, offset=offset)
        )
        return alma.institution, jobs

    asked, jobs = ask(question, institution, simulated=simulate)
    jobs = sorted((job for job in jobs if matching(name, job.name)), key=lambda job: job.name)
    if as_json:
        emit_json({"institution": asked, "jobs": [_as_data(job) for job in jobs]})
        return
    if not jobs:
        emit(f"{asked} has no such job.")
        return
    lines = table(
        ("ID", "TYPE", "CONTENT", "NAME"),
        [(job.id, job.type, job.content, job.name) for job in jobs],
        columns=columns_of(sys.stdout),
        flexible=(2, 3),
    )
    emit("\n".join(lines))


@app.command("show")
def show_job(
    job: Annotated[
        str, typer.Argument(metavar="ID|NAME", help="The job's id, such as M44, or exact name.")
    ],
    institution: InstitutionOption = None,
    simulate: SimulateOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show one job, and the step that starts it."""

    async def question(alma: Asked) -> tuple[str, Job]:
        if _JOB_ID.fullmatch(job):
            return alma.institution, await alma.directory.job(id=job)
        named = await alma.directory.job(name=job, type=None)
        # An entry of a list tells less than the job itself.
        return alma.institution, await alma.directory.job(id=named.id)

    asked, found = ask(question, institution, simulated=simulate)
    if as_json:
        emit_json({"institution": asked, "job": _as_data(found)})
    else:
        emit("\n".join(_lines(found)))


def _lines(job: Job) -> Iterator[str]:
    yield f"{job.id}  {on_one_line(job.name)}"
    for name, value in _as_data(job).items():
        if isinstance(value, str) and value and name not in ("id", "name", "link"):
            yield f"  {padded(name, 12)} {on_one_line(value)}"
    for one in job.parameters:
        yield f"  {padded('parameter', 12)} {on_one_line(f'{one.name} = {one.value}')}"
    yield ""
    yield "In a workflow:"
    yield "  - submit_job:"
    yield f"      job: {{id: {job.id}, name: {quoted(job.name)}}}"
    if job.type == "MANUAL":
        yield '      set: "{{ steps.NAME.set_id }}"'


def _as_data(job: Job) -> dict[str, Any]:
    at = job.next_run_at
    return {**asdict(job), "next_run_at": at.isoformat() if at is not None else ""}
