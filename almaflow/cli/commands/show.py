"""`almaflow show`: one run with all its details."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from almaflow.cli import bootstrap
from almaflow.cli.options import RunArgument, RunAsJson
from almaflow.cli.render.run_details import lines_of
from almaflow.cli.render.terminal import emit_json, emit_lines
from almaflow.cli.render.tick_text import about_tick, as_data
from almaflow.operations.recorded_plans import plan_of
from almaflow.operations.run_owner import is_worked_on
from almaflow.runs.views import view_of
from almaflow.store import Store, Tick, TickEnding

# The number of earlier ticks that are searched for those merged into a run's tick.
_MERGED = 10_000


def show(
    run: RunArgument,
    as_json: RunAsJson = False,
) -> None:
    """Show a run: its outcome, every step with its outputs, and the requests to Alma."""
    project = bootstrap.open_project()
    with bootstrap.open_store(project) as store:
        record = store.find_run(run)
        view = view_of(
            record,
            plan_of(store, record),
            store.journal(record.id),
            store.events(record.id),
            worked_on=is_worked_on(store, record),
        )
        tick = store.tick_of_run(record.id)
        merged = [] if tick is None else _merged_into(store, tick)
    if as_json:
        tick_data = (
            None if tick is None else as_data(tick) | {"merged": [as_data(it) for it in merged]}
        )
        emit_json(view.as_data() | {"tick": tick_data})
    else:
        zone = ZoneInfo(view.timezone)
        about = "" if tick is None else about_tick(tick, len(merged), zone)
        emit_lines(lines_of(view, about), wrap=True)


def _merged_into(store: Store, tick: Tick) -> list[Tick]:
    """Return the other ticks that a tick's run covers, newest first."""
    ticks = store.ticks(
        until=tick.at, workflow=tick.workflow, endings=[TickEnding.MERGED], limit=_MERGED
    )
    return [one for one in ticks if (one.entry, one.merged_into) == (tick.entry, tick.at)]
