"""`almaflow plan`: every request that a run would send, rendered, with nothing sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field, replace
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from almaflow.cli import bootstrap
from almaflow.cli.commands.run import new_plan
from almaflow.cli.interrupt import run_interruptible
from almaflow.cli.options import (
    FileArgument,
    InputsFileOption,
    InputsOption,
    in_order,
    read_inputs,
)
from almaflow.cli.render.run_report import exit_code_of, print_warnings, without_printed
from almaflow.cli.render.terminal import emit_json, emit_lines
from almaflow.cli.render.text_layout import on_one_line
from almaflow.late_dataclasses import dataclass
from almaflow.outcome import Outcome
from almaflow.plan import Plan
from almaflow.redaction import REDACTION
from almaflow.runs.events import EventKind, RunEvent
from almaflow.runs.step_tree import StepTree
from almaflow.store import RunRecord
from almaflow.visible import json_text
from almaflow.workflow_loader import find_workflow, load_workflow

MOST_MEMBERS_SHOWN = 20
"""The largest number of members of one request that `plan --json` lists; of more it gives the
count.
"""


@dataclass
class PlannedRequest:
    """One planned request, with secrets as names; *times* counts equal ones in a row."""

    name: str
    request: dict[str, Any]
    times: int = 1


@dataclass
class PlannedStep:
    """A step of the plan. If *on_path* is false, the run does not reach it and nothing is sent."""

    path: str
    kind: str
    on_path: bool = False
    outcome: str = Outcome.SKIPPED.value
    error: str = ""
    requests: list[PlannedRequest] = field(default_factory=list)


class Recorder:
    """Listens to a simulated run and keeps what each step sent."""

    def __init__(self) -> None:
        self._heard: dict[str, PlannedStep] = {}

    def receive(self, event: RunEvent) -> None:
        step = self._heard.setdefault(event.path, PlannedStep(event.path, ""))
        if event.kind is EventKind.BEGAN:
            step.on_path = True
        elif event.kind is EventKind.ENDED:
            step.outcome, step.error = event.data["outcome"], event.text
        elif event.kind is EventKind.REQUEST:
            last = step.requests[-1] if step.requests else None
            if last is not None and last.request == event.data["request"]:
                last.times += 1
            else:
                step.requests.append(PlannedRequest(event.text, event.data["request"]))

    def steps(self, plan: Plan) -> list[PlannedStep]:
        """Return every step in the order of the file, each started iteration separately."""
        nothing = PlannedStep("", "")
        return [
            replace(self._heard.get(one.path, nothing), path=one.path, kind=one.step.kind.key)
            for one in StepTree.of(plan).of_iterations(self._heard)
        ]


def plan(
    file: FileArgument,
    scenario: Annotated[
        str | None,
        typer.Argument(help="The scenario; default: the one next to the workflow."),
    ] = None,
    inputs: InputsOption = None,
    inputs_file: InputsFileOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the plan as one JSON document.")
    ] = False,
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

    async def main() -> RunRecord:
        async with engine.running():
            await engine.add(made)
            return await engine.work_on(made.run_id)

    record = run_interruptible(main, virtual=True)
    steps = recorder.steps(made)
    if as_json:
        emit_json(_as_data(made, record, steps))
    else:
        emit_lines(_lines(made, record, steps))
    if code := exit_code_of(record):
        raise typer.Exit(code)


def _as_data(made: Plan, record: RunRecord, steps: list[PlannedStep]) -> dict[str, Any]:
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


def _lines(made: Plan, record: RunRecord, steps: list[PlannedStep]) -> Iterator[str]:
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
            yield from _request_lines(request)
    yield ""
    ended = f"The simulated run ended as {record.outcome or record.status}."
    yield f"{ended} {on_one_line(without_printed(record.error, printed))}".rstrip()


def _request_lines(request: PlannedRequest) -> Iterator[str]:
    query = urlencode([(name, value) for name, value in request.request["query"]])
    target = request.request["path"] + (f"?{query}" if query else "")
    times = f"   ({request.times} times)" if request.times > 1 else ""
    yield f"    {request.request['method']} {on_one_line(target)}{times}"
    body = request.request["body"]
    if body:
        rendered = json_text(REDACTION.data(_shortened(body)), indent=2)
        yield from (f"      {line}" for line in rendered.splitlines())


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


def _shortened(body: Any) -> Any:
    """Return a body for people: one parameter a line, and the number of members.

    Members come from files, and many people can read the logs to which a plan is printed.
    """
    if "parameter" in body:
        return [f"{one['name']['value']} = {one['value']}" for one in body["parameter"]]
    if "members" in body:
        count = len(body["members"]["member"])
        return {"members": f"{count:,} {'member' if count == 1 else 'members'}"}
    return body
