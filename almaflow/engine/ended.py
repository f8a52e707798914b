"""What the journal records when an attempt ends, and which unconfirmed writes need a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from almaflow.expressions.serialization import encode
from almaflow.steps.result import StepResult
from almaflow.store import EntryState, JournalEntry


def ended_value(
    ending: StepResult, status: str, outputs: Mapping[str, Any], *, halted: bool
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


def needs_person(entry: JournalEntry) -> bool:
    """Whether a person has to resolve the write in an entry.

    A set is recognised by its name, so no person has to search for it.
    """
    value = entry.value
    if entry.state is not EntryState.LOST:
        return False
    if value["trace"] is None:
        return not value["repeatable"]
    return bool(value["trace"]["trace"] == "run")


def unconfirmed_text(
    value: Mapping[str, Any], institution: str, why: str, run_id: str, path: str
) -> str:
    """Return the message about an unconfirmed write; *value* is that of its journal entry."""
    request = value["request"]
    return (
        f"It is not known whether Alma at {institution} accepted the request to {value['name']} "
        f"({request['method']} {request['path']}), sent {value['sent_at'][:19]} UTC: "
        f"{value['error']}. {why}. almaflow does not send it again. Check in Alma (Admin > "
        f"Monitor Jobs), then run `almaflow resolve {run_id} {path} --instance ID` or "
        "`--not-submitted`."
    )
