"""What a page shows of all runs at one moment, read in one transaction; every list has a bound."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from almaflow.late_dataclasses import dataclass
from almaflow.outcome import UNFINISHED, Outcome, Status
from almaflow.store import job_slots, notices, run_listing, runs, sources
from almaflow.store.json_values import to_json
from almaflow.store.records import JobSlot, RunRecord, SlotState
from almaflow.store.schedule_records import WorkflowSource
from almaflow.store.transaction import Transaction
from almaflow.waiting import WaitingKind

# One pass over the table, because no index leads to the end of a run.
_ENDED = (
    "SELECT id, workflow, outcome FROM runs WHERE ended_at > :since"
    " ORDER BY ended_at DESC, number DESC"
)
_DAYS = (
    "SELECT workflow, CASE {days} END AS day, coalesce(outcome, status) AS state,"
    " count(*) AS runs FROM runs WHERE requested_at >= :since GROUP BY 1, 2, 3"
)
_STATES_OF = "SELECT id, coalesce(outcome, status) AS state FROM runs WHERE id IN :run_ids"
_UNENDED = "SELECT count(*) FROM runs WHERE status IN :unfinished"
_STARTS = (
    "SELECT job_id, count(*) AS starts FROM places WHERE account = :account"
    f" AND state IN ('{SlotState.TAKEN}', '{SlotState.FREED}') AND taken_at > :since"
    " GROUP BY job_id ORDER BY starts DESC, job_id LIMIT 1"
)
# JSON escapes the quotes of a text, so no text is taken for a kind.
_GROUPS = f"""
    SELECT status, held, owner IS NOT NULL AS owned, CASE {{kinds}} ELSE '' END AS kind,
        id IN (SELECT run_id FROM places WHERE state = '{SlotState.QUEUED}') AS queued,
        count(*) AS runs
    FROM runs WHERE status IN :unfinished GROUP BY 1, 2, 3, 4, 5
"""
# What changes whenever something happens that a page shows. The log of runs covers most of it.
_VERSION = """
    SELECT (SELECT max(id) FROM events) AS log, (SELECT max(id) FROM answers) AS answers,
        (SELECT max(number) FROM runs) AS runs, (SELECT max(id) FROM ticks) AS ticks,
        (SELECT count(*) FROM ticks WHERE ending IS NULL) AS open_ticks,
        (SELECT max(id) FROM notices) AS notices,
        (SELECT count(*) FROM notices WHERE next_at IS NOT NULL) AS undelivered,
        (SELECT max(id) FROM pauses) AS pauses,
        (SELECT count(*) FROM pauses WHERE ended_by = '') AS pausing,
        (SELECT max(read_at) FROM sources) AS sources,
        (SELECT count(*) FROM runs WHERE status IN :unfinished) AS unfinished,
        (SELECT count(*) FROM runs WHERE cancel_requested_at IS NOT NULL) AS cancelled
"""
# The progress of a job is recorded with its run and not in the log.
_WAITS = "SELECT waits FROM runs WHERE status = :waiting ORDER BY number DESC LIMIT 200"


@dataclass(frozen=True)
class SlotUse:
    """The use of an account's limits."""

    holders: Sequence[JobSlot]
    """The submissions that run in Alma."""
    queued: int
    """How many wait for a slot."""
    most_started: str
    """The job that was started most often within the hour; empty when none was."""
    starts: int
    """How many times."""


@dataclass(frozen=True)
class UnfinishedRuns:
    """Unfinished runs with all of this in common."""

    runs: int
    """How many they are."""
    status: Status
    held: bool = False
    owned: bool = True
    """Whether a process works on them."""
    queued: bool = False
    """Whether a step of them waits for one of Alma's slots."""
    kind: WaitingKind | None = None
    """The first kind of those asked for that they wait for; None: for none of them."""


@dataclass(frozen=True)
class DoneRuns:
    """Runs of one workflow with the same good outcome."""

    last: RunRecord
    runs: int


@dataclass(frozen=True)
class Overview:
    """All runs at one moment."""

    counts: dict[Outcome, int]
    """How many runs ended since, by outcome."""
    ended_badly: Sequence[RunRecord]
    """The newest of those that ended badly, newest first."""
    ended_well: Sequence[DoneRuns]
    """The others, by workflow and outcome, newest first."""
    more_well: int
    """How many such groups are left out."""
    unfinished: Sequence[RunRecord]
    """The newest unfinished runs, newest first."""
    more_unfinished: int
    """How many unfinished runs are left out."""
    use: dict[str, SlotUse]
    """By account."""
    undelivered: int
    """Notices that have not reached their channel yet."""
    invalid: Sequence[WorkflowSource]
    """Files whose last edit is invalid."""


