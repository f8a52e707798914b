"""What an operation may use while one expression is evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from almaflow.expressions.budget import Budget


class EvaluationFrame:
    """The names of one evaluation and what it may still spend."""

    __slots__ = ("budget", "names")

    def __init__(self, names: Mapping[str, Any], budget: Budget | None = None) -> None:
        self.names = names
        self.budget = budget or Budget()

    @property
    def zone(self) -> tzinfo:
        """The workflow's zone: that of `now`; UTC where there is no `now`."""
        now = self.names.get("now")
        return (now.tzinfo if isinstance(now, datetime) else None) or UTC
