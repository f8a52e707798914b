"""What a check of files finds, as it is kept."""

from __future__ import annotations

from typing import Any, Self

from almaflow.json_data import as_data
from almaflow.late_dataclasses import dataclass
from almaflow.problems import Location, Problem, Severity


@dataclass(frozen=True)
class Findings:
    """How many workflows are valid, and all problems, sorted."""

    valid: int
    problems: tuple[Problem, ...]

    def to_json(self) -> Any:
        """Return all of it as JSON data."""
        return as_data(self)

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Return what `to_json` made data of; Raises: ValueError, TypeError, KeyError."""
        if type(data["valid"]) is not int:
            raise ValueError
        return cls(data["valid"], tuple(_problem(one) for one in data["problems"]))


def _problem(data: Any) -> Problem:
    values = dict(data)
    location = Location(**values.pop("location"))
    return Problem(location, severity=Severity(values.pop("severity")), **values)