def read(
    tx: Transaction, since: datetime, hour_ago: datetime, accounts: Sequence[str], limit: int
) -> Overview:
    """Return the state of all runs, with those that ended after *since*; lists of *limit*."""
    rows = tx.rows(_ENDED, since=since)
    ended = [(row["id"], row["workflow"], Outcome(row["outcome"])) for row in rows]
    bad = [id_ for id_, _, outcome in ended if not outcome.is_good][:limit]
    well: dict[tuple[str, Outcome], list[str]] = {}
    for id_, workflow, outcome in ended:
        if outcome.is_good:
            well.setdefault((workflow, outcome), []).append(id_)
    last = [ids[0] for ids in well.values()][:limit]
    records = runs.get_all(tx, [*bad, *last])
    unfinished = run_listing.newest(tx, limit, statuses=UNFINISHED)
    total = tx.value(_UNENDED, unfinished=UNFINISHED)
    return Overview(
        counts=dict(Counter(outcome for _, _, outcome in ended)),
        ended_badly=[records[id_] for id_ in bad],
        ended_well=[DoneRuns(records[ids[0]], len(ids)) for ids in list(well.values())[:limit]],
        more_well=max(0, len(well) - limit),
        unfinished=unfinished,
        more_unfinished=total - len(unfinished),
        use={account: _use(tx, account, hour_ago) for account in accounts},
        undelivered=notices.undelivered(tx),
        invalid=[source for source in sources.find(tx) if source.problem],
    )


def _use(tx: Transaction, account: str, since: datetime) -> SlotUse:
    most = tx.row(_STARTS, account=account, since=since)
    return SlotUse(
        holders=job_slots.holders(tx, account),
        queued=len(job_slots.queue(tx, account)),
        most_started="" if most is None else most["job_id"],
        starts=0 if most is None else most["starts"],
    )


def unfinished_runs(tx: Transaction, kinds: Sequence[WaitingKind]) -> list[UnfinishedRuns]:
    """Return how many runs have not ended, by what they are and which of *kinds* they wait for.

    The database counts them: a process that many runs wait in has no time to read them all.
    """
    whens = " ".join(f"WHEN waits LIKE :kind_{kind} THEN '{kind}'" for kind in kinds)
    patterns = {f"kind_{kind}": f"%{to_json({'kind': kind}, '')[1:-1]}%" for kind in kinds}
    rows = tx.rows(_GROUPS.format(kinds=whens), unfinished=UNFINISHED, **patterns)
    return [
        UnfinishedRuns(
            row["runs"],
            Status(row["status"]),
            held=row["held"],
            owned=bool(row["owned"]),
            queued=bool(row["queued"]),
            kind=WaitingKind(row["kind"]) if row["kind"] else None,
        )
        for row in rows
    ]


def version(tx: Transaction) -> str:
    """Return a text that differs as soon as something happened that pages show."""
    row = tx.row(_VERSION, unfinished=UNFINISHED)
    waits = "".join(tx.column(_WAITS, waiting=Status.WAITING))
    return f"{'.'.join(map(str, (row or {}).values()))}.{zlib.crc32(waits.encode())}"


def states_by_day(tx: Transaction, mornings: Sequence[datetime]) -> list[tuple[str, int, str, int]]:
    """Return how many runs were requested on each day, by workflow and outcome (or status).

    *mornings* is when each day begins, the newest first; a day is its place among them.
    """
    days = " ".join(f"WHEN requested_at >= :day_{day} THEN {day}" for day in range(len(mornings)))
    begins = {f"day_{day}": morning for day, morning in enumerate(mornings)}
    rows = tx.rows(_DAYS.format(days=days), since=mornings[-1], **begins)
    return [(row["workflow"], row["day"], row["state"], row["runs"]) for row in rows]


def states_of(tx: Transaction, run_ids: Sequence[str]) -> dict[str, str]:
    """Return the outcome, or the status, of each of these runs that is there."""
    if not run_ids:
        return {}
    return {row["id"]: row["state"] for row in tx.rows(_STATES_OF, run_ids=run_ids)}
