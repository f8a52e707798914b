"""What the store keeps, as values: runs, claims, journal entries, events and processes.

Every instant is aware and UTC; what is called a value is plain JSON data.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Literal

from almaflow.late_dataclasses import dataclass
from almaflow.outcome import Outcome, Status
from almaflow.waiting import Waiting, reason_of

# Letters and digits that are not taken for one another when read out or written by hand.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_RANDOM_LETTERS = 5


def new_run_id(now: datetime, chance: random.Random) -> str:
    """Return a new run's id, such as `20261101-013000-k7x2q`: UTC and five random characters."""
    letters = "".join(chance.choices(_LETTERS, k=_RANDOM_LETTERS))
    return f"{now.astimezone(UTC):%Y%m%d-%H%M%S}-{letters}"


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One run, from its recording to its outcome."""

    id: str
    workflow: str
    """The workflow's name."""
    key: str
    """The run key, unique in the store."""
    requested_at: datetime
    scheduled_at: datetime
    """The tick of the run; of a run started by hand, when it was requested."""
    trigger: str = "manual"
    """Why the run exists."""
    definition: str = ""
    """Hash of what the run executes; given by the store."""
    path: str = ""
    """The workflow file, as it was named when the run was recorded."""
    inputs: dict[str, Any] = field(default_factory=dict)
    vars: dict[str, Any] = field(default_factory=dict)
    institution: str = ""
    status: Status = Status.QUEUED
    waits: tuple[Waiting, ...] = ()
    """Why it waits: one for each step that does, or one without a path for the run as a whole."""
    outcome: Outcome | None = None
    """None until it is finished."""
    error: str = ""
    outputs: dict[str, Any] | None = None
    """None until they are evaluated."""
    attempt: int = 1
    started_at: datetime | None = None
    ended_at: datetime | None = None
    deadline_at: datetime | None = None
    held: bool = False
    """Interrupted by a person: it waits for `resume` and is not taken over automatically."""
    cancel_requested_at: datetime | None = None
    cancel_requested_by: str = ""
    owner: str | None = None
    """Id of the process that works, or worked when it died, on the run."""
    epoch: int = 0
    """How many times the run was claimed."""
    format: int = 1
    """In which way the run is recorded; a version that does not know it leaves the run alone."""

    @property
    def reason(self) -> str:
        """Why it waits, for people: a line for each step that does."""
        return reason_of(self.waits)


@dataclass(frozen=True)
class Claim:
    """The right of one process to write to one run, until another process takes it over."""

    run_id: str
    process_id: str
    epoch: int


class EntryState(StrEnum):
    """The progress of an effect. A state only moves forward; see `almaflow.store.journal`."""

    INTENT = "intent"
    """About to be sent, or sent. Found by a resumed run, it is a lost answer."""
    UNTAKEN = "untaken"
    """Alma certainly did not accept it; it may be sent again."""
    LOST = "lost"
    """Sent, but its response was lost; it has to be searched for in Alma."""
    REFUSED = "refused"
    """Alma answered with an error. Final."""
    DONE = "done"
    """It has happened, and the entry's value is its result. Final."""


@dataclass(frozen=True)
class JournalEntry:
    """One effect of a run: a step's begin or end, or one write to Alma."""

    run_id: str
    path: str
    """The step's path; with attempt and effect it names the entry within its run."""
    attempt: int
    effect: str
    """`begin`, `create`, `add-3`, `submit`, `end` …"""
    state: EntryState
    value: Any
    """JSON-able; what belongs to the state: the intent's particulars, the result, the error."""
    request_hash: str
    """Hash of the rendered request; empty for an effect that sends nothing."""
    sends: int
    """How many intents there were: 0 for an effect that sends nothing."""
    created_at: datetime
    changed_at: datetime
    epoch: int
    """The epoch of the claim that changed it last."""


class Keep:
    """The type of `KEEP`."""


KEEP: Final = Keep()
"""Means "the value that is recorded", where None would be a separate value."""


@dataclass(frozen=True)
class NewLogEntry:
    """A line for a run's log, to be written; *path* is a step's, or empty."""

    at: datetime
    kind: str
    path: str = ""
    text: str = ""
    data: Any = None


@dataclass(frozen=True)
class LogEntry:
    """One line of a run's log; *id* grows with time over the whole store."""

    id: int
    run_id: str
    at: datetime
    kind: str
    path: str
    text: str
    data: Any


@dataclass(frozen=True)
class Process:
    """One almaflow process that has worked, or works, with the store."""

    id: str
    host: str
    pid: int
    version: str
    entered_at: datetime
    left_at: datetime | None = None
    """When it left, or was found dead; None for as long as its end is not known."""
    beat: int = 0
    """How many times it renewed its lease."""
    lock_file: str = ""
    """The file that it keeps locked while it lives; empty when there is none."""
    info: str = "{}"
    """What it reports about itself: the JSON of a `ProcessInfo`."""

    @property
    def reported(self) -> ProcessInfo:
        """What it reports about itself."""
        return ProcessInfo.from_json(self.info)


