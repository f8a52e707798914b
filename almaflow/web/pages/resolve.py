"""Deciding what happened to a submission whose response was lost, with what Alma lists."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from almaflow.alma.wire import JobInstance
from almaflow.errors import AlmaflowError, RequestWrong, StoreError
from almaflow.late_dataclasses import dataclass
from almaflow.operations.resolution import (
    UnconfirmedRequest,
    candidates,
    check_instance,
    decide_anywhere,
    find_candidates,
    find_unconfirmed,
)
from almaflow.store import RunRecord
from almaflow.web.api.answers import LONGEST_NAME, RunName
from almaflow.web.context import Context, WebContext
from almaflow.web.errors import status_of
from almaflow.web.forms import Form, Operator, Written, done, run_address
from almaflow.web.pages.run_actions import about
from almaflow.web.rendering import render

router = APIRouter()

NOT_SUBMITTED = "not submitted"
"""The answer that Alma did not accept the submission; an id of Alma has no space."""
OTHER = "another instance"
"""The answer that the id of the instance is in a separate field."""


@dataclass(frozen=True)
class _Listed:
    """What Alma lists; *problem* says why nothing is listed."""

    instances: Sequence[JobInstance] = ()
    marked: str = ""
    """The id of the instance that is certainly the submission."""
    problem: str = ""


@router.get("/runs/{run}/resolve")
def confirm_resolve(
    request: Request,
    context: Context,
    who: Operator,
    run: RunName,
    step: Annotated[str, Query(max_length=10 * LONGEST_NAME)],
) -> Response:
    """Show the submission and the instances in Alma that it could be."""
    record = context.store.find_run(run)
    lost = find_unconfirmed(context.store, record, step)
    return _ask(request, context, record, lost, Form())


@router.post("/runs/{run}/resolve")
def resolve(
    request: Request, context: Context, who: Operator, form: Written, run: RunName
) -> Response:
    """Record what happened to the submission, and let the run continue."""
    record = context.store.find_run(run)
    lost = find_unconfirmed(context.store, record, form.text("step"))
    try:
        instance = _checked(context, record, lost, form)
        decide_anywhere(context.store, record, lost, instance, who.by)
    except StoreError:
        raise
    except AlmaflowError as error:
        return _ask(request, context, record, lost, form, str(error), status_of(error))
    context.wake()
    return done(run_address(record.id))


def _checked(
    context: WebContext, record: RunRecord, lost: UnconfirmedRequest, form: Form
) -> str | None:
    """Return the id of the instance that Alma confirms; None: Alma did not accept it.

    Raises:
        RequestWrong: nothing was chosen, or what Alma shows contradicts it.
        AlmaError: Alma did not respond.
    """
    project, store, alma = context.project(), context.store, context.alma
    answer = form.text("answer")
    if answer == NOT_SUBMITTED:
        candidates(project, store, alma, record, lost)
        return None
    instance = form.text("instance") if answer == OTHER else answer
    if not instance:
        raise RequestWrong("Choose an instance, write its id, or say that Alma did not accept it.")
    if not instance.isascii() or not instance.isalnum() or len(instance) > LONGEST_NAME:
        raise RequestWrong("The id of an instance has letters and digits only; copy it from Alma.")
    check_instance(project, store, alma, lost, instance)
    return instance


def _ask(
    request: Request,
    context: WebContext,
    record: RunRecord,
    lost: UnconfirmedRequest,
    form: Form,
    error: str = "",
    status: int = HTTPStatus.OK,
) -> Response:
    listed = _listed(context, lost)
    address = run_address(record.id)
    return render(
        request,
        "resolve.html",
        status,
        facts=[
            *about(record),
            ("Step", lost.path),
            ("Job", f"{lost.trace.job_id} {lost.trace.job_name}".strip()),
            ("Name of the instance", lost.trace.name),
        ],
        sent_at=lost.sent_at,
        address=address,
        step=lost.path,
        listed=listed,
        answer=form.get("answer", listed.marked),
        instance=form.get("instance", ""),
        error=error,
        not_submitted=NOT_SUBMITTED,
        other=OTHER,
    )


def _listed(context: WebContext, lost: UnconfirmedRequest) -> _Listed:
    try:
        found = find_candidates(context.project(), context.store, context.alma, lost)
    except StoreError:
        raise
    except AlmaflowError as error:
        # A person can check in Alma, and name the instance.
        return _Listed(problem=str(error))
    return _Listed(found.instances, found.marked.id if found.marked is not None else "")
