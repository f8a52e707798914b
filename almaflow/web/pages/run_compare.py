"""A run next to the run before of the same workflow."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from almaflow.errors import RequestWrong
from almaflow.operations.run_comparison import compare, run_before
from almaflow.outcome import Outcome
from almaflow.runs.step_views import StepView
from almaflow.web.context import Context, WebContext
from almaflow.web.forms import run_address
from almaflow.web.live import cached
from almaflow.web.rendering import render
from almaflow.web.run_boxes import anchor_of

router = APIRouter()

# Steps and lines of a file that the page shows.
_STEPS, _LINES = 200, 1000
# Payloads that differ, and parameters of one.
_PAYLOADS, _PARAMETERS = 20, 200


@router.get("/runs/{run}/compare")
def compare_runs(
    run: str,
    request: Request,
    context: Context,
    to: Annotated[str, Query(alias="with", max_length=200)] = "",
) -> Response:
    """Compare a run with the one before, or with the run *with* of the same workflow."""
    return cached(request, lambda: _render(request, context, run, to.strip()))


def _render(request: Request, context: WebContext, run: str, to: str) -> Response:
    store = context.store
    now = store.find_run(run)
    before = store.find_run(to) if to else run_before(store, now)
    if before is None:
        raise RequestWrong(f"Run {now.id} is the first of {now.workflow}: there is none before it.")
    if before.workflow != now.workflow:
        raise RequestWrong(
            f"Run {before.id} is one of {before.workflow}, not of {now.workflow}. Compare runs of "
            "the same workflow."
        )
    found = compare(store, before, now)
    reached = [one for one in found.steps if _is_reached(one.before) or _is_reached(one.now)]
    steps = [one for one in reached if not one.is_alike]
    # Of too many, those that only took longer are left out.
    shown = steps if len(steps) <= _STEPS else sorted(steps, key=lambda one: not one.is_other)
    return render(
        request,
        "run_compare.html",
        before=found.before,
        run=found.now,
        heads=found.heads,
        steps=shown[:_STEPS],
        left_out=max(0, len(steps) - _STEPS),
        alike=len(reached) - len(steps),
        files=found.files,
        payloads=found.payloads[:_PAYLOADS],
        more_payloads=max(0, len(found.payloads) - _PAYLOADS),
        most_lines=_LINES,
        most_parameters=_PARAMETERS,
        here=run_address(found.now.id),
        address=run_address,
        anchor=anchor_of,
        earlier=run_before(store, before),
    )


def _is_reached(view: StepView | None) -> bool:
    return view is not None and view.outcome is not Outcome.SKIPPED
