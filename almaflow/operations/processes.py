"""The processes that share a store: what `workers`, the API and the page list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from almaflow.json_data import copied
from almaflow.late_dataclasses import dataclass
from almaflow.store import ActiveProcess, Store


class ProcessState(StrEnum):
    """What is known about a process that has not left."""

    LEADS = "leads"
    """It lives and keeps the timetables."""
    LIVES = "lives"
    SILENT = "silent"
    """It gave no sign of life lately; other processes take over its runs."""


@dataclass(frozen=True)
class ProcessView:
    """One process."""

    id: str
    """Names the process in the store."""
    host: str
    """The machine that it runs on."""
    pid: int
    """Its number on that machine."""
    version: str
    """The version of almaflow that it runs."""
    since: datetime
    """When it began to work with the store."""
    state: ProcessState
    """What is known about it."""
    runs: tuple[str, ...]
    """The ids of its unfinished runs, oldest first."""
    waiting: int
    """How many of these wait."""
    name: str = ""
    """What a person calls it (`almaflow worker --name`)."""
    queues: tuple[str, ...] = ()
    """The institutions whose runs it takes from the queue of a shared store."""


def list_processes(store: Store) -> list[ProcessView]:
    """Return the processes that have not left.

    Whether one on another machine lives is known when this store has been watching it for some
    seconds: until then it counts as silent.
    """
    return [_view(one, store.is_silent(one.process.id)) for one in store.at_work()]


def are_any_silent(processes: Sequence[ProcessView]) -> bool:
    """Whether one of *processes* is silent, so that it is worth to look again."""
    return any(one.state is ProcessState.SILENT for one in processes)


def _view(one: ActiveProcess, silent: bool) -> ProcessView:
    process = one.process
    alive = ProcessState.LEADS if one.leads else ProcessState.LIVES
    return copied(
        ProcessView,
        process,
        since=process.entered_at,
        state=ProcessState.SILENT if silent else alive,
        runs=one.runs,
        waiting=one.waiting,
        name=process.reported.name,
        queues=process.reported.queues,
    )
