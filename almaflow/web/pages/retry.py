"""A new attempt at a finished run: what it repeats and submits again, and asking for it."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.responses import Response

from almaflow.errors import AlmaflowError, RequestWrong
from almaflow.operations.retrying import ComingAttempt, preview_retry, queue_retry, retry_starts
from almaflow.runs.retry_plan import submission_text
from almaflow.web.api.answers import RunName
from almaflow.web.context import Context, WebContext
from almaflow.web.errors import status_of
from almaflow.web.forms import Button, Confirmation, Field, Operator, Written, done, run_address
from almaflow.web.pages.run_actions import StepQuery, about
from almaflow.web.rendering import render

router = APIRouter()


@router.get("/runs/{run}/retry")
def confirm_retry(
    request: Request, context: Context, who: Operator, run: RunName, start: StepQuery = None
) -> Response:
    """Show which steps run again, and which jobs would be submitted again."""
    try:
        coming = preview_retry(context.store, run, start or None)
    except RequestWrong as error:
        return _choose(request, context, run, start or "", str(error))
    return _ask(request, context, coming)


@router.post("/runs/{run}/retry")
def retry(
    request: Request, context: Context, who: Operator, form: Written, run: RunName
) -> Response:
    """Queue a new attempt."""
    coming = preview_retry(context.store, run, form.text("start") or None)
    try:
        if form.text("attempt") != str(coming.run.attempt):
            raise RequestWrong(
                "Another attempt was asked for since this page was opened. Nothing was recorded. "
                "Check below what a further one would do."
            )
        if coming.steps.submitted and not form.text("again"):
            raise RequestWrong("Confirm that these jobs are to be submitted again.")
        queue_retry(context.store, coming, who.by)
    except AlmaflowError as error:
        return _ask(request, context, coming, str(error), status_of(error))
    context.wake()
    return done(run_address(coming.run.id))


def _ask(
    request: Request,
    context: WebContext,
    coming: ComingAttempt,
    error: str = "",
    status: int = HTTPStatus.OK,
) -> Response:
    address = run_address(coming.run.id)
    submitted = coming.steps.submitted
    unknown = any(one.instance_id is None for one in submitted)
    question = Confirmation(
        title="Retry this run?",
        lead=f"Attempt {coming.run.attempt + 1} runs the steps below, with the recorded workflow "
        "and inputs. Other steps keep their outputs.",
        action=f"{address}/retry",
        back=address,
        facts=[*about(coming.run), ("Starts again from", coming.start or "what failed")],
        listed="These steps run again",
        lines=list(coming.steps.redo),
        more="These jobs were submitted before, and would be submitted again",
        more_lines=[
            submission_text(one, f"{one.sent_at.astimezone(coming.plan.zone):%Y-%m-%d %H:%M}")
            for one in submitted
        ],
        warning="Check in Alma (Admin > Monitor Jobs) first: a submission whose outcome is not "
        "known may have run, and would then run a second time."
        if unknown
        else "",
        fields=[Field("again", "Submit these jobs again", "check", is_required=True)]
        if submitted
        else [],
        hidden={"start": coming.start or "", "attempt": str(coming.run.attempt)},
        buttons=[Button("Retry the run")],
        error=error,
    )
    starts = retry_starts(context.store, coming.run, coming.plan)
    values = {"question": question, "starts": starts, "start": coming.start or ""}
    return render(request, "retry.html", status, **values)


def _choose(request: Request, context: WebContext, run: str, start: str, error: str) -> Response:
    """Return the page on which another step can be chosen, after a wrong one."""
    record = context.store.find_run(run)
    values = {
        "record": record,
        "address": run_address(record.id),
        "starts": retry_starts(context.store, record),
        "start": start,
        "error": error,
    }
    status = HTTPStatus.BAD_REQUEST if start else HTTPStatus.OK
    return render(request, "retry_from.html", status, **values)
