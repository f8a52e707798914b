"""The store: runs, their journal and log, job slots, the ledger of ticks, and who shares them.

The only home of SQL: SQLite, or PostgreSQL. Every method of `Store` is one transaction and waits
for the disk, so code that runs on an event loop calls it through a `StoreWriter`. Instants come
from the store's clock. A call travels through four floors:

    store         `Store`: the methods, and which function implements each
    runs, journal, job_slots, ticks …   the functions: rows read and written in a `Transaction`
    database      transactions and errors, on one connection
    sqlite, postgres   what is different in each kind of database
"""

from __future__ import annotations

from almaflow.store.errors import (
    ClaimLost,
    InstanceTaken,
    LeaseLost,
    MoveWrong,
    NotLeader,
    RunEnded,
    RunExists,
    RunHeld,
    RunNewer,
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
from almaflow.store.liveness import LEASE, RENEW
from almaflow.store.location import read_url
from almaflow.store.records import (
    KEEP,
    ActiveProcess,
    CancelRequest,
    Claim,
    Decision,
    EntryState,
    JobSlot,
    JournalEntry,
    Keep,
    LoadedRun,
    LogEntry,
    MarkerHabit,
    NewLogEntry,
    NoSlot,
    Process,
    ProcessInfo,
    RunRecord,
    SlotLimits,
    SlotState,
    SubmissionKey,
    new_run_id,
)
from almaflow.store.run_queue import DueRun, RunQueue
from almaflow.store.schedule_records import (
    JobEnd,
    JobEndStart,
    NewJobEnd,
    NewNotification,
    NewSchedule,
    NewTick,
    NotificationRecord,
    Pruned,
    Schedule,
    SchedulePause,
    Tick,
    TickCause,
    TickEnd,
    TickEnding,
    WorkflowSource,
)
from almaflow.store.store import Store
