"""Parts of a scenario back to what a scenario file would say, for the control door."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from typing import Any

from almaflow.alma.simulator.scenario_fields import Moment, Part

_UNITS = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


def as_written(part: Part, *always: str) -> dict[str, Any]:
    """Return the fields of *part* that differ from their defaults, and those named in *always*.

    What is returned is JSON, and as a part of a scenario it is equal to *part*.
    """
    return {
        field.alias or name: _plain(getattr(part, name))
        for name, field in type(part).model_fields.items()
        if name in always or getattr(part, name) != field.default
    }


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, Moment):
        return _moment(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.value if isinstance(value, Enum) else value


def _duration(duration: timedelta) -> str:
    left, text = int(abs(duration).total_seconds()), ""
    for unit, seconds in _UNITS:
        count, left = divmod(left, seconds)
        text += f"{count}{unit}" if count else ""
    return f"{'-' if duration < timedelta(0) else ''}{text or '0s'}"


def _moment(moment: Moment) -> str:
    if moment.since_start is not None:
        return _duration(moment.since_start)
    if moment.time_of_day is not None:
        return f"{moment.time_of_day:%H:%M}"
    return moment.instant.isoformat() if moment.instant is not None else ""
