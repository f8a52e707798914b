"""Notices: what is to be sent to channels, kept until it is delivered or given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update

from almaflow.store.json_values import clean
from almaflow.store.schedule_records import NewNotice, NoticeRecord
from almaflow.store.tables import notices
from almaflow.store.transaction import Transaction, batches

_THERE = select(notices.c.key, notices.c.channel).where(
    notices.c.key.in_(bindparam("keys", expanding=True))
)
_DUE = (
    select(notices)
    .where(notices.c.next_at <= bindparam("now"))
    .order_by(notices.c.next_at, notices.c.id)
)
_UNDELIVERED = select(func.count()).select_from(notices).where(notices.c.next_at.is_not(None))
_TRIED = update(notices).where(notices.c.id == bindparam("notice_id"))


def add(tx: Transaction, new: Sequence[NewNotice]) -> int:
    """Record notices to be delivered immediately, and return how many were new.

    A notice whose key was sent to the same channel is left alone.
    """
    there: set[tuple[str, str]] = set()
    for keys in batches([notice.key for notice in new]):
        there |= {(row.key, row.channel) for row in tx.execute(_THERE, {"keys": keys})}
    rows: list[dict[str, Any]] = []
    for notice in new:
        if (notice.key, notice.channel) not in there:
            there.add((notice.key, notice.channel))
            rows.append(_row(notice, tx.now))
    if rows:
        tx.execute(insert(notices), rows)
    return len(rows)


def _row(notice: NewNotice, at: datetime) -> dict[str, Any]:
    row = asdict(notice) | {"title": clean(notice.title), "text": clean(notice.text)}
    return row | {"created_at": at, "tries": 0, "next_at": at, "error": ""}


def due(tx: Transaction, limit: int = 100) -> list[NoticeRecord]:
    """Return the notices that are to be tried now, those that wait longest first."""
    rows = tx.execute(_DUE.limit(limit), {"now": tx.now})
    return [NoticeRecord(**row._mapping) for row in rows]


def next_at(tx: Transaction) -> datetime | None:
    """Return when the next notice that is not due yet is to be tried; None: there is none."""
    later = select(func.min(notices.c.next_at)).where(notices.c.next_at > tx.now)
    earliest: datetime | None = tx.execute(later).scalar_one()
    return earliest


def take(tx: Transaction, notice: NoticeRecord, until: datetime) -> bool:
    """Keep a due notice from other processes until an instant; False: another one was faster."""
    mine = update(notices).where(notices.c.id == notice.id, notices.c.next_at == notice.next_at)
    return tx.execute(mine.values(next_at=until)).rowcount == 1


def find(tx: Transaction, key: str, channel: str) -> NoticeRecord | None:
    """Return the notice with a key to a channel; None: there is none, or it was pruned."""
    query = select(notices).where(notices.c.key == key, notices.c.channel == channel)
    row = tx.execute(query).one_or_none()
    return None if row is None else NoticeRecord(**row._mapping)


def undelivered(tx: Transaction) -> int:
    """Return how many notices are neither delivered nor given up."""
    return int(tx.execute(_UNDELIVERED).scalar_one())


def sent(tx: Transaction, notice_id: int) -> None:
    """Record that a notice got there."""
    _tried(tx, notice_id, sent_at=tx.now, next_at=None, error="")


def failed(tx: Transaction, notice_id: int, error: str, again_at: datetime | None) -> None:
    """Record why a notice did not get there, and when it is tried again; None: never."""
    _tried(tx, notice_id, next_at=again_at, error=clean(error))


def _tried(tx: Transaction, notice_id: int, **values: Any) -> None:
    tx.execute(_TRIED.values(tries=notices.c.tries + 1, **values), {"notice_id": notice_id})


def newest(
    tx: Transaction,
    *,
    since: datetime | None = None,
    workflow: str | None = None,
    limit: int | None = None,
) -> list[NoticeRecord]:
    """Return the notices made at or after *since*, newest first, at most *limit*."""
    query = select(notices).order_by(notices.c.id.desc())
    if since is not None:
        query = query.where(notices.c.created_at >= since)
    if workflow is not None:
        query = query.where(notices.c.workflow == workflow)
    if limit is not None:
        query = query.limit(limit)
    return [NoticeRecord(**row._mapping) for row in tx.execute(query)]
