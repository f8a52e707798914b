"""What can be asked of runs: start, cancel, resume, retry, approve, resolve.

Each route does what the command of its name does, for whichever process executes runs.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query
from starlette.responses import Response

from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.operations.action_documents import (
    QueuedRun,
    ReplyGiven,
    RetryPreview,
    Unconfirmed,
    retry_preview,
    unconfirmed,
)
from almaflow.operations.approval import reply
from almaflow.operations.cancellation import cancel_anywhere
from almaflow.operations.continuing import continue_run
from almaflow.operations.for_people import for_people
from almaflow.operations.resolution import (
    candidates,
    check_instance,
    decide_anywhere,
    find_candidates,
    find_unconfirmed,
)
from almaflow.operations.retrying import preview_retry, queue_retry
from almaflow.operations.run_list import RunSummary, summaries_of
from almaflow.operations.shapes import whole
from almaflow.operations.starting import check_secrets, plan_run, queue_once, request_key
from almaflow.operations.typed_text import check_typed, check_values
from almaflow.store import RunRecord
from almaflow.web.api.answers import REFUSALS, Refusal, RunName, WorkflowName, answer
from almaflow.web.context import Context, WebContext, Who, Workflows
from almaflow.web.named import workflow_to_run

router = APIRouter()

REFUSED: dict[int | str, dict[str, Any]] = REFUSALS | {
    status.value: {"model": whole(Refusal), "description": description}
    for status, description in (
        (HTTPStatus.BAD_REQUEST, "The body cannot be read."),
        (HTTPStatus.REQUEST_TIMEOUT, "The body did not arrive in time."),
        (HTTPStatus.CONFLICT, "It has changed meanwhile, such as a run that has ended."),
        (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large."),
        (HTTPStatus.BAD_GATEWAY, "Alma did not respond, or refused."),
    )
}
"""The refusals of every action, for its description."""

_ACCEPTED: dict[str, Any] = {"responses": REFUSED, "status_code": HTTPStatus.ACCEPTED}
"""What describes an action that a process carries out later."""

StepPath = Annotated[str, Body(min_length=1, max_length=1000, description="A step's path or id.")]
# With `StepPath | None`, the step would be read from the address, and not from the body.
OptionalStepPath = Annotated[
    str | None, Body(min_length=1, max_length=1000, description="A step's path or id.")
]
Comment = Annotated[str, Body(max_length=100_000, description="It is recorded with the answer.")]


@dataclass(frozen=True)
class WaitingStep:
    """A step that waits for a person."""

    run: str
    """The id of the run."""
    workflow: str
    """The name of its workflow."""
    step: str
    """The path of the step."""
    kind: str
    """`approve` or `resolve`, the action that it waits for."""
    text: str
    """The question, or why a person has to check."""


@router.get("/approvals", response_model=list[whole(WaitingStep)])  # type: ignore[misc]
def approvals(context: Context) -> Response:
    """List the steps that wait for a person: questions, and submissions of unknown outcome."""
    waiting = for_people(context.store)
    asked = [
        WaitingStep(one.run.id, one.run.workflow, one.step, "approve", one.question)
        for one in waiting.questions
    ]
    lost = [
        WaitingStep(one.run.id, one.run.workflow, one.step, "resolve", one.reason)
        for one in waiting.lost
    ]
    return answer([*asked, *lost])


@router.post("/workflows/{name}/runs", response_model=whole(QueuedRun), **_ACCEPTED)
def start(
    context: Context,
    workflows: Workflows,
    who: Who,
    name: WorkflowName,
    inputs: Annotated[
        dict[str, Any],
        Body(embed=True, description="Values by the name of the input, as text or typed."),
    ],
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=200,
            pattern="^[!-~]+$",
            description="A key of yours, such as a UUID: a repeated request with the same key "
            "finds the run of the first.",
        ),
    ] = None,
) -> Response:
    """Queue a run of a workflow, as `run --detach` does."""
    for input_name, value in inputs.items():
        check_values(input_name, value)
    loaded, project = workflow_to_run(context, workflows, name), context.project()
    key = None if idempotency_key is None else request_key(loaded.name, idempotency_key)
    plan = plan_run(loaded, project, inputs, context.clock, context.chance, key=key)
    check_secrets(project, plan)
    record, created = queue_once(context.store, plan, inputs.keys(), who.by_api)
    return _accepted(context, QueuedRun(_summary(context, record), created))


@router.post("/runs/{run}/cancel", response_model=whole(RunSummary), **_ACCEPTED)
def cancel(context: Context, who: Who, run: RunName) -> Response:
    """Cancel a run: its steps stop, then its `finally` steps and notifications follow."""
    record = cancel_anywhere(context.store, run, who.by_api)
    return _accepted(context, _summary(context, record))


@router.post("/runs/{run}/resume", response_model=whole(RunSummary), **_ACCEPTED)
def resume(context: Context, who: Who, run: RunName) -> Response:
    """Continue a run that is on hold, at the step where it stopped."""
    record = continue_run(context.store, run, who.by_api)
    return _accepted(context, _summary(context, record))


@router.get("/runs/{run}/retry", response_model=whole(RetryPreview), responses=REFUSED)
def preview(
    context: Context,
    run: RunName,
    start: Annotated[
        str | None, Query(min_length=1, max_length=1000, description="A step's path or id.")
    ] = None,
) -> Response:
    """Show which steps a new attempt would repeat, and which jobs it would submit again."""
    return answer(retry_preview(preview_retry(context.store, run, start)))


@router.post("/runs/{run}/retry", response_model=whole(RunSummary), **_ACCEPTED)
def retry(
    context: Context,
    who: Who,
    run: RunName,
    attempt: Annotated[
        int,
        Body(
            ge=2,
            le=1_000_000,
            description="The number of the new attempt, as the preview has it: a repeated "
            "request makes no second one.",
        ),
    ],
    start: OptionalStepPath = None,
    submit_again: Annotated[
        bool, Body(description="Submit jobs again that were, or may have been, submitted before.")
    ] = False,
) -> Response:
    """Queue a new attempt at a finished run, which keeps its successful steps."""
    coming = preview_retry(context.store, run, start)
    if attempt != coming.run.attempt + 1:
        raise RequestWrong(
            f"The next attempt of run {coming.run.id} is {coming.run.attempt + 1}, not {attempt}. "
            "Nothing was recorded."
        )
    if coming.steps.submitted and not submit_again:
        listed = ", ".join(one.step for one in coming.steps.submitted)
        raise RequestWrong(
            f"A new attempt would submit again the jobs of {listed}. To confirm this, send "
            "`submit_again` as true. Nothing was recorded."
        )
    record = queue_retry(context.store, coming, who.by_api)
    return _accepted(context, _summary(context, record))


@router.post("/runs/{run}/approve", response_model=whole(ReplyGiven), responses=REFUSED)
def approve(
    context: Context,
    who: Who,
    run: RunName,
    approved: Annotated[bool, Body(description="False rejects: the step fails.")],
    step: OptionalStepPath = None,
    comment: Comment = "",
) -> Response:
    """Approve or reject a step that waits for a person; *step* is optional if only one does."""
    check_typed("comment", comment)
    by = who.by_api
    given = reply(context.store, run, step, approved=approved, comment=comment, by=by)
    context.wake()
    return answer(given)


@router.get("/runs/{run}/resolve", response_model=whole(Unconfirmed), responses=REFUSED)
def preview_resolve(
    context: Context,
    run: RunName,
    step: Annotated[str, Query(min_length=1, max_length=1000, description="Its path or id.")],
) -> Response:
    """Show a submission whose response was lost, and the instances in Alma that could be it."""
    record = context.store.find_run(run)
    lost = find_unconfirmed(context.store, record, step)
    found = find_candidates(context.project(), context.store, context.alma, lost)
    return answer(unconfirmed(record.id, lost, found))


@router.post("/runs/{run}/resolve", response_model=whole(RunSummary), **_ACCEPTED)
def resolve(
    context: Context,
    who: Who,
    run: RunName,
    step: StepPath,
    instance: Annotated[
        str | None,
        Body(
            pattern="^[0-9A-Za-z]{1,100}$",
            description="The id of the job instance in Alma; null: Alma did not accept it, so "
            "almaflow submits it once more.",
        ),
    ],
) -> Response:
    """Record whether Alma accepted a submission whose response was lost, and continue the run.

    Alma is asked: the instance must exist, belong to the job, have been submitted after ours was
    sent, and not belong to another step.
    """
    project, store, alma = context.project(), context.store, context.alma
    record = store.find_run(run)
    lost = find_unconfirmed(store, record, step)
    if instance is None:
        candidates(project, store, alma, record, lost)
    else:
        check_instance(project, store, alma, lost, instance)
    decide_anywhere(store, record, lost, instance, who.by_api)
    return _accepted(context, _summary(context, store.run(record.id)))


def _accepted(context: WebContext, document: Any) -> Response:
    """Let the scheduler look for the work that was asked for, and return what it is."""
    context.wake()
    response = answer(document)
    response.status_code = HTTPStatus.ACCEPTED
    return response


def _summary(context: WebContext, record: RunRecord) -> RunSummary:
    [summary] = summaries_of(context.store, [record])
    return summary
