"""Jumps of the machine's clock: a person set it, or the machine was suspended."""

from __future__ import annotations

from datetime import timedelta

from almaflow.clock import Clock

# A difference of the clock and of the time that passed, above which the clock was set.
_JUMP = timedelta(seconds=30)


class ClockJumps:
    """Compares the clock with the time that passed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._now, self._elapsed = clock.now(), clock.elapsed()

    def jump(self) -> str:
        """Return a sentence about what happened to the clock since the last call; else empty."""
        now, elapsed = self._clock.now(), self._clock.elapsed()
        off = (now - self._now) - timedelta(seconds=elapsed - self._elapsed)
        self._now, self._elapsed = now, elapsed
        if abs(off) < _JUMP:
            return ""
        way = "forward" if off > timedelta() else "back"
        rest = (
            "Ticks that were passed over are caught up."
            if off > timedelta()
            else "No tick runs a second time."
        )
        seconds = timedelta(seconds=round(abs(off).total_seconds()))
        return f"The clock was set {way} by {seconds}. {rest}"
