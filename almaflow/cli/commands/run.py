"""`almaflow run`: one workflow, now, against Alma or in a simulation."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from almaflow.cli import bootstrap
from almaflow.cli.interrupt import EXIT_INTERRUPTED, Interrupted, run_interruptible
from almaflow.cli.options import (
    FileArgument,
    InputsFileOption,
    InputsOption,
    JsonOption,
    StrictOption,
    in_order,
    read_inputs,
)
from almaflow.cli.prompts import prompt_at, who
from almaflow.cli.render.run_report import exit_code_of, onlooker, print_report, print_warnings
from almaflow.cli.render.terminal import emit, say
from almaflow.cli.sources import ServerOption, TokenOption, is_remote
from almaflow.clock import Clock, SystemClock
from almaflow.errors import RequestWrong
from almaflow.operations.starting import add_run, check_secrets, plan_run, queue_run
from almaflow.outcome import Status
from almaflow.plan import Plan
from almaflow.settings import Project
from almaflow.store import RunNotFound, RunRecord, Store, StoreTrouble
from almaflow.workflow_loader import LoadedWorkflow, find_workflow, load_workflow

if TYPE_CHECKING:
    from almaflow.engine.engine import Engine


def run(
    file: FileArgument,
    scenario: Annotated[
        str | None,
        typer.Argument(
            help="With --simulate: the scenario file; default: the one next to the workflow."
        ),
    ] = None,
    inputs: InputsOption = None,
    inputs_file: InputsFileOption = None,
    simulate: Annotated[
        bool,
        typer.Option(
            "--simulate", help="Run on a simulated Alma in virtual time; nothing is sent."
        ),
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Queue the run for a running `almaflow serve`.")
    ] = False,
    strict: StrictOption = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
    token: TokenOption = None,
) -> None:
    """Run a workflow and follow it to its end; with --server, only queue it there.

    Exits with 0 if the run ended well, 1 if it did not or needs a person, 2 if the request was
    wrong and nothing was sent, and 130 if interrupted; `almaflow resume` then continues it.
    """
    file, scenario = in_order(file, scenario)
    if scenario is not None and not simulate:
        raise RequestWrong(
            f"The scenario `{scenario}` needs `--simulate`. Use `almaflow run --simulate {file}`, "
            f"or `almaflow run {file}` alone to run the workflow in Alma. A shell replaces `*` by "
            "all names that fit, also by those of scenarios."
        )
    if detach and simulate:
        raise RequestWrong(
            "`--detach` queues a run for `almaflow serve`, but a simulation runs here. Use "
            "only one of `--detach` and `--simulate`."
        )
    if is_remote(server, token, simulated=simulate):
        from almaflow.cli.remote_commands import start_there

        values = read_inputs(inputs or [], inputs_file)
        start_there(server, token, file, values, as_json=as_json)
        return
    project = bootstrap.open_project()
    path = find_workflow(file, project)
    loaded = load_workflow(path, project, simulated=simulate)
    print_warnings(loaded.warnings, as_json=as_json)
    values = read_inputs(inputs or [], inputs_file)
    if detach:
        _queue(project, loaded, values, as_json=as_json)
        return
    if simulate:
        record = run_simulated(project, loaded, values, scenario, as_json=as_json)
    else:
        record = _run_live(project, loaded, values, as_json=as_json)
    raise typer.Exit(exit_code_of(record, strict=strict))


def new_plan(
    loaded: LoadedWorkflow,
    project: Project,
    values: dict[str, Any],
    clock: Clock,
    *,
    simulated: bool = False,
) -> Plan:
    """Return the plan of a run that begins now; Raises: RequestWrong."""
    return plan_run(loaded, project, values, clock, random.SystemRandom(), simulated=simulated)


def _run_live(
    project: Project, loaded: LoadedWorkflow, values: dict[str, Any], *, as_json: bool
) -> RunRecord:
    clock = SystemClock()
    plan = new_plan(loaded, project, values, clock)
    check_secrets(project, plan)
    with bootstrap.open_store(project, clock) as store, onlooker(plan, as_json=as_json) as view:
        engine = bootstrap.live_engine(project, store, view, prompt_at(view, as_json=as_json))
        return follow(engine, store, plan, before=partial(add_run, store, plan), as_json=as_json)


def _queue(
    project: Project, loaded: LoadedWorkflow, values: dict[str, Any], *, as_json: bool
) -> None:
    """Record a run for the active `serve`; Raises: RequestWrong when there is none."""
    plan = new_plan(loaded, project, values, SystemClock())
    check_secrets(project, plan)
    with bootstrap.open_store(project) as store:
        if not store.is_shared and store.leader() is None:
            raise RequestWrong(
                "`--detach` queues a run for `almaflow serve`, but none is running on the "
                f"store {store.address}. Start `almaflow serve`, or run without `--detach`."
            )
        record = queue_run(store, plan, who())
        if as_json:
            print_report(store, record, plan, as_json=True, simulated=False)
        else:
            emit(f"Queued run {record.id}. Follow it with `almaflow logs -f {record.id}`.")


def run_simulated(
    project: Project,
    loaded: LoadedWorkflow,
    values: dict[str, Any],
    scenario: str | None,
    *,
    as_json: bool,
) -> RunRecord:
    """Run a workflow on the simulator, print the report and return the run's record.

    Raises: typer.Exit when interrupted; DocumentsInvalid, RequestWrong as `run` does.
    """
    assert loaded.path is not None
    simulation = bootstrap.simulate(project, loaded, scenario)
    plan = new_plan(loaded, project, values, simulation.clock, simulated=True)
    simulation.furnish_for(loaded, plan)
    with onlooker(plan, as_json=as_json, simulated=True) as view:
        engine = simulation.engine(view)
        add = partial(add_run, engine.store, plan)
        return follow(engine, engine.store, plan, before=add, as_json=as_json, virtual=True)


def follow(
    engine: Engine,
    store: Store,
    plan: Plan,
    *,
    before: Callable[[], object] = lambda: None,
    as_json: bool,
    virtual: bool = False,
) -> RunRecord:
    """Execute a run until it ends or is interrupted, print its report and return its record.

    *before* records the run, or its new attempt, in the transaction that claims it, so that no
    `serve` can claim it first. Raises: typer.Exit when interrupted.
    """

    async def main() -> RunRecord:
        async with engine.running():
            return await engine.work_on(plan.run_id, before)

    try:
        record = run_interruptible(main, virtual=virtual)
    except Interrupted:
        if virtual:
            emit("Interrupted; the simulation is discarded.", err=True)
        elif _is_finished(store, plan.run_id):
            say(
                f"Interrupted. Run {plan.run_id} is finished; notices about it that were not "
                "delivered stay in the outbox for the next run or `almaflow serve`.",
                err=True,
            )
        else:
            say(
                f"Interrupted. Run {plan.run_id} is on hold; jobs that it started in Alma keep "
                f"running. Continue with `almaflow resume {plan.run_id}`.",
                err=True,
            )
        raise typer.Exit(EXIT_INTERRUPTED) from None
    except StoreTrouble as trouble:
        raise trouble.followed_by(_move_after_trouble(store, plan.run_id)) from trouble
    print_report(store, record, plan, as_json=as_json, simulated=virtual, listener=engine.listener)
    return record


def _is_finished(store: Store, run_id: str) -> bool:
    try:
        return store.run(run_id).status is Status.FINISHED
    except (RunNotFound, StoreTrouble):
        return False


def _move_after_trouble(store: Store, run_id: str) -> str:
    """Return, from the record, how a run continues when the store is writable again."""
    try:
        record = store.run(run_id)
    except RunNotFound:
        return "start the workflow again, because this run was not recorded and nothing was sent"
    except StoreTrouble:
        return f"check with `almaflow runs` whether run {run_id} was recorded"
    if record.status is Status.FINISHED:
        return f"see the run with `almaflow show {run_id}`"
    return f"continue the run with `almaflow resume {run_id}`"
