"""`almaflow run`: one workflow, now, against Alma or in a simulation."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from almaflow.catalog import LoadedWorkflow, find_workflow, load_workflow
from almaflow.cli import parts
from almaflow.cli.interrupt import EXIT_INTERRUPTED, Interrupted, run_interruptible
from almaflow.cli.reports import exit_code_of, onlooker, print_report, print_warnings
from almaflow.clock import Clock, SystemClock
from almaflow.document import read_document
from almaflow.errors import RequestWrong
from almaflow.plan import Plan, make_plan
from almaflow.settings import Project
from almaflow.store import RunRecord, Store, new_run_id

if TYPE_CHECKING:
    from almaflow.engine.engine import Engine


def run(
    file: Annotated[str, typer.Argument(help="A workflow file, or a workflow's name.")],
    scenario: Annotated[
        str | None,
        typer.Argument(
            help="With --simulate: the scenario file, when it is not the one beside the workflow."
        ),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", "-i", metavar="KEY=VALUE", help="An input; may be repeated."),
    ] = None,
    inputs_file: Annotated[
        Path | None, typer.Option("--inputs", metavar="FILE", help="Inputs from a YAML file.")
    ] = None,
    simulate: Annotated[
        bool,
        typer.Option(
            "--simulate", help="Run on a simulated Alma in virtual time; nothing is sent."
        ),
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Queue the run for a running `almaflow serve`.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 when the run ends as warning.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the run as one JSON document.")
    ] = False,
) -> None:
    """Run a workflow and follow it to its end.

    Exits with 0 when the run ended well, 1 when it did not or needs a person, 2 when nothing
    was sent because the request was wrong, 130 when interrupted: then `almaflow resume` goes on.
    """
    if scenario is not None and not simulate:
        raise RequestWrong(f"`{scenario}` would be a scenario, which goes with `--simulate`.")
    if detach:
        raise RequestWrong(
            "`--detach` queues a run for `almaflow serve`, and none is alive; run without it."
        )
    file, scenario = in_order(file, scenario)
    project = parts.open_project()
    path = find_workflow(file, project)
    loaded = load_workflow(path, project, simulated=simulate)
    print_warnings(loaded.warnings, as_json=as_json)
    given = read_given(inputs or [], inputs_file)
    if simulate:
        record = _simulate(project, loaded, given, scenario, as_json=as_json)
    else:
        record = _run_live(project, loaded, given, as_json=as_json)
    raise typer.Exit(exit_code_of(record, strict=strict))


def read_given(pairs: list[str], file: Path | None) -> dict[str, Any]:
    """Return the inputs of the command line; those of `-i` outweigh the file's.

    Raises:
        RequestWrong: a pair is no KEY=VALUE, or the file is no mapping.
        DocumentsInvalid: the file is no YAML.
    """
    given: dict[str, Any] = {}
    if file is not None:
        document = read_document(file, str(file))
        if not isinstance(document.data, dict):
            raise RequestWrong(f"{file} must hold `name: value` lines, one for each input.")
        given.update(document.data)
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise RequestWrong(f"`-i {pair}` is no input; write `-i name=value`.")
        given[name.strip()] = value
    return given


def in_order(file: str, scenario: str | None) -> tuple[str, str | None]:
    """Let the scenario stand before the file: `--simulate SCENARIO FILE` reads naturally too."""
    if scenario is not None and file.endswith(parts.SCENARIO_SUFFIX):
        return scenario, file
    return file, scenario


def new_plan(
    loaded: LoadedWorkflow,
    project: Project,
    given: dict[str, Any],
    clock: Clock,
    *,
    simulated: bool = False,
) -> Plan:
    """Return the plan of a run that begins now; Raises: RequestWrong."""
    now = clock.now()
    run_id = new_run_id(now, random.SystemRandom())
    return make_plan(loaded, project, given, run_id=run_id, now=now, simulated=simulated)


def _run_live(
    project: Project, loaded: LoadedWorkflow, given: dict[str, Any], *, as_json: bool
) -> RunRecord:
    clock = SystemClock()
    plan = new_plan(loaded, project, given, clock)
    # A missing key is told before anything is recorded.
    project.institution(plan.institution).key()
    with parts.open_store(project, clock) as store, onlooker(plan, as_json=as_json) as view:
        engine = parts.live_engine(project, store, view)
        return follow(engine, store, plan, add=True, as_json=as_json)


def _simulate(
    project: Project,
    loaded: LoadedWorkflow,
    given: dict[str, Any],
    scenario: str | None,
    *,
    as_json: bool,
) -> RunRecord:
    assert loaded.path is not None
    simulation = parts.simulate(project, loaded, scenario)
    plan = new_plan(loaded, project, given, simulation.clock, simulated=True)
    with onlooker(plan, as_json=as_json, simulated=True) as view:
        engine = simulation.engine(view)
        return follow(engine, engine.store, plan, add=True, as_json=as_json, virtual=True)


def follow(
    engine: Engine,
    store: Store,
    plan: Plan,
    *,
    add: bool,
    as_json: bool,
    virtual: bool = False,
) -> RunRecord:
    """Work on a run until it ends or is interrupted, print its report and return its record.

    *add* records the run first. Raises: typer.Exit when interrupted.
    """

    async def main() -> RunRecord:
        async with engine.running():
            if add:
                await engine.add(plan)
            return await engine.work_on(plan.run_id)

    try:
        record = run_interruptible(main, virtual=virtual)
    except Interrupted:
        if virtual:
            typer.echo("Interrupted; the simulation is gone.", err=True)
        else:
            typer.echo(
                f"Interrupted. Run {plan.run_id} is held; what it started in Alma goes on. "
                f"Continue with `almaflow resume {plan.run_id}`.",
                err=True,
            )
        raise typer.Exit(EXIT_INTERRUPTED) from None
    print_report(store, record, plan, as_json=as_json, simulated=virtual)
    return record
