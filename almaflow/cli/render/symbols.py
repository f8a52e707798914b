"""How states and outcomes look: one sign and one colour each, everywhere the same."""

from __future__ import annotations

from almaflow.late_dataclasses import dataclass
from almaflow.outcome import Outcome, Status


@dataclass(frozen=True)
class Sign:
    """A sign, its replacement where only ASCII can be shown, and its colour (empty: none)."""

    sign: str
    ascii: str
    colour: str = ""


_SIGNS: dict[str, Sign] = {
    Status.QUEUED: Sign("·", "."),
    Status.RUNNING: Sign("▶", ">", "cyan"),
    Status.WAITING: Sign("◷", "~", "cyan"),
    Outcome.SUCCEEDED: Sign("✓", "+", "green"),
    Outcome.WARNING: Sign("!", "!", "yellow"),
    Outcome.FAILED: Sign("✗", "x", "red"),
    Outcome.SKIPPED: Sign("–", "-"),
    Outcome.TIMED_OUT: Sign("✗", "x", "red"),
    Outcome.CANCELLED: Sign("■", "#", "yellow"),
    Outcome.UNKNOWN: Sign("?", "?", "magenta"),
    Outcome.MISSED: Sign("✗", "x", "red"),
}


def sign_of(status: Status, outcome: Outcome | None) -> Sign:
    """Return the sign of what has *outcome*, else of where it is in its life."""
    return _SIGNS[status if outcome is None else outcome]


def shows_signs(encoding: str | None) -> bool:
    """Whether a stream of this encoding can show more than ASCII."""
    return "utf" in (encoding or "").casefold()
