"""Notices: what is to be sent to channels, kept until it is delivered or abandoned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from almaflow.store.connection import assignments, at_most, columns_of, where
from almaflow.store.json_values import clean
from almaflow.store.schedule_records import NewNotification, NotificationRecord
from almaflow.store.transaction import Transaction

_SELECT = f"SELECT {columns_of(NotificationRecord)} FROM notices"
_DUE = f"{_SELECT} WHERE next_at <= :now ORDER BY next_at, id LIMIT :limit"


def add(tx: Transaction, new: Sequence[NewNotification]) -> int:
    """Record notices to be delivered immediately, and return how many were new.

    A notice whose key was sent to the same channel is left alone.
    """
    if not new:
        return 0
    keys = [notice.key for notice in new]
    known = tx.rows('SELECT "key", channel FROM notices WHERE "key" IN :keys', keys=keys)
    there = {(row["key"], row["channel"]) for row in known}
    rows: list[dict[str, Any]] = []
    for notice in new:
        if (notice.key, notice.channel) not in there:
            there.add((notice.key, notice.channel))
            rows.append(_row(notice, tx.now))
    tx.insert_all("notices", rows)
    return len(rows)


def _row(notice: NewNotification, at: datetime) -> dict[str, Any]:
    row = asdict(notice) | {"title": clean(notice.title), "text": clean(notice.text)}
    return row | {"created_at": at, "tries": 0, "next_at": at, "error": ""}


def due(tx: Transaction, limit: int = 100) -> list[NotificationRecord]:
    """Return the notices that are due, those that have been waiting longest first."""
    return [NotificationRecord(**row) for row in tx.rows(_DUE, now=tx.now, limit=limit)]


def next_at(tx: Transaction) -> datetime | None:
    """Return when the next notice that is not due yet is to be tried; None: there is none."""
    later = "SELECT min(next_at) AS next_at FROM notices WHERE next_at > :now"
    earliest: datetime | None = tx.value(later, now=tx.now)
    return earliest


def take(tx: Transaction, notice: NotificationRecord, until: datetime) -> bool:
    """Reserve a due notice for this process until an instant; False: another one was faster."""
    mine = "UPDATE notices SET next_at = :until WHERE id = :id AND next_at = :next_at"
    return tx.execute(mine, id=notice.id, next_at=notice.next_at, until=until) == 1


def find(tx: Transaction, key: str, channel: str) -> NotificationRecord | None:
    """Return the notice with a key to a channel; None: there is none, or it was pruned."""
    of_key = f'{_SELECT} WHERE "key" = :key AND channel = :channel'
    row = tx.row(of_key, key=key, channel=channel)
    return None if row is None else NotificationRecord(**row)


def undelivered(tx: Transaction) -> int:
    """Return how many notices are neither delivered nor abandoned."""
    return int(tx.value("SELECT count(*) FROM notices WHERE next_at IS NOT NULL"))


def sent(tx: Transaction, notice_id: int) -> None:
    """Record that a notice was delivered."""
    _tried(tx, notice_id, sent_at=tx.now, next_at=None, error="")


def failed(tx: Transaction, notice_id: int, error: str, again_at: datetime | None) -> None:
    """Record why a notice was not delivered, and when to try again; None: never."""
    _tried(tx, notice_id, next_at=again_at, error=clean(error))


def _tried(tx: Transaction, notice_id: int, **values: Any) -> None:
    changes = assignments(values)
    tx.execute(
        f"UPDATE notices SET tries = tries + 1, {changes} WHERE id = :notice_id",
        notice_id=notice_id,
        **values,
    )


def newest(
    tx: Transaction,
    *,
    since: datetime | None = None,
    workflow: str | None = None,
    limit: int | None = None,
) -> list[NotificationRecord]:
    """Return the notices made at or after *since*, newest first, at most *limit*."""
    conditions, values = where({"created_at >= :since": since, "workflow = :workflow": workflow})
    rows = tx.rows(f"{_SELECT}{conditions} ORDER BY id DESC{at_most(limit)}", **values, limit=limit)
    return [NotificationRecord(**row) for row in rows]
