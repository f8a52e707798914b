"""What can be asked of timetables: pause, unpause, skip the next tick."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Body
from starlette.responses import Response

from almaflow.errors import RequestWrong
from almaflow.operations.ledger import PauseView, TickView, pause_view, tick_view
from almaflow.operations.pausing import pause as begin_pause
from almaflow.operations.pausing import unpause as end_pause
from almaflow.operations.shapes import whole
from almaflow.operations.skipping import skip_next as skip_tick
from almaflow.operations.typed_text import check_typed
from almaflow.operations.typed_times import read_future
from almaflow.web.api.answers import answer
from almaflow.web.api.run_actions import REFUSED
from almaflow.web.context import Context, Who
from almaflow.web.named import Known

router = APIRouter()

Note = Annotated[str, Body(max_length=100_000, description="The reason; it is shown.")]


@router.post("/workflows/{name}/pause", response_model=whole(PauseView), responses=REFUSED)
def pause(
    context: Context,
    who: Who,
    name: Known,
    until: Annotated[
        str | None,
        Body(
            min_length=1,
            max_length=40,
            description="When the pause ends: a date, a date with a time, a time of day, or how "
            "long from now, such as 3h; null: until it is ended.",
        ),
    ] = None,
    note: Note = "",
) -> Response:
    """Pause the timetable of a workflow: its ticks are skipped and are not caught up."""
    check_typed("note", note)
    end = None if until is None else read_future(until, "until", context.now, context.zone)
    project, by = context.project(), who.by_api
    begun = begin_pause(project, context.store, name, until=end, note=note, by=by)
    context.wake()
    return answer(pause_view(begun))


@router.post("/workflows/{name}/unpause", response_model=whole(PauseView), responses=REFUSED)
def unpause(context: Context, who: Who, name: Known) -> Response:
    """End the pause of a workflow, and show it as it was."""
    project, by = context.project(), who.by_api
    before = end_pause(project, context.store, name, now=context.now, by=by)
    context.wake()
    return answer(pause_view(before))


@router.post("/workflows/{name}/skip-next", response_model=whole(TickView), responses=REFUSED)
def skip_next(
    context: Context,
    who: Who,
    name: Known,
    at: Annotated[
        datetime,
        Body(description="The instant of the tick, with an offset: another one is not skipped."),
    ],
    entry: Annotated[
        str | None, Body(max_length=1000, description="The key of its schedule entry.")
    ] = None,
    note: Note = "",
) -> Response:
    """Skip the next tick of a workflow; a repeated request skips no second one."""
    check_typed("note", note)
    if at.tzinfo is None:
        raise RequestWrong("`at` needs an offset from UTC, such as 2026-12-24T02:30:00+01:00.")
    skipped = skip_tick(
        context.project(),
        context.store,
        name,
        entry=entry,
        note=note,
        now=context.now,
        by=who.by_api,
        expected=at,
    )
    context.wake()
    return answer(tick_view(skipped))
