"""What one run executes, fixed when the run is recorded: the definition of a run does not change.

A `Plan` holds the workflow's text with every file it sends, and the inputs and `vars` worked out.
`engine/` runs it, later processes read it back from the store.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from almaflow.catalog import LoadedWorkflow, load_text
from almaflow.check import Surroundings
from almaflow.errors import RequestWrong
from almaflow.expressions import ExpressionFailed, parse_template, render, to_text
from almaflow.expressions.encoding import decode, encode
from almaflow.fields import Plain, Template
from almaflow.inputs import read_input
from almaflow.problems import did_you_mean
from almaflow.settings import Project
from almaflow.steps.base import StepBase
from almaflow.store import RunRecord
from almaflow.workflow import Workflow

FORMAT = 1
"""In which way runs are recorded; a run of another format is left alone."""

SIMULATED_INSTITUTION = "main"
"""What an institution is called where nothing names one, which only a simulation allows."""


class InputsInvalid(RequestWrong):
    """The inputs given to a workflow do not fit what it declares."""


@dataclass(frozen=True)
class Plan:
    """One run to be: what it executes and with what."""

    run_id: str
    key: str
    name: str
    file: str
    workflow: Workflow
    definition: Mapping[str, Any]
    zone: ZoneInfo
    institution: str
    inputs: Mapping[str, Any]
    vars: Mapping[str, Any]
    requested_at: datetime
    scheduled_at: datetime
    trigger: str = "manual"

    def record(self) -> RunRecord:
        """Return the run as the store keeps it."""
        return RunRecord(
            id=self.run_id,
            workflow=self.name,
            key=self.key,
            requested_at=self.requested_at,
            scheduled_at=self.scheduled_at,
            trigger=self.trigger,
            path=self.file,
            inputs=encode(dict(self.inputs)),
            vars=encode(dict(self.vars)),
            institution=self.institution,
            format=FORMAT,
        )


def make_plan(
    loaded: LoadedWorkflow,
    project: Project,
    given: Mapping[str, Any],
    *,
    run_id: str,
    now: datetime,
    key: str | None = None,
    scheduled_at: datetime | None = None,
    simulated: bool = False,
) -> Plan:
    """Work out what a run of *loaded* would execute; nothing is sent.

    *given* are the inputs: text, as the command line gives it, or values.

    Raises:
        InputsInvalid: an input is missing, unknown or does not fit.
        RequestWrong: a payload cannot be read, or no institution is named.
    """
    workflow = loaded.workflow
    zone = ZoneInfo(workflow.timezone or project.settings.timezone)
    scheduled_at = scheduled_at or now
    names: dict[str, Any] = {
        "run": {
            "id": run_id,
            "name": loaded.name,
            "key": key or run_id,
            "attempt": 1,
            "started_at": now.astimezone(zone),
            "scheduled_at": scheduled_at.astimezone(zone),
        },
        "now": now.astimezone(zone),
        "today": now.astimezone(zone).date(),
        "inputs": {},
        "vars": {},
    }
    _work_out_inputs(workflow, given, names)
    for name, value in workflow.vars.items():
        names["vars"][name] = _worked_out(value, names, f"vars.{name}")
    institution = _institution(workflow, project, names, simulated)
    return Plan(
        run_id=run_id,
        key=key or run_id,
        name=loaded.name,
        file=loaded.document.file,
        workflow=workflow,
        definition=make_definition(loaded, project, str(zone)),
        zone=zone,
        institution=institution,
        inputs=names["inputs"],
        vars=names["vars"],
        requested_at=now,
        scheduled_at=scheduled_at,
    )


def recorded_plan(record: RunRecord, definition: Mapping[str, Any], project: Project) -> Plan:
    """Return the plan of a recorded run, as it was when the run was recorded."""
    if record.format != FORMAT:
        raise RequestWrong(
            f"Run {record.id} was recorded by another version of almaflow (format "
            f"{record.format}, this one reads {FORMAT}); run it with that version."
        )
    loaded = load_text(definition["text"], definition["file"], project)
    zone = ZoneInfo(definition["timezone"])
    return Plan(
        run_id=record.id,
        key=record.key,
        name=record.workflow,
        file=record.path,
        workflow=loaded.workflow,
        definition=definition,
        zone=zone,
        institution=record.institution,
        inputs=decode(record.inputs, zone),
        vars=decode(record.vars, zone),
        requested_at=record.requested_at,
        scheduled_at=record.scheduled_at,
        trigger=record.trigger,
    )


def make_definition(loaded: LoadedWorkflow, project: Project, zone: str) -> dict[str, Any]:
    """Return everything a run of *loaded* executes, JSON-able: texts, payloads, git commit."""
    folder = (loaded.path.parent if loaded.path else project.folder).resolve()
    payloads = {}
    for name in sorted(payload_names(loaded.workflow)):
        try:
            payloads[name] = (folder / name).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise RequestWrong(f"The payload {name} cannot be read: {error}.") from error
    return {
        "file": loaded.document.file,
        "folder": str(folder),
        "root": str(Surroundings(project, folder, settings_count=False).root),
        "text": loaded.document.text,
        "payloads": payloads,
        "timezone": zone,
        "commit": git_commit(folder),
    }


def all_steps(steps: Sequence[StepBase], prefix: str = "") -> Iterator[tuple[str, StepBase]]:
    """Yield every step with its path, those inside others included, in the order of the file."""
    for place, step in enumerate(steps, start=1):
        path = prefix + step.label(place)
        yield path, step
        for body in step.kind.bodies():
            yield from all_steps(body.steps, f"{path}/{body.name}/")


def workflow_steps(workflow: Workflow) -> Iterator[tuple[str, StepBase]]:
    """Yield every step of *workflow* with its path, `finally` included."""
    yield from all_steps(workflow.steps)
    yield from all_steps(workflow.finally_, "finally/")


def payload_names(workflow: Workflow) -> set[str]:
    """Return the payload files that *workflow* names, relative to its folder."""
    return {name for _, step in workflow_steps(workflow) for name in step.kind.payloads()}


def git_commit(folder: Path) -> str | None:
    """Return the commit that *folder*'s checkout stands at; None outside a checkout."""
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None if answer.returncode == 0 else None


