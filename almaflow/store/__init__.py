"""The store: runs, their journal and log, places, the ledger of ticks, and who shares them.

The only home of SQL: SQLite, or PostgreSQL. Every method is one transaction and waits for the
disk, so what runs on an event loop calls it through a `StoreWriter`. Instants come from the
store's clock.
"""

from __future__ import annotations

from almaflow.store.calls.journal import JournalCalls
from almaflow.store.calls.keeping import KeepingCalls
from almaflow.store.calls.ledger import LedgerCalls
from almaflow.store.calls.places import PlaceCalls
from almaflow.store.calls.processes import ProcessCalls
from almaflow.store.calls.runs import RunCalls
from almaflow.store.calls.service import ServiceCalls
from almaflow.store.errors import (
    ClaimLost,
    InstanceTaken,
    LeaseLost,
    MoveWrong,
    NotLeader,
    RunEnded,
    RunExists,
    RunHeld,
    RunNotEnded,
    RunNotFound,
    StoreDamaged,
    StoreFull,
    StoreLocked,
    StoreLost,
    StoreNewer,
    StoreOlder,
    StoreReadOnly,
    StoreTrouble,
    StoreUnreachable,
    StoreUrlWrong,
    TickDecided,
    ValueUnfit,
)
from almaflow.store.processes import LEASE, RENEW
from almaflow.store.records import (
    KEEP,
    Answer,
    Busy,
    Cancel,
    Claim,
    Entry,
    EntryState,
    Event,
    Keep,
    Line,
    LoadedRun,
    MarkerHabit,
    Place,
    PlaceLimits,
    PlaceState,
    Process,
    RunRecord,
    Spot,
    new_run_id,
)
from almaflow.store.schedule_records import (
    Cause,
    NewNotice,
    NewSchedule,
    NewTick,
    NoticeRecord,
    Pause,
    Pruned,
    Schedule,
    Source,
    Tick,
    TickEnd,
    TickEnding,
)

__all__ = [
    "KEEP",
    "LEASE",
    "RENEW",
    "Answer",
    "Busy",
    "Cancel",
    "Cause",
    "Claim",
    "ClaimLost",
    "Entry",
    "EntryState",
    "Event",
    "InstanceTaken",
    "Keep",
    "LeaseLost",
    "Line",
    "LoadedRun",
    "MarkerHabit",
    "MoveWrong",
    "NewNotice",
    "NewSchedule",
    "NewTick",
    "NotLeader",
    "NoticeRecord",
    "Pause",
    "Place",
    "PlaceLimits",
    "PlaceState",
    "Process",
    "Pruned",
    "RunEnded",
    "RunExists",
    "RunHeld",
    "RunNotEnded",
    "RunNotFound",
    "RunRecord",
    "Schedule",
    "Source",
    "Spot",
    "Store",
    "StoreDamaged",
    "StoreFull",
    "StoreLocked",
    "StoreLost",
    "StoreNewer",
    "StoreOlder",
    "StoreReadOnly",
    "StoreTrouble",
    "StoreUnreachable",
    "StoreUrlWrong",
    "Tick",
    "TickDecided",
    "TickEnd",
    "TickEnding",
    "ValueUnfit",
    "new_run_id",
]


class Store(
    RunCalls, ProcessCalls, JournalCalls, PlaceCalls, LedgerCalls, ServiceCalls, KeepingCalls
):
    """One open store; safe to use from any thread.

    Besides what a method names, each raises `StoreTrouble` when the file, the disk or the server
    refuses; then nothing of its transaction is kept.
    """
