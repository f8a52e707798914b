"""`almaflow show`: one run with all its details."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from almaflow.cli.options import RunArgument, RunAsJson
from almaflow.cli.render.run_details import lines_of
from almaflow.cli.render.terminal import emit_json, emit_lines
from almaflow.cli.render.tick_text import about_tick
from almaflow.cli.sources import ServerOption, TokenOption, open_source


def show(
    run: RunArgument,
    as_json: RunAsJson = False,
    server: ServerOption = None,
    token: TokenOption = None,
) -> None:
    """Show a run: its outcome, every step with its outputs, and the requests to Alma."""
    with open_source(server, token) as source:
        details = source.run(run)
    if as_json:
        emit_json(details.as_data())
        return
    tick, zone = details.tick, ZoneInfo(details.timezone)
    about = "" if tick is None else about_tick(tick, len(tick.merged), zone)
    emit_lines(lines_of(details, about), wrap=True)
