"""`almaflow jobs`: the jobs that can be started in an institution."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from almaflow.alma.pasted_payload import JOB_ID
from almaflow.alma.wire import Job
from almaflow.cli.alma_queries import (
    InstitutionOption,
    JsonOption,
    NameOption,
    SimulateOption,
    ask,
)
from almaflow.cli.render.listing import Listing, fact, facts
from almaflow.cli.render.text_layout import on_one_line
from almaflow.operations.alma_lists import data_of, matching, read_jobs
from almaflow.operations.alma_reading import OpenInstitution
from almaflow.operations.pasted_steps import job_step

app = typer.Typer(
    help="List and show the jobs that can be started in Alma.",
    add_completion=False,
    no_args_is_help=False,
    rich_markup_mode=None,
)

_JOBS: Listing[Job] = Listing(
    "job",
    headers=("ID", "TYPE", "CATEGORY", "NAME"),
    # Alma's list has no `content` of manual jobs; `jobs show` has it.
    row=lambda job: (job.id, job.type, job.category, job.name),
    as_data=data_of,
    flexible=(2, 3),
)


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

    async def question(alma: OpenInstitution) -> tuple[str, list[Job]]:
        return alma.institution, await read_jobs(alma, wanted)

    institution_name, jobs = ask(question, institution, simulated=simulate)
    jobs = [job for job in jobs if matching(name, job.name)]
    _JOBS.print_all(institution_name, jobs, as_json=as_json)


@app.command("show")
def show_job(
    job: Annotated[
        str, typer.Argument(metavar="ID|NAME", help="The job's id, such as M44, or its exact name.")
    ],
    institution: InstitutionOption = None,
    simulate: SimulateOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show one job, and the step that starts it."""

    async def question(alma: OpenInstitution) -> tuple[str, Job]:
        if JOB_ID.fullmatch(job):
            return alma.institution, await alma.directory.job(id=job)
        named = await alma.directory.job(name=job, type=None)
        # An entry of a list has fewer details than the job itself.
        return alma.institution, await alma.directory.job(id=named.id)

    institution_name, details = ask(question, institution, simulated=simulate)
    _JOBS.print_one(institution_name, data_of(details), _lines(details), as_json=as_json)


def _lines(job: Job) -> Iterator[str]:
    yield f"{job.id}  {on_one_line(job.name)}"
    yield from facts(data_of(job), columns=12)
    for parameter in job.parameters:
        yield fact("parameter", f"{parameter.name} = {parameter.value}", columns=12)
    yield ""
    yield "In a workflow:"
    yield from (f"  {line}" for line in job_step(job))
