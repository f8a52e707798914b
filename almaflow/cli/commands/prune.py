"""`almaflow prune`: deletes old runs and ticks from the store."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

from almaflow.cli import bootstrap
from almaflow.cli.options import JsonOption
from almaflow.cli.render.terminal import emit_json, say
from almaflow.cli.render.text_layout import many
from almaflow.clock import SystemClock
from almaflow.errors import RequestWrong
from almaflow.operations.typed_times import read_age
from almaflow.store import Pruned

# The store always keeps younger runs and ticks.
_YOUNGEST = timedelta(days=1)


def prune(
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="AGE", help="An age, such as 400d.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count what would be deleted.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete finished runs and ticks that are older than an age from the store.

    It keeps what is still needed: unfinished runs, runs whose job may still be running in Alma,
    the newest run of each workflow, and everything that prevents a tick from running twice. You
    can use it while `serve` is running. Make a backup first (`almaflow backup FILE`; `pg_dump` for
    a store in PostgreSQL, whose `VACUUM` gives the room to new rows automatically).
    """
    project, clock = bootstrap.open_project(), SystemClock()
    age = read_age(older_than, "--older-than")
    if age < _YOUNGEST:
        raise RequestWrong(
            f"`--older-than {older_than}`: runs and ticks younger than a day are still needed. "
            "Use an age of at least `1d`."
        )
    with bootstrap.open_store(project, clock) as store:
        pruned = store.prune(clock.now() - age, dry_run=dry_run)
    if as_json:
        emit_json({"dry_run": dry_run, **asdict(pruned)})
    else:
        say(f"{'Would be taken' if dry_run else 'Taken'} out: {_summary(pruned)}.")


_NOUNS = {
    "runs": ("run",),
    "ticks": ("tick",),
    "notices": ("notice",),
    "schedules": ("obsolete timetable",),
    "definitions": ("definition",),
    "processes": ("ended process", "ended processes"),
}


def _summary(pruned: Pruned) -> str:
    counted = (many(number, *_NOUNS[what]) for what, number in asdict(pruned).items() if number)
    return ", ".join(counted) or "nothing"
