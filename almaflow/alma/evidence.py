"""What a write leaves in Alma: by this it is found when its answer was lost.

A trace is recorded with the intent of the write, so that a process that comes later can look too.
`engine/alma_writes/reconciliation.py` looks; a run of a job has `RunTrace`, made there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any, ClassVar, Literal

from almaflow.alma.calls import MemberChange
from almaflow.alma.wire import AlmaSet
from almaflow.late_dataclasses import dataclass

# Alma may take this long to show a set that it combines when the gateway has given up waiting.
# Source: alma-api.md, 7.4 (up to 2 h seen).
COMBINING = timedelta(hours=3)


@dataclass(frozen=True)
class SetTrace:
    """A new set, known by its name, which is unique; *slow* when Alma combines it from others."""

    name: str
    kind: Literal["ITEMIZED", "LOGICAL"]
    content: str
    slow: bool = False

    tag: ClassVar = "set"

    @property
    def patience(self) -> timedelta | None:
        """How long it may still show up; None: as long as the institution says."""
        return COMBINING if self.slow else None

    @staticmethod
    def result(alma_set: AlmaSet) -> dict[str, Any]:
        """Return what the write gives: `{set_id, name, member_count}`."""
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

    @property
    def patience(self) -> timedelta | None:
        """As long as the institution says."""
        return None

    @staticmethod
    def result(alma_set: AlmaSet) -> dict[str, Any]:
        """Return what the write gives: `{member_count}`."""
        return {"member_count": alma_set.member_count or 0}


@dataclass(frozen=True)
class RunTrace:
    """A run of a job, known by the *marker* in its name.

    *name* is all that was sent as `job_name`, empty when the job was sent none; *job_name* is the
    job's own name; *plain* says that no parameters were sent, so that one run is as good as
    another.
    """

    job_id: str
    job_name: str
    name: str
    marker: str
    plain: bool

    tag: ClassVar = "run"

    @property
    def patience(self) -> timedelta | None:
        """As long as the institution says."""
        return None


Trace = SetTrace | MembersTrace

_KINDS: Mapping[str, type[SetTrace] | type[MembersTrace] | type[RunTrace]] = {
    one.tag: one for one in (SetTrace, MembersTrace, RunTrace)
}


def trace_data(trace: Trace | RunTrace) -> dict[str, Any]:
    """Return *trace* JSON-able."""
    return {"trace": trace.tag, **asdict(trace)}


def read_trace(data: Mapping[str, Any]) -> Trace | RunTrace:
    """Return the trace that `trace_data` wrote."""
    return _KINDS[data["trace"]](**{key: data[key] for key in data if key != "trace"})
