"""Where an engine and the scheduler report what concerns no single run."""

from __future__ import annotations

from typing import Any, Literal, Protocol

Level = Literal["info", "warning", "error"]


class Log(Protocol):
    """Takes whole sentences; `workflow`, `run` and `step` among the data are what they concern."""

    def __call__(self, text: str, level: Level = "info", **data: Any) -> None:
        """Say it."""
        ...


def no_log(text: str, level: Level = "info", **data: Any) -> None:
    """Drop it."""
