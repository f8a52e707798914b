"""`almaflow approve`: replies to a step that waits for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from almaflow.cli import bootstrap
from almaflow.cli.options import RunArgument
from almaflow.cli.prompts import who
from almaflow.cli.render.terminal import emit_json, say
from almaflow.cli.render.text_layout import on_one_line
from almaflow.errors import RequestWrong
from almaflow.operations.recorded_plans import plan_of
from almaflow.operations.run_owner import is_worked_on
from almaflow.operations.typed_text import as_recorded
from almaflow.outcome import Status
from almaflow.problems import did_you_mean
from almaflow.runs.views import RunView, view_of
from almaflow.store import RunRecord, Store
from almaflow.waiting import WaitingKind


def approve(
    run: RunArgument,
    step: Annotated[
        str | None,
        typer.Argument(
            metavar="STEP", help="The step's path or id; optional if only one step is waiting."
        ),
    ] = None,
    reject: Annotated[bool, typer.Option("--reject", help="Reject; the step fails.")] = False,
    comment: Annotated[
        str,
        typer.Option(
            "--comment", "-m", metavar="TEXT", help="A comment to record with the answer."
        ),
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the recorded answer as one JSON document.")
    ] = False,
) -> None:
    """Approve an `approve` step of a run, or reject it with `--reject`.

    The process that executes the run continues within seconds. If there is none, the answer is
    kept in the record until `almaflow resume`.
    """
    project = bootstrap.open_project()
    with bootstrap.open_store(project) as store:
        record = store.find_run(run)
        if record.status is Status.FINISHED:
            raise RequestWrong(
                f"Run {record.id} is finished ({record.outcome}), so none of its steps is "
                f"waiting for an answer. Run `almaflow show {record.id}` to see the result."
            )
        worked_on = is_worked_on(store, record)
        entries = store.journal(record.id)
        view = view_of(record, plan_of(store, record), entries, [], worked_on=worked_on)
        path = _chosen(record, step, _waiting(view))
        _refuse_second(store, record, path)
        value = {"approved": not reject, "comment": as_recorded(comment)}
        answer = store.add_answer(record.id, path, "approve", value, who())
    if as_json:
        emit_json(
            {
                "run": record.id,
                "step": path,
                **value,
                "by": answer.by,
                "at": answer.at.isoformat(),
                "worked_on": worked_on,
            }
        )
        return
    decision = "rejected" if reject else "approved"
    say(
        f"Step {path} of run {record.id} is {decision}. "
        + (
            "The process that executes the run will continue with it; follow it with `almaflow "
            f"logs -f {record.id}`. If that process does not respond, take over the run with "
            f"`almaflow resume {record.id}`."
            if worked_on
            else f"No process is executing the run; continue it with `almaflow resume {record.id}`."
        )
    )


def _waiting(view: RunView) -> dict[str, str]:
    """Return the open questions, by the path of the step that asks."""
    return {
        step.path: on_one_line(step.waiting.text)
        for step in view.steps
        if step.waiting is not None and step.waiting.kind is WaitingKind.PERSON
    }


def _chosen(record: RunRecord, step: str | None, waiting: Mapping[str, str]) -> str:
    """Return the path of the step to reply to; Raises: RequestWrong."""
    asks = "; ".join(f"`{path}` ({question})" for path, question in waiting.items())
    if not waiting:
        reason = f": it is waiting for something else ({on_one_line(record.reason)})"
        raise RequestWrong(
            f"No step of run {record.id} is waiting for an "
            f"answer{(reason if record.reason else '')}. `almaflow why {record.id}` explains "
            "what the run is waiting for."
        )
    if step is None:
        if len(waiting) == 1:
            return next(iter(waiting))
        raise RequestWrong(
            f"Several steps of run {record.id} are waiting for an answer: {asks}. Specify one."
        )
    if step in waiting:
        return step
    matches = [path for path in waiting if path.rsplit("/", 1)[-1] == step]
    if len(matches) == 1:
        return matches[0]
    if matches:
        listed = ", ".join(f"`{path}`" for path in matches)
        raise RequestWrong(
            f"Several steps with the id `{step}` are waiting for an answer: {listed}. Specify "
            "one of these paths."
        )
    raise RequestWrong(
        f"No step `{step}` of run {record.id} is waiting for an "
        f"answer{did_you_mean(step, waiting) or '.'} Waiting: {asks}."
    )


def _refuse_second(store: Store, record: RunRecord, path: str) -> None:
    """Raise `RequestWrong` when the step has a reply that no process has applied yet."""
    questions = [
        one for one in store.journal(record.id) if (one.path, one.effect) == (path, "asked")
    ]
    after = questions[-1].value["after"] if questions else 0
    for answer in store.answers([record.id], after):
        if (answer.path, answer.kind) == (path, "approve"):
            decision = "approved" if answer.value["approved"] else "rejected"
            raise RequestWrong(
                f"Step {path} of run {record.id} was already {decision} by {answer.by}. The run "
                "continues as soon as a process executes it."
            )
