"""Cancelling, continuing and retrying a run, and replying to a step that waits for a person."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from almaflow.errors import AlmaflowError, RequestWrong
from almaflow.operations.approval import open_question, reply
from almaflow.operations.cancellation import cancel_anywhere, find_cancellable
from almaflow.operations.continuing import continue_run, find_on_hold
from almaflow.operations.run_records import is_worked_on
from almaflow.store import RunRecord
from almaflow.web.api.answers import LONGEST_NAME, RunName
from almaflow.web.context import Context, WebContext
from almaflow.web.errors import status_of
from almaflow.web.forms import (
    Button,
    Confirmation,
    Field,
    Operator,
    Written,
    ask,
    done,
    run_address,
)

router = APIRouter()

StepQuery = Annotated[str | None, Query(max_length=10 * LONGEST_NAME)]
"""The path or id of a step, in an address."""


def about(record: RunRecord) -> list[tuple[str, str]]:
    """Return what a confirmation says about a run."""
    facts = [("Workflow", record.workflow), ("Run", record.id)]
    if record.institution:
        facts.append(("Institution", record.institution))
    return facts


# --- cancel ---------------------------------------------------------------------------------------


@router.get("/runs/{run}/cancel")
def confirm_cancel(request: Request, context: Context, who: Operator, run: RunName) -> Response:
    """Show what a cancellation does."""
    record = find_cancellable(context.store, run)
    address = run_address(record.id)
    worked_on = is_worked_on(context.store, record)
    return ask(
        request,
        Confirmation(
            title="Cancel this run?",
            lead="Its steps stop; its `finally` steps and its notifications follow.",
            action=f"{address}/cancel",
            back=address,
            facts=about(record),
            lines=[
                "The process that executes it is asked to cancel it."
                if worked_on
                else "No process is executing it now; the scheduler takes it and cancels it.",
                "Alma cannot cancel jobs for other programs: a job that was started keeps running "
                "there.",
            ],
            listed="What happens",
            buttons=[Button("Cancel the run")],
        ),
    )


@router.post("/runs/{run}/cancel")
def cancel(context: Context, who: Operator, run: RunName) -> Response:
    """Cancel a run."""
    record = cancel_anywhere(context.store, run, who.by)
    context.wake()
    return done(run_address(record.id))


# --- continue -------------------------------------------------------------------------------------


@router.get("/runs/{run}/resume")
def confirm_resume(request: Request, context: Context, who: Operator, run: RunName) -> Response:
    """Show what continuing a run does."""
    record = find_on_hold(context.store, run)
    address = run_address(record.id)
    return ask(
        request,
        Confirmation(
            title="Continue this run?",
            lead="It continues at the step where it stopped. Finished steps are not repeated, and "
            "no job is submitted a second time.",
            action=f"{address}/resume",
            back=address,
            facts=about(record),
            lines=record.reason.splitlines(),
            listed="Why it is on hold",
            buttons=[Button("Continue the run")],
        ),
    )


@router.post("/runs/{run}/resume")
def resume(context: Context, who: Operator, run: RunName) -> Response:
    """Continue a run that is on hold."""
    record = continue_run(context.store, run, who.by)
    context.wake()
    return done(run_address(record.id))


# --- approve or reject ----------------------------------------------------------------------------


@router.get("/runs/{run}/approve")
def confirm_reply(
    request: Request, context: Context, who: Operator, run: RunName, step: StepQuery = None
) -> Response:
    """Show the question of a step, with a field for a comment."""
    return ask(request, _question(context, run, step))


@router.post("/runs/{run}/approve")
def approve(
    request: Request, context: Context, who: Operator, form: Written, run: RunName
) -> Response:
    """Approve or reject a step."""
    step = form.text("step") or None
    answers = {"approve": True, "reject": False}
    try:
        answer = form.text("answer")
        if answer not in answers:
            raise RequestWrong("Choose whether to approve or to reject.")
        comment = form.text("comment")
        given = reply(
            context.store, run, step, approved=answers[answer], comment=comment, by=who.by
        )
    except AlmaflowError as error:
        question = _question(context, run, step, form.get("comment", ""), str(error))
        return ask(request, question, status_of(error))
    context.wake()
    return done(run_address(given.run))


def _question(
    context: WebContext, run: str, step: str | None, comment: str = "", error: str = ""
) -> Confirmation:
    """Return the confirmation of a reply; Raises: RequestWrong when no step waits for one."""
    record, path, text = open_question(context.store, run, step)
    address = run_address(record.id)
    on_hold = "The run is on hold: the reply is kept until a person continues it." * record.held
    return Confirmation(
        title="Approve or reject?",
        lead=text,
        action=f"{address}/approve",
        back=address,
        facts=[*about(record), ("Step", path)],
        lines=["Approve: the run continues.", "Reject: the step fails, as its workflow says."],
        listed="What happens",
        warning=on_hold,
        fields=[
            Field(
                "comment",
                "Comment",
                "lines",
                comment,
                "It is recorded with your name and the answer. Optional.",
                error,
            )
        ],
        hidden={"step": path},
        buttons=[
            Button("Approve", "answer", "approve"),
            Button("Reject", "answer", "reject", True),
        ],
    )
