"""What is known of a job without a network: the project's snapshot, else Alma's published jobs."""

from __future__ import annotations

from almaflow.alma.simulator.library import MANUAL_JOBS
from almaflow.late_dataclasses import dataclass
from almaflow.late_patterns import late_pattern
from almaflow.snapshot.model import NUMBER, Section

_FAILURES = late_pattern(r"fail|error|reject|not[._]?(?:loaded|updated|processed)", 2)


@dataclass(frozen=True)
class KnownJob:
    """What is known of a job; what is not is empty.

    *name* is Alma's own, from a snapshot; *label* is what a comment may call it. *content* is what
    its set holds. *failures* are the counters of what went wrong, *counters* all of them.
    """

    id: str
    name: str = ""
    label: str = ""
    content: str = ""
    failures: tuple[str, ...] = ()
    counters: tuple[str, ...] = ()


def known_job(id: str, section: Section | None) -> KnownJob:
    """Return what is known of the job *id*, with the snapshot of an institution or without."""
    published = next((one for one in MANUAL_JOBS if one.id == id), None)
    label = published.name if published else ""
    content = published.works_on[0] if published and published.works_on else ""
    if section is None:
        return KnownJob(id, label=label, content=content)
    entry = next((one for one in section.jobs if one.id == id), None)
    counters = section.counters_of(id)
    return KnownJob(
        id,
        name=entry.name if entry else "",
        label=entry.name if entry else label,
        content=content,
        failures=tuple(
            one.key for one in counters if one.form == NUMBER and _FAILURES.search(one.key)
        ),
        counters=tuple(one.key for one in counters),
    )
