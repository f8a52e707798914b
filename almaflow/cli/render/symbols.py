"""How states and outcomes look: one sign and one colour each, everywhere the same."""

from __future__ import annotations

import sys

from almaflow.cli.render.terminal import coloured
from almaflow.late_dataclasses import dataclass
from almaflow.outcome import Outcome, Status


@dataclass(frozen=True)
class Symbol:
    """A sign, its replacement where only ASCII can be shown, and its colour (empty: none)."""

    sign: str
    ascii: str
    colour: str = ""


_SIGNS: dict[str, Symbol] = {
    Status.QUEUED: Symbol("·", "."),
    Status.RUNNING: Symbol("▶", ">", "cyan"),
    Status.WAITING: Symbol("◷", "~", "cyan"),
    Outcome.SUCCEEDED: Symbol("✓", "+", "green"),
    Outcome.WARNING: Symbol("!", "!", "yellow"),
    Outcome.FAILED: Symbol("✗", "x", "red"),
    Outcome.SKIPPED: Symbol("–", "-"),
    Outcome.TIMED_OUT: Symbol("✗", "x", "red"),
    Outcome.CANCELLED: Symbol("■", "#", "yellow"),
    Outcome.UNKNOWN: Symbol("?", "?", "magenta"),
    Outcome.MISSED: Symbol("✗", "x", "red"),
}


def sign_of(status: Status, outcome: Outcome | None) -> Symbol:
    """Return the sign of what has *outcome*, else of where it is in its life."""
    return _SIGNS[status if outcome is None else outcome]


def mark_of(status: Status, outcome: Outcome | None) -> str:
    """Return the sign of `sign_of` in its colour, as far as standard output can show them."""
    sign = sign_of(status, outcome)
    return coloured(sign.sign if shows_signs(sys.stdout.encoding) else sign.ascii, sign.colour)


def shows_signs(encoding: str | None) -> bool:
    """Whether a stream of this encoding can show more than ASCII."""
    return "utf" in (encoding or "").casefold()
