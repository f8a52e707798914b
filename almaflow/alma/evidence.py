"""The evidence that a write leaves in Alma, by which it is found when its response was lost.

The evidence (here called a trace) is recorded with the intent of the write, so that a later process
can search too. `engine/alma_writes/reconciliation.py` searches for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any, ClassVar, Literal

from almaflow.alma.calls import MemberChange
from almaflow.alma.wire import AlmaSet
from almaflow.late_dataclasses import dataclass

# After the gateway has timed out, Alma may take this long to show a combined set. Source:
# alma-api.md, 7.4 (up to 2 h seen).
COMBINING = timedelta(hours=3)


@dataclass(frozen=True)
class SetTrace:
    """A new set, recognised by its unique name; *slow* when Alma combines it from others."""

    name: str
    kind: Literal["ITEMIZED", "LOGICAL"]
    content: str
    slow: bool = False

    tag: ClassVar = "set"

    @property
    def patience(self) -> timedelta | None:
        """How long it may still appear; None: as long as the institution's setting says."""
        return COMBINING if self.slow else None

    @staticmethod
    def result(alma_set: AlmaSet) -> dict[str, Any]:
        """Return the result of the write: `{set_id, name, member_count}`."""
        return {
            "set_id": alma_set.id,
            "name": alma_set.name,
            "member_count": alma_set.member_count or 0,
        }


@dataclass(frozen=True)
class MembersTrace:
    """A change of *size* ids in a set that had *before* members."""

    set_id: str
    change: MemberChange
    size: int
    before: int

    tag: ClassVar = "members"

    patience: ClassVar[timedelta | None] = None
    """None: the institution's setting decides."""

    @staticmethod
    def result(alma_set: AlmaSet) -> dict[str, Any]:
        """Return the result of the write: `{member_count}`."""
        return {"member_count": alma_set.member_count or 0}


@dataclass(frozen=True)
class RunTrace:
    """An instance of a job, recognised by the *marker* in its name.

    *name* is the whole `job_name` that was sent, or empty; *job_name* is the job's own name;
    *plain* says that no parameters were sent, so that all its instances are alike.
    """

    job_id: str
    job_name: str
    name: str
    marker: str
    plain: bool

    tag: ClassVar = "run"

    patience: ClassVar[timedelta | None] = None
    """None: the institution's setting decides."""


Trace = SetTrace | MembersTrace

_KINDS: Mapping[str, type[SetTrace] | type[MembersTrace] | type[RunTrace]] = {
    one.tag: one for one in (SetTrace, MembersTrace, RunTrace)
}


def trace_data(trace: Trace | RunTrace) -> dict[str, Any]:
    """Return *trace* as JSON data."""
    return {"trace": trace.tag, **asdict(trace)}


def read_trace(data: Mapping[str, Any]) -> Trace | RunTrace:
    """Return the trace that `trace_data` wrote."""
    return _KINDS[data["trace"]](**{key: data[key] for key in data if key != "trace"})
