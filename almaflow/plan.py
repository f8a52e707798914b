"""What one run executes, fixed when the run is recorded: the definition of a run does not change.

A `Plan` holds the workflow's text with every file it sends, and the values of inputs and `vars`.
`engine/` runs it, later processes read it back from the store.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from almaflow import recorded_steps
from almaflow.check import CheckContext
from almaflow.errors import RequestWrong
from almaflow.expressions import to_text
from almaflow.expressions.serialization import decode, encode
from almaflow.inputs import InputsInvalid, evaluate_inputs, evaluate_value
from almaflow.late_dataclasses import dataclass
from almaflow.recorded_steps import OUTLINE, outline_of, unreadable
from almaflow.settings import Project, data_path
from almaflow.store import RunRecord
from almaflow.text_files import FileUnreadable, read_text
from almaflow.workflow import Workflow
from almaflow.workflow_loader import LoadedWorkflow, load_text

SIMULATED_INSTITUTION = "main"
"""What an institution is called where nothing names one, which only a simulation allows."""


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
    called_in: str = ""
    """The name of the run's own workflow, for one that is called in it; else empty."""

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
            format=recorded_steps.FORMAT,
        )


def make_plan(
    loaded: LoadedWorkflow,
    project: Project,
    input_values: Mapping[str, Any],
    *,
    run_id: str,
    now: datetime,
    key: str | None = None,
    scheduled_at: datetime | None = None,
    trigger: str = "manual",
    definition: Mapping[str, Any] | None = None,
    simulated: bool = False,
) -> Plan:
    """Evaluate what a run of *loaded* would execute; nothing is sent.

    *input_values* are texts, as the command line gives them, or values and templates.
    *definition* is what `make_definition` gave when the files were read; None: they are read now.

    Raises:
        InputsInvalid: an input is missing, unknown or does not fit.
        RequestWrong: a payload cannot be read, or no institution is named.
    """
    workflow = loaded.workflow
    zone = _zone(workflow, project)
    scheduled_at = scheduled_at or now
    names = _names_of(run_id, loaded.name, key or run_id, now, scheduled_at, zone)
    evaluate_inputs(workflow, input_values, names)
    institution = _institution(workflow, project, names, simulated)
    return Plan(
        run_id=run_id,
        key=key or run_id,
        name=loaded.name,
        file=loaded.document.file,
        workflow=workflow,
        definition=make_definition(loaded, project) if definition is None else definition,
        zone=zone,
        institution=institution,
        inputs=names["inputs"],
        vars=names["vars"],
        requested_at=now,
        scheduled_at=scheduled_at,
        trigger=trigger,
    )


def recorded_plan(record: RunRecord, definition: Mapping[str, Any]) -> Plan:
    """Return the plan of a recorded run, as it was when the run was recorded.

    Raises:
        RequestWrong: another version recorded it, in a format that this one cannot read.
    """
    problem = unreadable(record)
    if problem:
        raise RequestWrong(problem)
    loaded = load_text(definition["text"], definition["file"])
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


def sub_plan(plan: Plan, name: str, inputs: Mapping[str, Any], now: datetime) -> Plan:
    """Return the plan of the workflow that *plan* calls *name*, as part of the same run.

    Made from what is recorded with the run, no file is read. *inputs* are those given by the
    call; *now* is when the calling step began. `run` is the same run for them. The plan's
    `institution` is empty when the called workflow names none: then it is the caller's. Its
    `environment` is not checked.

    Raises:
        InputsInvalid: an input is missing, unknown or does not fit.
    """
    definition = plan.definition["calls"][name]
    loaded = load_text(definition["text"], definition["file"])
    zone = ZoneInfo(definition["timezone"])
    run_name = plan.called_in or plan.name
    names = _names_of(plan.run_id, run_name, plan.key, plan.requested_at, plan.scheduled_at, zone)
    names |= {"now": now.astimezone(zone), "today": now.astimezone(zone).date()}
    try:
        evaluate_inputs(loaded.workflow, inputs, names, "under `inputs` of the call")
    except InputsInvalid as error:
        raise InputsInvalid(f"{loaded.document.file}: {error}") from error
    institution = loaded.workflow.institution
    return replace(
        plan,
        name=loaded.name,
        file=loaded.document.file,
        workflow=loaded.workflow,
        definition=definition,
        zone=zone,
        institution=to_text(evaluate_value(institution, names, "institution"))
        if institution
        else "",
        inputs=names["inputs"],
        vars=names["vars"],
        called_in=run_name,
    )


