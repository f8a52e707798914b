"""Why a run or a step of it waits, as a value: programs read the kind, people the text.

The engine makes it, the store keeps it with the run, and every screen (`show`, `why`, the live
view, metrics, notifications) makes the text at that moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from almaflow.late_dataclasses import dataclass


class WaitingKind(StrEnum):
    """What a wait is for. The values are an interface: metrics and JSON output name them."""

    PERSON = "person"
    """A person has to answer an `approve` step; the text is the question."""
    SLOT = "place"
    """Alma's limits of API-started jobs."""
    UNCONFIRMED = "lost_answer"
    """Reconciliation of a write whose response was lost."""
    JOB = "job"
    """A job that runs in Alma."""
    ALMA = "alma"
    """Alma does not respond, or asks for fewer calls."""
    TIME = "time"
    """An instant that the file or Alma's day names."""
    RESOLVE = "resolve"
    """A person has to find out what happened to a submission: the run as a whole waits."""
    RESUME = "resume"
    """The run cannot continue here: a person has to resume it."""
    OTHER = "other"
    """Anything else, such as files that are not there yet."""


@dataclass(frozen=True)
class Waiting:
    """Why a step waits, or, with an empty *path*, why the run as a whole does."""

    kind: WaitingKind
    """What it waits for, for programs."""
    text: str
    """A clause without a full stop; of a person, the question."""
    path: str = ""
    """The path of the step; empty for the run."""
    until: datetime | None = None
    """When the wait ends at the latest (aware); None when that is not known."""
    status: str = ""
    """The Alma status of the job that is followed; empty until Alma gives one."""
    detail: str = ""
    """What changes from look to look, such as `40 %`; shown, but not logged."""

    @property
    def summary(self) -> str:
        """Return the text for people, without the detail."""
        if self.kind is WaitingKind.PERSON:
            return f"a person has to approve: {self.text}"
        return f"{self.text} ({self.status})" if self.status else self.text

    @property
    def full_text(self) -> str:
        """Return the text for people."""
        return f"{self.summary}, {self.detail}" if self.detail else self.summary

    @property
    def line(self) -> str:
        """Return the text with the step in front of it."""
        return f"{self.path}: {self.full_text}" if self.path else self.full_text

    def to_json(self) -> dict[str, Any]:
        """Return it JSON-able; what is empty is left out."""
        data: dict[str, Any] = {"kind": self.kind.value, "text": self.text}
        if self.until is not None:
            data["until"] = self.until.isoformat()
        data |= {name: getattr(self, name) for name in ("path", "status", "detail")}
        return {name: value for name, value in data.items() if value or name == "text"}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Waiting:
        """Return what `to_json` made; a kind of another version counts as `OTHER`."""
        is_known = data["kind"] in WaitingKind.__members__.values()
        until = data.get("until")
        return cls(
            WaitingKind(data["kind"]) if is_known else WaitingKind.OTHER,
            data["text"],
            data.get("path", ""),
            datetime.fromisoformat(until) if until else None,
            data.get("status", ""),
            data.get("detail", ""),
        )

    def at(self, path: str, detail: str = "") -> Waiting:
        """Return it as the wait of the step at *path*."""
        return replace(self, path=path, detail=detail or self.detail)


def reason_of(waits: Iterable[Waiting]) -> str:
    """Return why a run waits, a line for each step that does; empty when none does."""
    return "\n".join(wait.line for wait in waits)
