"""`almaflow why`: explains why a run waits or how it ended, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from almaflow.cli.options import JsonOption
from almaflow.cli.render.run_report import headline
from almaflow.cli.render.terminal import emit, emit_json, say
from almaflow.cli.render.text_layout import on_one_line
from almaflow.cli.render.tick_text import about_the_timetable
from almaflow.cli.sources import ServerOption, TokenOption, open_source
from almaflow.clock import SystemClock
from almaflow.json_data import as_data
from almaflow.operations.causes import TimetableState
from almaflow.runs.diagnosis import Reason
from almaflow.runs.views import RunView


def why(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN|NAME",
            help="Any unique part of a run's id, `last`, or the name of a workflow: its "
            "unfinished runs, or else its newest run.",
        ),
    ],
    as_json: JsonOption = False,
    server: ServerOption = None,
    token: TokenOption = None,
) -> None:
    """Explain why a run is waiting or how it ended, and what you can do about it.

    Everything comes from the record; almaflow does not query Alma.
    """
    with open_source(server, token) as source:
        explanation = source.why(run)
        zone = source.zone
    if as_json:
        emit_json(as_data(explanation.diagnoses()))
        return
    if explanation.timetable is not None:
        for line in _timetable_lines(run, explanation.timetable, zone):
            say(line)
    for number, explained in enumerate(explanation.runs):
        if number:
            emit("")
        for line in _lines(explained.view, explained.causes):
            say(line)


def _timetable_lines(workflow: str, state: TimetableState, zone: ZoneInfo) -> Iterator[str]:
    remarks = list(about_the_timetable(workflow, state, SystemClock().now(), zone))
    if not remarks:
        return
    yield f"The timetable of {on_one_line(workflow)}"
    for text, move in remarks:
        yield f"  {on_one_line(text)}"
        if move:
            yield f"    → {move}"
    yield ""


def _lines(view: RunView, causes: Sequence[Reason]) -> Iterator[str]:
    yield headline(view)
    for cause in causes:
        head = f"{cause.path}: " if cause.path else ""
        yield f"  {head}{on_one_line(cause.text)}"
        yield from (f"    {on_one_line(line)}" for line in cause.details)
        yield from (f"    → {on_one_line(line)}" for line in cause.moves)
    if not any(one.moves for one in causes) and view.outcome is None:
        yield "  You do not need to do anything."
