"""Counters and statuses that instances of a job were seen with; their values are left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from almaflow.alma.value_parsing import number
from almaflow.alma.wire import JobInstance
from almaflow.snapshot.model import MIXED, NUMBER, TEXT, CounterEntry, StatusEntry

MOST_COUNTERS = 200
"""The largest number of counters that are kept of one job."""

_LONGEST_KEY = 200

# Alma also writes sentences as keys, which may name a record, a file or a person.
_NAMES_SOMETHING = re.compile(r"\d{6,}|@")


def counters_in(job_id: str, runs: Iterable[JobInstance]) -> list[CounterEntry]:
    """Return the counters of *runs*, each once, with the form of their values."""
    labels: dict[str, str] = {}
    forms: dict[str, set[str]] = {}
    for run in runs:
        for counter in run.counters:
            key = counter.key
            if not key or len(key) > _LONGEST_KEY or _NAMES_SOMETHING.search(key):
                continue
            labels.setdefault(key, "" if counter.label == key else counter.label[:_LONGEST_KEY])
            forms.setdefault(key, set()).add(TEXT if number(counter.value) is None else NUMBER)
    entries = [
        CounterEntry(job_id, key, label, form_of(forms[key])) for key, label in labels.items()
    ]
    return sorted(entries, key=lambda one: one.key)[:MOST_COUNTERS]


def form_of(forms: Iterable[str]) -> str:
    """Return the form of values that were seen as *forms*."""
    several = set(forms)
    return several.pop() if len(several) == 1 else MIXED


def statuses_in(job_id: str, runs: Iterable[JobInstance]) -> Iterator[StatusEntry]:
    """Yield the statuses of *runs*, each once."""
    for status in sorted({run.status for run in runs if run.status}):
        yield StatusEntry(job_id, status)
