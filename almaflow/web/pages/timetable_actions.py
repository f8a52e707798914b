"""Pausing the timetable of a workflow, ending the pause, and skipping the next tick."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from almaflow.errors import RequestWrong
from almaflow.operations.pausing import MOST_SHOWN, active_pause, pause, ticks_in_pause, unpause
from almaflow.operations.skipping import next_tick, skip_next
from almaflow.operations.typed_times import read_future
from almaflow.store import SchedulePause
from almaflow.web.context import Context, WebContext
from almaflow.web.errors import status_of
from almaflow.web.forms import (
    Button,
    Confirmation,
    Field,
    Form,
    Operator,
    Written,
    ask,
    done,
    workflow_address,
)
from almaflow.web.named import Known

router = APIRouter()

_NOTE = "The reason; it is shown with the pause. Optional."


# --- pause ----------------------------------------------------------------------------------------


@router.get("/workflows/{name}/pause")
def confirm_pause(request: Request, context: Context, who: Operator, name: Known) -> Response:
    """Ask until when, and why."""
    return ask(request, _pause_question(context, name, Form()))


@router.post("/workflows/{name}/pause")
def begin_pause(
    request: Request, context: Context, who: Operator, form: Written, name: Known
) -> Response:
    """Show which ticks a pause skips, then pause the timetable."""
    project, now = context.project(), context.now
    try:
        note = form.text("note")
        text = form.text("until")
        until = read_future(text, "until", now, context.zone) if text else None
        if form.get("go") != "pause":
            return ask(request, _pause_question(context, name, form, until=until, checked=True))
        pause(project, context.store, name, until=until, note=note, by=who.by)
    except RequestWrong as error:
        question = _pause_question(context, name, form, error=str(error))
        return ask(request, question, status_of(error))
    context.wake()
    return done(workflow_address(name))


def _pause_question(
    context: WebContext,
    workflow: str,
    form: Form,
    *,
    until: datetime | None = None,
    checked: bool = False,
    error: str = "",
) -> Confirmation:
    """Return the confirmation; when *checked*, with the ticks that the pause skips."""
    project, store = context.project(), context.store
    address = workflow_address(workflow)
    lines, remark = [], ""
    if checked:
        ticks, remark = ticks_in_pause(project, store, workflow, until=until, now=context.now)
        lines = [f"{one.at:%a %Y-%m-%d %H:%M} ({one.entry})" for one in ticks]
        remark = remark or ("" if lines else "No tick of the timetable is in this pause.")
        if len(lines) == MOST_SHOWN:
            lines.append("and all later ones in the pause")
    before = active_pause(store, workflow, context.now)
    if before is not None:
        remark = f"{about_pause(before, context)} The new pause replaces it. {remark}".strip()
    end = f"{until.astimezone(context.zone):%A, %Y-%m-%d %H:%M}" if until else "a person ends it"
    buttons = [Button("Show the ticks that are skipped", "go", "show", is_quiet=checked)]
    if checked:
        buttons.insert(0, Button("Pause the timetable", "go", "pause"))
    return Confirmation(
        title="Pause this timetable?",
        lead="Its ticks are recorded as skipped and are not caught up. Runs that have started "
        "continue, and the workflow can still be run by hand.",
        action=f"{address}/pause",
        back=address,
        facts=[("Workflow", workflow), *([("Until", end)] if checked else [])],
        listed="These ticks are skipped",
        lines=lines,
        warning=remark,
        fields=[
            Field(
                "until",
                "Until",
                value=form.get("until", ""),
                help="A date, such as 2026-12-24 (its midnight), a date with a time, a time of "
                "day, or how long from now, such as 3h. Left empty: until a person ends the pause.",
                error=error,
            ),
            Field("note", "Note", value=form.get("note", ""), help=_NOTE),
        ],
        buttons=buttons,
    )


def about_pause(one: SchedulePause, context: WebContext) -> str:
    """Return the sentence about a pause that lasts."""
    until = f" until {one.until.astimezone(context.zone):%Y-%m-%d %H:%M}" if one.until else ""
    note = f": {one.note.rstrip('.')}" if one.note else ""
    since = f"{one.since.astimezone(context.zone):%Y-%m-%d %H:%M}"
    return f"{one.by} has paused it since {since}{until}{note}."


# --- unpause --------------------------------------------------------------------------------------


@router.get("/workflows/{name}/unpause")
def confirm_unpause(request: Request, context: Context, who: Operator, name: Known) -> Response:
    """Show the pause that would end."""
    before = active_pause(context.store, name, context.now)
    if before is None:
        raise RequestWrong(f"{name} is not paused.")
    address = workflow_address(name)
    return ask(
        request,
        Confirmation(
            title="End this pause?",
            lead="The ticks of its timetable run again from now on. Ticks that the pause skipped "
            "are not caught up.",
            action=f"{address}/unpause",
            back=address,
            facts=[("Workflow", name), ("Pause", about_pause(before, context))],
            buttons=[Button("End the pause")],
        ),
    )


@router.post("/workflows/{name}/unpause")
def end_pause(context: Context, who: Operator, name: Known) -> Response:
    """End the pause."""
    before = unpause(context.project(), context.store, name, now=context.now, by=who.by)
    context.wake()
    return done(workflow_address(before.workflow))


# --- skip the next tick ---------------------------------------------------------------------------


@router.get("/workflows/{name}/skip-next")
def confirm_skip(request: Request, context: Context, who: Operator, name: Known) -> Response:
    """Show which tick would be skipped."""
    return ask(request, _skip_question(context, name, Form()))


@router.post("/workflows/{name}/skip-next")
def skip(request: Request, context: Context, who: Operator, form: Written, name: Known) -> Response:
    """Skip the tick that the confirmation has named."""
    try:
        skipped = skip_next(
            context.project(),
            context.store,
            name,
            entry=form.text("entry"),
            note=form.text("note"),
            now=context.now,
            by=who.by,
            expected=_instant(form.text("at")),
        )
    except RequestWrong as error:
        return ask(request, _skip_question(context, name, form, str(error)), status_of(error))
    context.wake()
    return done(workflow_address(skipped.workflow))


def _instant(text: str) -> datetime:
    """Return the instant of the tick in a confirmation; Raises: RequestWrong."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise RequestWrong("The request does not name a tick. Open the page of the tick again.")
    return at


def _skip_question(context: WebContext, name: str, form: Form, error: str = "") -> Confirmation:
    tick = next_tick(context.project(), context.store, name, entry=None, now=context.now)
    address = workflow_address(tick.workflow)
    at = tick.at.astimezone(context.zone)
    return Confirmation(
        title="Skip the next tick?",
        lead=f"The workflow does not run on {at:%A, %Y-%m-%d} at {at:%H:%M}. Later ticks run as "
        "usual.",
        action=f"{address}/skip-next",
        back=address,
        facts=[("Workflow", tick.workflow), ("Schedule entry", tick.entry)],
        fields=[Field("note", "Note", value=form.get("note", ""), help=_NOTE)],
        hidden={"entry": tick.entry, "at": tick.at.isoformat()},
        buttons=[Button("Skip this tick")],
        error=error,
    )
