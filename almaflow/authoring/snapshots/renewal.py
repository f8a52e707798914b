"""A new section of the snapshot and the one before it, put together.

What the key could not read stays as it was. Counters and statuses that were seen once stay known
while their job exists, because an instance of a quiet month says nothing about them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from almaflow.authoring.snapshots.sightings import form_of
from almaflow.snapshot.file_format import snapshot_text
from almaflow.snapshot.model import (
    IMPORT_PROFILES,
    INTEGRATION_PROFILES,
    JOBS,
    CounterEntry,
    Section,
    Snapshot,
    StatusEntry,
)

CONFIRMED_FOR = timedelta(days=14)
"""How long the day of a section stays when nothing else has changed.

So a snapshot that is taken every night makes a commit only when Alma has changed, or twice a month.
"""


def renewed(new: Section, earlier: Section | None) -> Section:
    """Return the section to write: *new*, with what it lacks from *earlier*."""
    if earlier is None or earlier.simulated != new.simulated or is_of_another(new, earlier):
        return new
    merged = _with_missing_parts(new, earlier)
    merged = replace(
        merged, counters=_counters(merged, earlier), statuses_seen=_statuses(merged, earlier)
    )
    is_recent = timedelta() <= new.taken - earlier.taken < CONFIRMED_FOR
    if is_recent and _same(replace(merged, taken=earlier.taken), earlier):
        return earlier
    return merged


def is_of_another(new: Section, earlier: Section) -> bool:
    """Whether the two are of different institutions or environments."""
    return any(
        one and other and one != other
        for one, other in ((new.code, earlier.code), (new.environment, earlier.environment))
    )


def _with_missing_parts(new: Section, earlier: Section) -> Section:
    kept = {part: getattr(earlier, part) for part in new.missing if part not in _PROFILES}
    profiles = list(new.profiles)
    for part, kind in _PROFILES.items():
        if part in new.missing:
            profiles += earlier.profile_lookup.of_kind(kind)
    return replace(
        new,
        code=new.code or earlier.code,
        environment=new.environment or earlier.environment,
        profiles=tuple(profiles),
        **kept,
    )


_PROFILES = {INTEGRATION_PROFILES: "integration", IMPORT_PROFILES: "import"}


def _counters(new: Section, earlier: Section) -> tuple[CounterEntry, ...]:
    seen = {(one.job, one.key): one for one in earlier.counters if _is_there(one.job, new)}
    for one in new.counters:
        before = seen.get((one.job, one.key))
        form = one.form if before is None else form_of({before.form, one.form})
        label = one.label or (before.label if before is not None else "")
        seen[one.job, one.key] = replace(one, form=form, label=label)
    return tuple(seen.values())


def _statuses(new: Section, earlier: Section) -> tuple[StatusEntry, ...]:
    kept = [one for one in earlier.statuses_seen if _is_there(one.job, new)]
    return tuple(dict.fromkeys([*kept, *new.statuses_seen]))


def _is_there(job: str, section: Section) -> bool:
    return JOBS in section.missing or job in section.job_lookup.by_id


def _same(one: Section, other: Section) -> bool:
    texts = (snapshot_text(Snapshot({section.institution: section})) for section in (one, other))
    return next(texts) == next(texts)
