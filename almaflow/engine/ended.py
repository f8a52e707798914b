"""How attempts end in the journal, and which writes are lost in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from almaflow.expressions.serialization import encode
from almaflow.steps.result import Ending
from almaflow.store import Entry, EntryState


def ended_value(
    ending: Ending, status: str, outputs: Mapping[str, Any], *, halted: bool
) -> dict[str, Any]:
    """Return what is recorded with an attempt's end; *status* is Alma's code, else empty."""
    facts = {**outputs, "outcome": ending.outcome.value, "error": ending.error}
    return {
        "outcome": ending.outcome.value,
        "error": ending.error,
        "ends": ending.ends.value if ending.ends else None,
        "at": ending.at,
        "status": status,
        "facts": encode(facts),
        "halted": halted,
    }


def needs_a_word(entry: Entry) -> bool:
    """Whether an entry is a write whose fate somebody has to tell.

    What became of a set is told by its name, so nobody has to look for it.
    """
    value = entry.value
    if entry.state is not EntryState.LOST:
        return False
    if value["trace"] is None:
        return not value["repeatable"]
    return bool(value["trace"]["trace"] == "run")
