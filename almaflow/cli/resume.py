"""`almaflow resume`: goes on with runs that were interrupted, held, or lost their process."""

from __future__ import annotations

from typing import Annotated

import typer

from almaflow.cli import parts
from almaflow.cli.options import RunAsJson, StrictOption
from almaflow.cli.reports import exit_code_of, onlooker, steps_so_far
from almaflow.cli.run import follow
from almaflow.errors import RequestWrong
from almaflow.outcome import Status
from almaflow.plan import recorded_plan
from almaflow.settings import Project
from almaflow.store import RunHeld, RunRecord, Store


def resume(
    run: Annotated[
        str | None, typer.Argument(help="The run: any unique part of its id, or `last`.")
    ] = None,
    all_runs: Annotated[
        bool, typer.Option("--all", help="Every unfinished run that no process works on.")
    ] = False,
    strict: StrictOption = False,
    as_json: RunAsJson = False,
) -> None:
    """Go on with a run at the step where it was; what was done is not done again.

    A run that follows a job in Alma takes up following it. A job is never submitted a second time.
    """
    if all_runs == (run is not None):
        raise RequestWrong("Name one run (`almaflow resume last`), or all with `--all`.")
    if all_runs and as_json:
        raise RequestWrong("`--json` prints one run; name it, or leave `--json` out.")
    project = parts.open_project()
    with parts.open_store(project) as store:
        if run is not None:
            record = resume_run(project, store, store.find_run(run), as_json=as_json)
            raise typer.Exit(exit_code_of(record, strict=strict))
        code = 0
        for one in reversed(store.runs(statuses=_UNFINISHED)):
            code = max(code, _resume_one_of_all(project, store, one, strict=strict))
        raise typer.Exit(code)


_UNFINISHED = (Status.QUEUED, Status.RUNNING, Status.WAITING)


def resume_run(project: Project, store: Store, record: RunRecord, *, as_json: bool) -> RunRecord:
    """Go on with *record*'s run and follow it to its end.

    Raises:
        RequestWrong: it is finished, or recorded by another version.
        RunHeld: a live process works on it.
    """
    if record.status is Status.FINISHED:
        raise RequestWrong(
            f"Run {record.id} is finished ({record.outcome}); `almaflow show {record.id}` tells "
            "how. To do its work again, run the workflow again."
        )
    plan = recorded_plan(record, store.definition(record.definition))
    seen = steps_so_far(store, record, plan)
    with onlooker(plan, as_json=as_json, seen=seen) as view:
        engine = parts.live_engine(project, store, view)
        return follow(engine, store, plan, add=False, as_json=as_json)


def _resume_one_of_all(project: Project, store: Store, record: RunRecord, *, strict: bool) -> int:
    """Resume one of several runs; one that a live process works on is left to it."""
    try:
        ended = resume_run(project, store, record, as_json=False)
    except RunHeld as error:
        typer.echo(str(error), err=True)
        return 0
    return exit_code_of(ended, strict=strict)
