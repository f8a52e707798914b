"""What can go wrong at the store, shaped by what the caller does next.

    StoreError (errors.py)
    ├── StoreTrouble        the file, disk or server refused; the whole transaction is void
    │   ├── StoreLocked         another process holds it; repeating later is safe
    │   ├── StoreFull           no room on the disk
    │   ├── StoreDamaged        not a database, another program's, or broken
    │   ├── StoreReadOnly       it can be read but not written
    │   ├── StoreUnreachable    no folder, no file, or no server to be opened there
    │   └── StoreLost           the connection to the server broke; the next call makes a new one
    ├── StoreNewer          made by a newer almaflow
    ├── StoreOlder          made by a build from before the first release
    ├── RunExists           the run key is taken; carries the run that has it
    ├── RunHeld             a live process works on the run
    ├── RunEnded            the run is finished; nothing can be asked of it any more
    ├── RunNotEnded         the run is not finished; it cannot start over
    ├── ClaimLost           the run is not, or no longer, this process's to write
    ├── LeaseLost           this process was taken for dead; its runs may be others' by now
    ├── NotLeader           another process materializes the ticks; this one must not
    ├── TickDecided         the tick has its ending; carries its row
    ├── InstanceTaken       another submission runs as that instance; carries its slot
    ├── MoveWrong           a journal entry or slot cannot change from its state to that one
    └── ValueUnfit          a value is too large for the store, or not JSON
    RequestWrong (errors.py)
    ├── StoreUrlWrong       the configuration names a store that cannot be
    └── RunNotFound         no run, or more than one, is called so

The texts are for people; a caller decides by the class.
"""

from __future__ import annotations

from copy import copy
from datetime import datetime
from typing import Self

from almaflow.errors import RequestWrong, StoreError
from almaflow.store.records import JobSlot
from almaflow.store.schedule_records import Tick


class StoreTrouble(StoreError):
    """The file, the disk or the server refused. Nothing of the transaction under way is kept.

    *what* is whole sentences about what happened; *fix*, if there is one, what a person does about
    it, without a full stop. The text ends with the next move.
    """

    def __init__(self, what: str, fix: str = "") -> None:
        self.what = what
        self.fix = fix
        super().__init__(f"{what} {fix}, then run the command again." if fix else what)

    def followed_by(self, move: str) -> Self:
        """Return the same trouble with *move*, without a full stop, as the next move."""
        other = copy(self)
        if self.fix:
            other.args = (f"{self.what} {self.fix}, then {move}.",)
        return other


class StoreLocked(StoreTrouble):
    """Another process holds the store, and did so for as long as we may wait."""


class StoreConflict(StoreLocked):
    """The database took the transaction back so that another one can proceed; see `conflicts`."""


class StoreFull(StoreTrouble):
    """There is no room left on the store's disk."""


class StoreDamaged(StoreTrouble):
    """The file is not a database, not almaflow's, or broken."""


class StoreMoved(StoreTrouble):
    """The file was removed or replaced after it was opened."""


class StoreReadOnly(StoreTrouble):
    """The store can be read but not written."""


class StoreUnreachable(StoreTrouble):
    """The folder is missing, the file cannot be opened, or the server does not let us in."""


class StoreLost(StoreTrouble):
    """The connection to the server broke.

    Of all troubles, this one alone leaves open whether the transaction is kept: the answer to its
    commit may be what was lost. The next call connects again.
    """


class StoreNotTrusted(StoreError):
    """Others could have written the store, or put it where it is, so it is not used at all."""


class StoreNewer(StoreError):
    """A newer almaflow has written the store; this one does not know its tables."""


class StoreOlder(StoreError):
    """A build from before the first release made the store; its tables are not read any more."""


class RunExists(StoreError):
    """The run key is taken by the run *run_id*."""

    def __init__(self, key: str, run_id: str) -> None:
        self.key = key
        self.run_id = run_id
        super().__init__(
            f"The run key {key} is taken: run {run_id} was recorded under it."
            f" `almaflow show {run_id}` shows its state."
        )


