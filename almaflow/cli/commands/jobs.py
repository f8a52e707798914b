"""`almaflow jobs`: the jobs that can be started in an institution."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from almaflow.cli.alma_queries import InstitutionOption, NameOption, SimulateOption, open_lists
from almaflow.cli.options import JsonOption
from almaflow.cli.render.listing import fact, facts, print_list, print_one
from almaflow.cli.render.text_layout import on_one_line
from almaflow.cli.sources import ServerOption, TokenOption
from almaflow.json_data import as_data
from almaflow.operations.alma_lists import JobView
from almaflow.operations.pasted_steps import job_step

app = typer.Typer(
    help="List and show the jobs that can be started in Alma.",
    add_completion=False,
    no_args_is_help=False,
    rich_markup_mode=None,
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
    with open_lists(server, token, simulated=simulate) as lists:
        found = lists.jobs(institution, name, type.upper() if type else None)
    # Alma's list has no `content` of manual jobs; `jobs show` has it.
    headers = ("ID", "TYPE", "CATEGORY", "NAME")
    rows = [(job.id, job.type, job.category, job.name) for job in found.jobs]
    print_list(found, "job", headers, rows, flexible=(2, 3), as_json=as_json)


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
    with open_lists(server, token, simulated=simulate) as lists:
        found = lists.job(institution, job)
    print_one(found, _lines(found.job), as_json=as_json)


def _lines(job: JobView) -> Iterator[str]:
    yield f"{job.id}  {on_one_line(job.name)}"
    yield from facts(as_data(job), columns=12)
    for parameter in job.parameters:
        yield fact("parameter", f"{parameter.name} = {parameter.value}", columns=12)
    yield ""
    yield "In a workflow:"
    yield from (f"  {line}" for line in job_step(job))
