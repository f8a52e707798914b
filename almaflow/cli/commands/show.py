"""`almaflow show`: one run with all its details."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from almaflow.cli.options import JsonOption, RunArgument
from almaflow.cli.picture_file import SvgOption, write_picture
from almaflow.cli.render.run_details import lines_of
from almaflow.cli.render.terminal import emit_json, emit_lines
from almaflow.cli.render.tick_text import about_tick
from almaflow.cli.sources import ServerOption, TokenOption, open_source
from almaflow.clock import SystemClock

if TYPE_CHECKING:
    from almaflow.operations.run_details import RunDetails
    from almaflow.operations.run_log import LogLine


def show(
    run: RunArgument,
    svg: SvgOption = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
    token: TokenOption = None,
) -> None:
    """Show a run: its outcome, every step with its outputs, and the requests to Alma.

    `--svg` draws when each step worked, waited, or let a job run in Alma.
    """
    with open_source(server, token) as source:
        details = source.run(run)
        log = () if svg is None else source.log(run).events
    if svg is not None:
        write_picture(svg, _picture(details, log))
        return
    if as_json:
        emit_json(details.as_data())
        return
    tick, zone = details.tick, ZoneInfo(details.timezone)
    about = "" if tick is None else about_tick(tick, len(tick.merged), zone)
    emit_lines(lines_of(details, about), wrap=True)


def _picture(details: RunDetails, log: Sequence[LogLine]) -> str:
    from almaflow.authoring.pictures.timeline_svg import timeline_svg
    from almaflow.runs.timeline import timeline

    last = details.ended_at or SystemClock().now()
    return timeline_svg(details, timeline(details.steps, log, last), last)
