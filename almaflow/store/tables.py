"""The tables as they are now. How an older store gets there is told by `schema.py`.

Instants are text of one width (`2026-11-01T01:30:00.000000Z`), so that they sort, read well in
any tool and are the same in every database; values are JSON text.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeDecorator


def instant_text(instant: datetime) -> str:
    """Return an aware *instant* as the text that is stored."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant!r} has no time zone and cannot be stored")
    return instant.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


class Instant(TypeDecorator[datetime]):
    """An aware instant, kept as text in UTC."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else instant_text(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


# Numbers of rows; only SQLite's INTEGER counts by itself.
_Number = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData()

# Where an index says which rows it is of. Told to SQLAlchemy when the tables are made: it would
# import the dialect of every database named here.
WHERE = "where"

store_version = Table(
    "store_version",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("applied_at", Instant, nullable=False),
)

definitions = Table(
    "definitions",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("content", Text, nullable=False),
)

processes = Table(
    "processes",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", Text, nullable=False),
    Column("entered_at", Instant, nullable=False),
    Column("left_at", Instant),
    # Grows with each renewal of the process's lease.
    Column("beat", Integer, nullable=False, server_default=text("0")),
    # The file that it keeps locked while it lives; empty when there is none.
    Column("lock_file", Text, nullable=False, server_default=text("''")),
)

runs = Table(
    "runs",
    metadata,
    # The order of recording: two runs may have the same instant, above all in virtual time.
    Column("number", _Number, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("workflow", Text, nullable=False),
    Column("key", Text, nullable=False, unique=True),
    Column("trigger", Text, nullable=False),
    Column("definition", ForeignKey("definitions.hash"), nullable=False),
    Column("path", Text, nullable=False),
    Column("inputs", Text, nullable=False),
    Column("vars", Text, nullable=False),
    Column("institution", Text, nullable=False),
    Column("status", String(20), nullable=False),
    # A JSON list of `almaflow.waiting.Waiting`.
    Column("waits", Text, nullable=False),
    Column("outcome", String(20)),
    Column("error", Text, nullable=False),
    Column("outputs", Text),
    Column("attempt", Integer, nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("scheduled_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    Column("deadline_at", Instant),
    Column("held", Boolean, nullable=False),
    Column("cancel_requested_at", Instant),
    Column("cancel_requested_by", Text, nullable=False),
    Column("owner", ForeignKey("processes.id")),
    Column("epoch", Integer, nullable=False),
    Column("format", Integer, nullable=False),
    # The newest answer of a person when the run was claimed: the claimant knew of it.
    Column("answers_seen", BigInteger, nullable=False, server_default=text("0")),
    Index("runs_by_workflow", "workflow", "number"),
    Index("runs_by_status", "status", "number"),
    Index(
        "runs_by_cancel",
        "cancel_requested_at",
        info={WHERE: "cancel_requested_at IS NOT NULL"},
    ),
    # What may be taken over is asked for all the time: these hold the runs that come into question.
    Index(
        "runs_by_owner",
        "owner",
        info={WHERE: "owner IS NOT NULL"},
    ),
    Index(
        "runs_unowned",
        "number",
        info={WHERE: "owner IS NULL AND status != 'finished'"},
    ),
    # Where it is checked whether a definition can be deleted.
    Index("runs_by_definition", "definition"),
)

journal = Table(
    "journal",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("path", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("effect", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("value", Text, nullable=False),
    Column("request_hash", Text, nullable=False),
    Column("sends", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("epoch", Integer, nullable=False),
    UniqueConstraint("run_id", "path", "attempt", "effect"),
)

events = Table(
    "events",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("kind", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("data", Text, nullable=False),
    Index("events_by_run", "run_id", "id"),
    # Who follows a log remembers the last id seen; the id of a pruned event must not come again.
    sqlite_autoincrement=True,
)

answers = Table(
    "answers",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("path", Text, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("value", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Index("answers_by_run", "run_id", "id"),
    # Who waits for answers remembers the last id seen.
    sqlite_autoincrement=True,
)

places = Table(
    "places",
    metadata,
    # The ticket: who asked first has the smaller one.
    Column("id", _Number, primary_key=True),
    Column("account", Text, nullable=False),
    Column("job_id", Text, nullable=False),
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("path", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("effect", Text, nullable=False),
    Column("set_id", Text),
    Column("marker", Text, nullable=False),
    Column("named", Boolean, nullable=False),
    Column("state", String(20), nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("not_before", Instant),
    Column("refusals", Integer, nullable=False),
    Column("taken_at", Instant),
    Column("instance_id", Text),
    Column("candidates", Text, nullable=False),
    Column("freed_at", Instant),
    UniqueConstraint("run_id", "path", "attempt", "effect"),
    Index("places_by_state", "account", "state", "id"),
    Index("places_by_job", "account", "job_id", "taken_at"),
    Index(
        "places_told_later",
        "account",
        "job_id",
        "not_before",
        info={WHERE: "not_before IS NOT NULL"},
    ),
    Index("places_by_instance", "account", "instance_id", unique=True),
    sqlite_autoincrement=True,
)

job_traits = Table(
    "job_traits",
    metadata,
    Column("account", Text, primary_key=True),
    Column("job_id", Text, primary_key=True),
    Column("seen_at", Instant, nullable=False),
    Column("kept_length", Integer),
    Column("cut_length", Integer),
)

durations = Table(
    "durations",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("account", Text, nullable=False),
    Column("job_id", Text, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("at", Instant, nullable=False),
    Index("durations_by_job", "account", "job_id", "id"),
)

# Timetables

leader = Table(
    "leader",
    metadata,
    # There is one row at most, number 1.
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("process_id", ForeignKey("processes.id"), nullable=False),
    Column("since", Instant, nullable=False),
)

schedules = Table(
    "schedules",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("workflow", Text, nullable=False),
    Column("entry", Text, nullable=False),
    Column("timing", Text, nullable=False),
    Column("begins_at", Instant, nullable=False),
    Column("covered_to", Instant, nullable=False),
    Column("ended_at", Instant),
    Index("schedules_by_entry", "workflow", "entry", "id"),
    Index(
        "schedules_standing",
        "workflow",
        "entry",
        unique=True,
        info={WHERE: "ended_at IS NULL"},
    ),
    sqlite_autoincrement=True,
)

ticks = Table(
    "ticks",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("schedule_id", ForeignKey("schedules.id"), nullable=False),
    Column("workflow", Text, nullable=False),
    Column("entry", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("starts_at", Instant, nullable=False),
    Column("found_at", Instant, nullable=False),
    Column("ready_at", Instant),
    Column("caught_up", Boolean, nullable=False),
    Column("ending", String(20)),
    Column("cause", String(20)),
    Column("reason", Text, nullable=False),
    # No foreign key: the ledger keeps the id of a run that was deleted.
    Column("run_id", Text),
    Column("merged_into", Instant),
    Column("ended_at", Instant),
    UniqueConstraint("workflow", "entry", "at"),
    Index("ticks_by_time", "at", "id"),
    Index("ticks_by_workflow", "workflow", "at", "id"),
    Index("ticks_by_schedule", "schedule_id"),
    # Asked for at every wake-up: a handful among a million.
    Index(
        "ticks_open",
        "starts_at",
        "at",
        "id",
        info={WHERE: "ending IS NULL"},
    ),
    Index(
        "ticks_by_run",
        "run_id",
        info={WHERE: "run_id IS NOT NULL"},
    ),
    sqlite_autoincrement=True,
)

pauses = Table(
    "pauses",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("workflow", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant),
    Column("note", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("ended_by", Text, nullable=False),
    Index("pauses_by_workflow", "workflow", "id"),
    sqlite_autoincrement=True,
)

sources = Table(
    "sources",
    metadata,
    Column("path", Text, primary_key=True),
    Column("workflow", Text, nullable=False),
    Column("definition", ForeignKey("definitions.hash"), nullable=False),
    Column("read_at", Instant, nullable=False),
    Column("problem", Text, nullable=False),
)

notices = Table(
    "notices",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("key", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("workflow", Text, nullable=False),
    Column("run_id", Text),
    Column("channel", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", Instant),
    Column("sent_at", Instant),
    Column("error", Text, nullable=False),
    UniqueConstraint("key", "channel"),
    Index("notices_by_workflow", "workflow", "id"),
    Index(
        "notices_due",
        "next_at",
        "id",
        info={WHERE: "next_at IS NOT NULL"},
    ),
    sqlite_autoincrement=True,
)

# Up to when the rows of a table may have been taken out by age.
pruned = Table(
    "pruned",
    metadata,
    Column("what", String(20), primary_key=True),
    Column("before", Instant, nullable=False),
)
