"""Ending from outside what is in progress: after a cancellation, or when a time has expired.

The outcome of a submission whose response was lost is searched for first, and a called workflow
runs its `finally`. Nothing is sent again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from almaflow.engine.alma_writes import submission
from almaflow.engine.scope import Where
from almaflow.engine.step_context import Context
from almaflow.steps.result import Ending
from almaflow.store import Entry, EntryState

if TYPE_CHECKING:
    from almaflow.engine.interpreter import Interpreter


async def close(
    run: Interpreter, path: str, ending: Ending, where: Where, *, but: Context | None = None
) -> None:
    """End what was in progress in the step at *path*, or in the whole run (empty).

    An unconfirmed write has no end yet. *where* is what still bounds the search; *but* is the
    attempt that ends the steps inside it, and then itself.
    """
    for entry in run.past.lost(path):
        held = run.open.get((entry.path, entry.attempt))
        context = held[1] if held else _context_of(run, entry, where)
        context.where = replace(context.where, limits=where.limits)
        await submission.settle_lost(context, entry)
    inside = [key for key in run.open if not path or f"{key[0]}/".startswith(f"{path}/")]
    # The innermost first: their enclosing steps see how they ended.
    for at, attempt in sorted(inside, key=lambda key: -key[0].count("/")):
        _, context, begin = run.open[at, attempt]
        if run.past.ending(at, attempt) is not None:
            continue
        called = run.unfinished.get(at)
        if called is not None:
            called.where = replace(called.where, limits=where.limits)
            await called.finally_(ending)
            del run.unfinished[at]
        if context is not but and not run.past.lost(at):
            reported = replace(ending, error=ending.error + goes_on_in_alma(context))
            await run.end(at, attempt, reported, context, begin)


def _context_of(run: Interpreter, entry: Entry, where: Where) -> Context:
    """Return a context for a step that was under way in an earlier process."""
    begin = run.journal.get(entry.path, entry.attempt, "begin")
    assert begin is not None, "a step begins before it writes"
    here = replace(where, institution=begin.value["institution"])
    now = datetime.fromisoformat(begin.value["now"])
    return run.context(entry.path, entry.attempt, now, here)


def goes_on_in_alma(context: Context) -> str:
    """Return the sentence about a job that keeps running in Alma; empty when there is none."""
    started = [one for one in context.submissions() if one.state is EntryState.DONE]
    return f" The job keeps running in Alma as {started[-1].value['result']}." if started else ""