class RunHeld(StoreError):
    """A process works on the run; *since* is when that process began (aware, UTC).

    Of a *silent* one no sign of life has been seen yet: it may be frozen. Its lease runs out when
    it is watched for that long.
    """

    def __init__(
        self, run_id: str, pid: int, host: str, since: datetime, *, silent: bool = False
    ) -> None:
        self.run_id = run_id
        self.silent = silent
        self.pid = pid
        self.host = host
        self.since = since
        super().__init__(
            f"Run {run_id} is being worked on by process {pid} on {host}, alive since"
            f" {since:%Y-%m-%d %H:%M:%S} UTC. Follow it with `almaflow logs -f {run_id}`,"
            " or stop that process first."
        )


class RunEnded(StoreError):
    """The run is finished."""

    def __init__(self, run_id: str, outcome: str) -> None:
        self.run_id = run_id
        super().__init__(
            f"Run {run_id} is finished ({outcome}). `almaflow show {run_id}` shows how it ended."
        )


class RunNotEnded(StoreError):
    """The run is not finished, or a person has queued it again meanwhile."""


class ClaimLost(StoreError):
    """The run is not, or no longer, this process's to write. Stop working on it."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(
            f"Run {run_id} no longer belongs to this process: another one has taken it over, or it"
            f" was released. Nothing was recorded. `almaflow show {run_id}` shows its state."
        )


class LeaseLost(StoreError):
    """This process was taken for dead. Its runs may be others' by now: stop working on them."""

    def __init__(self, process_id: str) -> None:
        self.process_id = process_id
        super().__init__(
            "This process was considered dead: it gave no sign of life for too long, because the"
            " machine was suspended, the process was stopped, or the store could not be reached."
            " Other processes may continue its runs; `almaflow runs` shows them."
        )


class RunNewer(StoreError):
    """A newer almaflow recorded the run, in a way that this one cannot read."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(
            f"Run {run_id} was recorded by a newer almaflow, which this one cannot read. Update"
            " almaflow on this machine, or leave the run to a worker that is newer."
        )


class NotLeader(StoreError):
    """Another process materializes the ticks, or this one was considered dead: it must stop."""

    def __init__(self, process_id: str) -> None:
        self.process_id = process_id
        super().__init__(
            "This process is no longer the active scheduler: it was considered dead, or another"
            " `almaflow serve` has taken over the timetables. Nothing was recorded. `almaflow"
            " doctor` shows which process is the active one."
        )


class TickDecided(StoreError):
    """The tick has an ending, and keeps it."""

    def __init__(self, tick: Tick) -> None:
        self.tick = tick
        what = f"it became run {tick.run_id}" if tick.run_id else f"it was {tick.ending}"
        super().__init__(
            f"The tick of {tick.workflow} at {tick.at:%Y-%m-%d %H:%M:%S} UTC (entry {tick.entry})"
            f" is decided already: {what}{f', {tick.reason}' if tick.reason else ''}."
            f" `almaflow ticks {tick.workflow}` shows it."
        )


class InstanceTaken(StoreError):
    """Another submission of the account, the one in *slot*, runs as that instance."""

    def __init__(self, slot: JobSlot) -> None:
        self.slot = slot
        super().__init__(
            f"Instance {slot.instance_id} of job {slot.job_id} belongs to step {slot.path} of"
            f" run {slot.run_id} already. For details: `almaflow show {slot.run_id}`"
        )


class MoveWrong(StoreError):
    """A journal entry, or a slot, cannot change from the state that it has to the requested one."""


class ValueUnfit(StoreError):
    """A value is too large for the store, or cannot be written as JSON."""


class StoreUrlWrong(RequestWrong):
    """The configuration names a store that cannot be."""

    @classmethod
    def without_driver(cls, location: object, error: ImportError) -> Self:
        """Return the error about a store in PostgreSQL for which a package is missing."""
        return cls(
            f"The store {location} is in PostgreSQL, and what almaflow needs for that is not"
            f" installed ({error}). Write `pip install 'almaflow[fleet]'`."
        )


class RunNotFound(RequestWrong):
    """No run, or more than one, matches what was given."""
