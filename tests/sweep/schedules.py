"""What can happen to the processes of a workflow: every death by itself, and combinations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st


@dataclass(frozen=True)
class Death:
    """A process dies at its *at*th `commit` or `request` (from 1), before or after it is done."""

    what: str
    at: int
    after: bool


@dataclass(frozen=True)
class Shift:
    """The machine of the *process*th process (from 0) is out of time by *minutes*.

    `set`: somebody sets its clock forward, or back with negative minutes. `asleep`: it is
    suspended. `down`: it is off for so long; *at* does not count then. *at* is in minutes after the
    process began.
    """

    kind: str
    process: int
    at: int
    minutes: int


@dataclass(frozen=True)
class Schedule:
    """All that happens while a workflow is played."""

    deaths: tuple[Death, ...] = ()
    faults: tuple[Mapping[str, Any], ...] = ()
    shifts: tuple[Shift, ...] = field(default=())

    @property
    def takes_long(self) -> bool:
        """Whether the half hour of a `finally` may be over before it has done its work."""
        hangs = any(fault["kind"] == "hang" for fault in self.faults)
        return hangs or any(shift.minutes >= 20 for shift in self.shifts)

    def of_process(self, number: int) -> list[Shift]:
        """Return what happens to the machine under one process, in order."""
        mine = [shift for shift in self.shifts if shift.process == number]
        return sorted(mine, key=lambda shift: shift.at)


def every_death(counts: Mapping[str, int]) -> Iterator[Schedule]:
    """Yield a schedule for each death of a first process that a workflow without deaths shows.

    *counts* is how many commits and requests it makes.
    """
    for what, count in counts.items():
        for at in range(1, count + 1):
            for after in (False, True):
                yield Schedule((Death(what, at, after),))


# What is done to the machine before the next process begins: off for an hour, and its clock set.
_MEANWHILE = (
    Shift("down", 1, 0, 61),
    Shift("set", 1, 0, -180),
    Shift("set", 1, 0, 240),
)


def deaths_out_of_time(counts: Mapping[str, int]) -> Iterator[Schedule]:
    """Yield each death after a request, with a clock that is another one for the next process."""
    for at in range(1, counts["request"] + 1):
        for shift in _MEANWHILE:
            yield Schedule((Death("request", at, after=True),), shifts=(shift,))


def apart(counts: Mapping[str, int]) -> Iterator[Schedule]:
    """Yield deaths after each request on a machine whose clock is 40 minutes from Alma's."""
    for at in range(1, counts["request"] + 1):
        for minutes in (-40, 40):
            shift = Shift("set", 0, 0, minutes)
            yield Schedule((Death("request", at, after=True),), shifts=(shift,))


# Answers to submissions that are lost while another API user starts the same job, under the same
# name and in the same second.
_WITH_ANOTHER_RUN = ("reset", "lose_answer", "hang", "empty", "close", "reset_after")


def other_users(counts: Mapping[str, int]) -> Iterator[Schedule]:
    """Yield other API users' runs at the instant of a submission, that it took or did not."""
    for kind in _WITH_ANOTHER_RUN:
        for nth in (1, 2):
            fault = {"kind": kind, "call": "submit", "nth": [nth], "another_run": True}
            yield Schedule(faults=(fault,))
    for kind in _WITH_ANOTHER_RUN[:2]:
        fault = {"kind": kind, "call": "submit", "nth": [1], "another_run": True}
        for at in range(1, counts["request"] + 1, 3):
            yield Schedule((Death("request", at, after=True),), (fault,))


def late_counts() -> Iterator[Schedule]:
    """Yield counts of members that come late, with a batch that is lost or not."""
    for delay in ("4s", "40s", "3m"):
        late = {"kind": "late_count", "call": "add_members", "nth": [1, 2, 3], "delay": delay}
        yield Schedule(faults=(late,))
        for nth in (1, 2):
            lost = {"kind": "reset", "call": "add_members", "nth": [nth]}
            yield Schedule(faults=(lost, late))


# --- combinations ---------------------------------------------------------------------------------

# What is broken on the way, whether or not Alma has done the work by then.
_BROKEN = (
    *("lose_answer", "reset", "hang", "routing_error", "html", "truncated", "empty", "garbage"),
    *("nan", "nested", "close", "reset_after", "late_count"),
)
_STATUSES = (429, 500, 502, 503, 504)
_CALLS = (
    "submit", "create_set", "add_members", "delete_set", "get_instance", "list_instances",
    "list_sets", "get_set", "get_job", "write", "read", "any",
)  # fmt: skip


@st.composite
def _faults(draw: st.DrawFn) -> Mapping[str, Any]:
    kind = draw(st.sampled_from((*_BROKEN, *_STATUSES)))
    fault: dict[str, Any] = {
        "kind": kind,
        "call": draw(st.sampled_from(_CALLS)),
        "nth": draw(st.lists(st.integers(1, 6), min_size=1, max_size=2, unique=True)),
    }
    if isinstance(kind, int):
        # Refused for now is never processed.
        processed = kind != 429 and draw(st.booleans())
        fault |= {"kind": "status", "status": kind, "processed": processed}
    elif kind == "late_count":
        # The number of members is the only thing that can be late.
        fault |= {"call": "add_members", "delay": draw(st.sampled_from(["4s", "40s", "3m"]))}
    elif kind in ("html", "routing_error", "garbage", "nan", "nested"):
        fault["processed"] = draw(st.booleans())
        if kind == "html":
            fault["status"] = draw(st.sampled_from([200, 503]))
    if fault["call"] in ("submit", "write", "any") and draw(st.booleans()):
        # At that instant another API user starts the same job under the same name.
        fault["another_run"] = True
    return fault


_SHIFTS = st.builds(
    Shift,
    kind=st.sampled_from(["set", "asleep", "down"]),
    process=st.integers(0, 2),
    at=st.integers(0, 20),
    minutes=st.sampled_from([-180, -61, -40, -5, 2, 20, 40, 61, 240]),
).filter(lambda shift: shift.kind == "set" or shift.minutes > 0)


@st.composite
def combinations(draw: st.DrawFn, counts: Mapping[str, int]) -> Schedule:
    """Return several deaths, faults and shifts; *counts* is what a whole run makes of each."""
    deaths = []
    for _ in range(draw(st.integers(0, 4))):
        what = draw(st.sampled_from(sorted(counts)))
        deaths.append(Death(what, draw(st.integers(1, counts[what])), draw(st.booleans())))
    faults = draw(st.lists(_faults(), max_size=3))
    shifts = draw(st.lists(_SHIFTS, max_size=2))
    return Schedule(tuple(deaths), tuple(faults), tuple(shifts))
