"""The outputs that steps of every kind have."""

from __future__ import annotations

from collections.abc import Mapping

from almaflow.expressions.types import INSTANT, NUMBER, TEXT, Type

COMMON_OUTPUTS: Mapping[str, Type] = {
    "outcome": TEXT,
    "error": TEXT,
    "attempts": NUMBER,
    "started_at": INSTANT,
    "ended_at": INSTANT,
    "seconds": NUMBER,
}
"""What every step has in addition to the outputs of its kind."""

ALWAYS_THERE = frozenset({"outcome", "error"})
"""The outputs that have a value even when the step did not run."""