def _institution(
    workflow: Workflow, project: Project, names: Mapping[str, Any], simulated: bool
) -> str:
    if workflow.institution is not None:
        name = to_text(_worked_out(workflow.institution, names, "institution"))
    else:
        name = project.default_institution or ""
    if simulated:
        return name or SIMULATED_INSTITUTION
    # Says what to write where there is no such institution.
    institution = project.institution(name or None)
    if workflow.environment not in ("any", institution.environment):
        raise RequestWrong(
            f"The workflow is for `environment: {workflow.environment}`, but institution "
            f"`{institution.name}` is a {institution.environment}. Nothing was sent; name another "
            "institution, or change `environment`."
        )
    return institution.name


def _worked_out(value: Any, names: Mapping[str, Any], where: str) -> Any:
    """Return *value* with its templates filled in; Raises: InputsInvalid."""
    match value:
        case Template():
            try:
                return render(parse_template(value.text), names)
            except ExpressionFailed as error:
                raise InputsInvalid(f"`{where}` cannot be worked out: {error}") from error
        case Plain():
            return value.value
        case dict():
            return {key: _worked_out(item, names, where) for key, item in value.items()}
        case list():
            return [_worked_out(item, names, where) for item in value]
    return value


def _work_out_inputs(workflow: Workflow, given: Mapping[str, Any], names: dict[str, Any]) -> None:
    """Put the inputs into *names*, each seeing those above it; all that is wrong in one go."""
    wrong = [
        f"`{name}` is not an input of this workflow{did_you_mean(name, workflow.inputs)}"
        for name in given
        if name not in workflow.inputs
    ]
    for name, declared in workflow.inputs.items():
        try:
            if name in given:
                value = read_input(declared, given[name])
            elif declared.is_required:
                wrong.append(
                    f"the input `{name}` needs a value: give it with `-i {name}=…`"
                    + (f" ({declared.description})" if declared.description else "")
                )
                continue
            elif isinstance(declared.default, Plain):
                value = read_input(declared, declared.default)
            else:
                value = read_input(
                    declared, _worked_out(declared.default, names, f"inputs.{name}.default")
                )
        except ValueError as error:
            wrong.append(f"the input `{name}` {error}")
            continue
        except InputsInvalid:
            if wrong:
                # It asks for one of those that are wrong already.
                continue
            raise
        names["inputs"][name] = value
    if wrong:
        text = "; ".join(wrong)
        raise InputsInvalid(text[0].upper() + text[1:].rstrip(".") + ".")