@dataclass(frozen=True)
class ProcessInfo:
    """What a process reports about itself to the others that share its store."""

    name: str = ""
    """What a person calls it."""
    queues: tuple[str, ...] = ()
    """The institutions whose runs it takes from the queue."""
    addresses: Mapping[str, str] = field(default_factory=dict)
    """Which Alma each institution of its almaflow.yaml is; of a worker in a shared store."""

    def to_json(self) -> str:
        """Return it as text."""
        return json.dumps(
            {"name": self.name, "queues": self.queues, "addresses": dict(self.addresses)}
        )

    @classmethod
    def from_json(cls, text: str) -> ProcessInfo:
        """Return what *text* has, also when another version of almaflow wrote it."""
        known: dict[str, Any] = json.loads(text)
        return cls(
            known.get("name", ""), tuple(known.get("queues", ())), known.get("addresses", {})
        )


@dataclass(frozen=True)
class ActiveProcess:
    """A process that has not left, and what it works on."""

    process: Process
    leads: bool
    """Whether it keeps the timetables."""
    runs: tuple[str, ...]
    """Ids of its unfinished runs, oldest first."""
    waiting: int
    """How many of these wait."""


@dataclass(frozen=True)
class CancelRequest:
    """A person asked for a run to be cancelled."""

    at: datetime
    by: str


@dataclass(frozen=True)
class Decision:
    """What a person decided about a step that waits; *id* grows with time over the whole store."""

    id: int
    run_id: str
    path: str
    kind: str
    """`approve` or `resolve`."""
    value: Any
    by: str
    at: datetime


@dataclass(frozen=True)
class LoadedRun:
    """A claimed run with its whole journal, in the order in which the entries were made."""

    claim: Claim
    record: RunRecord
    entries: list[JournalEntry]


# Slots: what Alma's limits on jobs leave us


@dataclass(frozen=True)
class SubmissionKey:
    """One submission within its run: the entry of the journal that it belongs to."""

    path: str
    attempt: int
    effect: str


@dataclass(frozen=True)
class MarkerHabit:
    """What Alma was seen to do to the marker at the end of the names of a job's instances.

    *kept* is the length of the longest name (characters, marker included) that Alma showed whole;
    *cut* is how much it showed of a name that it cut, 0 when it dropped the name. Each is None
    until it was seen. Where the two contradict each other, the newer one is kept.
    """

    kept: int | None = None
    cut: int | None = None

    def keeps(self, length: int) -> bool | None:
        """Whether Alma keeps the marker in a name of *length*; None: not seen."""
        if self.kept is not None and length <= self.kept:
            return True
        if self.cut is not None and length > self.cut:
            return False
        return None

    def with_kept(self, length: int) -> MarkerHabit:
        """Return the habit after Alma has shown a name of *length* whole."""
        cut = None if self.cut is not None and self.cut < length else self.cut
        return MarkerHabit(max(length, self.kept or 0), cut)

    def with_cut(self, length: int) -> MarkerHabit:
        """Return the habit after Alma has shown only *length* characters of a name."""
        kept = None if self.kept is not None and self.kept > length else self.kept
        return MarkerHabit(kept, length)


class SlotState(StrEnum):
    """The progress of a submission on its way to a slot and out of it."""

    QUEUED = "queued"
    """It waits for its turn."""
    TAKEN = "taken"
    """It was sent, or may be, and its instance in Alma runs as far as the store knows."""
    FREED = "freed"
    """Its run in Alma has ended; it still counts as a start."""
    REFUSED = "refused"
    """Alma certainly did not accept it, or it left the queue; it does not count."""


@dataclass(frozen=True)
class JobSlot:
    """A submission that has, had or wants one of the slots of an account."""

    id: int
    """The ticket: the submission that asked first has the smaller one."""
    account: str
    job_id: str
    run_id: str
    path: str
    attempt: int
    effect: str
    set_id: str | None
    marker: str
    named: bool
    """Whether the submission brings the marker to Alma."""
    state: SlotState
    asked_at: datetime
    not_before: datetime | None
    """Until when Alma wants it to wait."""
    refusals: int
    """How many times Alma asked to try later."""
    taken_at: datetime | None
    """When it got its slot; None while it waits."""
    instance_id: str | None
    """What Alma runs it as, once that is known."""
    candidates: tuple[str, ...]
    """The instances that it could be, while that is not known; those seen ended are left out."""
    freed_at: datetime | None

    @property
    def spot(self) -> SubmissionKey:
        """The submission within its run."""
        return SubmissionKey(self.path, self.attempt, self.effect)


@dataclass(frozen=True)
class SlotLimits:
    """What an account allows."""

    running: int
    """Most jobs at a time that the API has started."""
    starts_per_hour: int
    """Most starts of one job within an hour."""


@dataclass(frozen=True)
class NoSlot:
    """Why a submission has to wait for its slot."""

    reason: Literal["running", "hour", "later", "turn"]
    """All slots are taken; the job's hour is used up; Alma asked to wait; others asked before."""
    holders: tuple[JobSlot, ...]
    """The submissions that have the slots of the account, oldest first."""
    again_at: datetime | None
    """When the job's hour has room, or Alma may be asked again; None for the other reasons."""
    ahead: int
    """How many that asked earlier still wait."""
