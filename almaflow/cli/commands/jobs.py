"""`almaflow jobs`: the jobs that can be started in an institution."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from almaflow.cli.alma_queries import (
    InstitutionOption,
    JsonOption,
    NameOption,
    SimulateOption,
    ask,
)
from almaflow.cli.render.listing import Listing, fact, facts
from almaflow.cli.render.text_layout import on_one_line
from almaflow.cli.sources import ServerOption, TokenOption, is_remote, open_lists
from almaflow.json_data import as_data
from almaflow.operations.alma_finding import JobFound, find_job
from almaflow.operations.alma_lists import JobList, JobView, job_view, matching, read_jobs
from almaflow.operations.alma_reading import OpenInstitution
from almaflow.operations.pasted_steps import job_step

app = typer.Typer(
    help="List and show the jobs that can be started in Alma.",
    add_completion=False,
    no_args_is_help=False,
    rich_markup_mode=None,
)

_JOBS: Listing[JobView] = Listing(
    "job",
    headers=("ID", "TYPE", "CATEGORY", "NAME"),
    # Alma's list has no `content` of manual jobs; `jobs show` has it.
    row=lambda job: (job.id, job.type, job.category, job.name),
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
    server: ServerOption = None,
    token: TokenOption = None,
) -> None:
    """List the jobs of an institution that the API can start."""
    wanted = type.upper() if type else None

    async def question(alma: OpenInstitution) -> JobList:
        jobs = [job for job in await read_jobs(alma, wanted) if matching(name, job.name)]
        return JobList(alma.institution, tuple(map(job_view, jobs)))

    if is_remote(server, token, simulated=simulate):
        with open_lists(server, token) as lists:
            found = lists.jobs(institution, name, wanted)
    else:
        found = ask(question, institution, simulated=simulate)
    _JOBS.print_all(found.institution, found.jobs, as_json=as_json)


@app.command("show")
def show_job(
    job: Annotated[
        str, typer.Argument(metavar="ID|NAME", help="The job's id, such as M44, or its exact name.")
    ],
    institution: InstitutionOption = None,
    simulate: SimulateOption = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
    token: TokenOption = None,
) -> None:
    """Show one job, and the step that starts it."""

    async def question(alma: OpenInstitution) -> JobFound:
        return await find_job(alma, job)

    if is_remote(server, token, simulated=simulate):
        with open_lists(server, token) as lists:
            found = lists.job(institution, job)
    else:
        found = ask(question, institution, simulated=simulate)
    details = found.job
    _JOBS.print_one(found.institution, as_data(details), _lines(details), as_json=as_json)


def _lines(job: JobView) -> Iterator[str]:
    yield f"{job.id}  {on_one_line(job.name)}"
    yield from facts(as_data(job), columns=12)
    for parameter in job.parameters:
        yield fact("parameter", f"{parameter.name} = {parameter.value}", columns=12)
    yield ""
    yield "In a workflow:"
    yield from (f"  {line}" for line in job_step(job))