def _names_of(
    run_id: str, name: str, key: str, now: datetime, scheduled_at: datetime, zone: ZoneInfo
) -> dict[str, Any]:
    """Return the names that inputs and `vars` see in addition to those above them."""
    return {
        "run": {
            "id": run_id,
            "name": name,
            "key": key,
            "attempt": 1,
            "started_at": now.astimezone(zone),
            "scheduled_at": scheduled_at.astimezone(zone),
        },
        "now": now.astimezone(zone),
        "today": now.astimezone(zone).date(),
    }


def git_commit(folder: Path) -> str | None:
    """Return the commit that *folder*'s checkout is at; None outside a checkout."""
    if not _may_be_checkout(folder):
        return None
    from almaflow.git_reading import GitUnreadable, read_git

    try:
        answer = read_git(folder, "rev-parse", "HEAD")
    except GitUnreadable:
        return None
    return answer.decode("ascii", "replace").strip() or None


def _may_be_checkout(folder: Path) -> bool:
    """Whether it is worth starting git, which takes longer than a look for its folder."""
    real = folder.resolve()
    marks = (one / ".git" for one in (real, *real.parents))
    return "GIT_DIR" in os.environ or any(os.path.lexists(mark) for mark in marks)


def make_definition(
    loaded: LoadedWorkflow, project: Project, commit_of: Callable[[Path], str | None] = git_commit
) -> dict[str, Any]:
    """Return everything a run of *loaded* executes, JSON-able.

    That is its text and its payloads, under `calls` the same of each workflow it calls, by the
    name that it gives it, and the git commit that *commit_of* returns for a folder.
    """
    folder = _folder(loaded, project)
    root = os.path.realpath(CheckContext(project, folder, settings_count=False).root)
    return {**_recorded(loaded, project, root), "commit": commit_of(folder)}


def _recorded(loaded: LoadedWorkflow, project: Project, root: str) -> dict[str, Any]:
    folder = _folder(loaded, project)
    payloads = {}
    for name in sorted(payload_names(loaded.workflow)):
        from almaflow.alma.payload import LARGEST_PAYLOAD

        path = data_path(Path(root), name, beside=folder)
        try:
            payloads[name] = read_text(path, LARGEST_PAYLOAD, xml=True)
        except FileUnreadable as error:
            raise RequestWrong(f"The payload {name} cannot be read: {error.reason}.") from error
    return {
        "file": loaded.document.file,
        "folder": str(folder),
        "root": root,
        "text": loaded.document.text,
        "payloads": payloads,
        "timezone": str(_zone(loaded.workflow, project)),
        OUTLINE: outline_of(loaded.workflow),
        "calls": {name: _recorded(one, project, root) for name, one in loaded.calls.items()},
    }


def _folder(loaded: LoadedWorkflow, project: Project) -> Path:
    return Path(os.path.realpath(loaded.path.parent if loaded.path else project.folder))


def _zone(workflow: Workflow, project: Project) -> ZoneInfo:
    return ZoneInfo(workflow.timezone or project.settings.timezone)


def payload_names(workflow: Workflow) -> set[str]:
    """Return the payload files that *workflow* names, relative to its folder."""
    return {name for node in workflow.all_steps() for name in node.step.kind.payloads()}


def _institution(
    workflow: Workflow, project: Project, names: Mapping[str, Any], simulated: bool
) -> str:
    if workflow.institution is not None:
        name = to_text(evaluate_value(workflow.institution, names, "institution"))
    else:
        name = project.default_institution or ""
    if simulated:
        return name or SIMULATED_INSTITUTION
    # Says what to write where there is no such institution.
    institution = project.institution(name or None)
    check_environment(workflow, institution.name, institution.environment)
    return institution.name


def check_environment(workflow: Workflow, institution: str, environment: str) -> None:
    """Refuse to run *workflow* at an institution of another environment than its own.

    Raises:
        RequestWrong: the institution is of another; nothing was sent.
    """
    if workflow.environment not in ("any", environment):
        raise RequestWrong(
            f"The workflow is for `environment: {workflow.environment}`, but institution "
            f"`{institution}` is a {environment}. Nothing was sent. Choose another "
            "institution, or change `environment`."
        )
