"""Checks the snapshot of Alma: whether it can be used, and how old it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from almaflow.check.against_snapshot.whole_file import snapshot_problems
from almaflow.cli.doctor_checks.findings import Finding, doubtful, good
from almaflow.settings import Project
from almaflow.snapshot.files import snapshot_in
from almaflow.snapshot.place import SNAPSHOT_FILE

OLD = timedelta(days=30)
"""From this age on a snapshot may lack what people have changed in Alma."""


def check_snapshot(project: Project, now: datetime) -> Iterator[Finding]:
    """Check the snapshot of the project; nothing is found where there is none."""
    what = "snapshot"
    problems = snapshot_problems(project)
    yield from (doubtful(what, str(one.message)) for one in problems)
    snapshot = snapshot_in(project.folder)
    if snapshot is None:
        return
    today = now.astimezone(UTC).date()
    old = [one for one in snapshot.sections.values() if today - one.taken > OLD]
    for section in old:
        age = (today - section.taken).days
        text = f"{SNAPSHOT_FILE} shows Alma at {section.institution} as it was {age} days ago"
        advice = f"Run `almaflow snapshot --institution {section.institution}` and commit the file."
        yield doubtful(what, text, advice)
    if not old and not problems:
        yield good(what, f"{SNAPSHOT_FILE} is from the last {OLD.days} days")
