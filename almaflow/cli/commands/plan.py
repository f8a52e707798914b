"""`almaflow plan`: every request that a run would send, rendered, with nothing sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Any

import typer

from almaflow.cli import bootstrap
from almaflow.cli.commands.run import new_plan
from almaflow.cli.interrupt import run_interruptible
from almaflow.cli.options import (
    FileArgument,
    InputsFileOption,
    InputsOption,
    JsonOption,
    in_order,
    read_inputs,
)
from almaflow.cli.render.run_report import exit_code_of, print_warnings, without_printed
from almaflow.cli.render.terminal import emit_json, emit_lines
from almaflow.cli.render.text_layout import on_one_line
from almaflow.cli.simulated_play import play
from almaflow.outcome import Outcome
from almaflow.plan import Plan
from almaflow.redaction import REDACTION
from almaflow.runs.planned_steps import PlannedStep, Recorder, request_lines
from almaflow.store import RunRecord
from almaflow.visible import json_text
from almaflow.workflow_loader import find_workflow, load_workflow

MOST_MEMBERS_SHOWN = 20
"""The largest number of members of one request that `plan --json` lists; of more it gives the
count.
"""


def plan(
    file: FileArgument,
    scenario: Annotated[
        str | None, typer.Argument(help="The scenario; default: the one next to the workflow.")
    ] = None,
    inputs: InputsOption = None,
    inputs_file: InputsFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show every request that a run would send, in order. Nothing is sent.

    A simulated Alma provides the responses, so that later steps have values; the plan takes the
    same branches as `run --simulate`. Steps of other branches are listed as not taken. Secrets are
    shown by name. If the simulated run ends badly, the exit code is 1.
    """
    file, scenario = in_order(file, scenario)
    project = bootstrap.open_project()
    loaded = load_workflow(find_workflow(file, project), project, simulated=True)
    print_warnings(loaded.warnings, as_json=as_json)
    simulation = bootstrap.simulate(project, loaded, scenario)
    made = new_plan(
        loaded, project, read_inputs(inputs or [], inputs_file), simulation.clock, simulated=True
    )
    simulation.furnish_for(loaded, made)
    recorder = Recorder()
    engine = simulation.engine(recorder)
    record = run_interruptible(partial(play, engine, made), virtual=True)
    steps = recorder.steps(made)
    if as_json:
        emit_json(_as_data(made, record, steps))
    else:
        emit_lines(_lines(made, record, steps))
    if code := exit_code_of(record):
        raise typer.Exit(code)


def _as_data(made: Plan, record: RunRecord, steps: Sequence[PlannedStep]) -> dict[str, Any]:
    return {
        "workflow": made.name,
        "file": made.file,
        "institution": made.institution,
        "inputs": record.inputs,
        "vars": record.vars,
        "simulated_outcome": record.outcome,
        "steps": [
            {
                "path": step.path,
                "kind": step.kind,
                "taken": step.on_path,
                "outcome": step.outcome,
                "error": step.error,
                "requests": [
                    {
                        "name": one.name,
                        "times": one.times,
                        **one.request,
                        "body": _first_members(one.request["body"]),
                    }
                    for one in step.requests
                ],
            }
            for step in steps
        ],
    }


def _lines(made: Plan, record: RunRecord, steps: Sequence[PlannedStep]) -> Iterator[str]:
    yield f"{made.name} ({made.file}) at {made.institution}; nothing is sent."
    for name, value in record.inputs.items():
        yield f"  {name} = {json_text(REDACTION.data(value))}"
    printed: list[str] = []
    # The innermost failed step has the reason; its enclosing steps come before it.
    failures = [step.error for step in steps if step.error]
    for step in steps:
        yield ""
        if not step.on_path:
            yield f"{step.path}  ({step.kind}; not taken)"
            continue
        ended = "" if step.outcome == Outcome.SUCCEEDED else f"; simulated: {step.outcome}"
        yield f"{step.path}  ({step.kind}{ended})"
        if step.error and not any(one != step.error and one in step.error for one in failures):
            printed.append(step.error)
            yield f"    {on_one_line(step.error)}"
        for request in step.requests:
            yield from request_lines(request)
    yield ""
    ended = f"The simulated run ended as {record.outcome or record.status}."
    yield f"{ended} {on_one_line(without_printed(record.error, printed))}".rstrip()


def _first_members(body: Any) -> Any:
    """Return a body for programs, with the first members only and their number.

    Members come from files, and there may be half a million.
    """
    if not (isinstance(body, dict) and "members" in body):
        return body
    members = body["members"]["member"]
    if len(members) <= MOST_MEMBERS_SHOWN:
        return body
    shortened = {"total_record_count": len(members), "member": members[:MOST_MEMBERS_SHOWN]}
    return {**body, "members": {**body["members"], **shortened}}
