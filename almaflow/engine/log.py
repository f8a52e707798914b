"""The log of an engine or scheduler, for events that concern no single run."""

from __future__ import annotations

from typing import Any, Literal, Protocol

Level = Literal["info", "warning", "error"]


class Log(Protocol):
    """Logs a sentence; `workflow`, `run` and `step` in *data* say what it concerns."""

    def __call__(self, text: str, level: Level = "info", **data: Any) -> None:
        """Say it."""
        ...


def no_log(text: str, level: Level = "info", **data: Any) -> None:
    """Drop it."""
