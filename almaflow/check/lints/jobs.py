"""What jobs do to data, as far as their ids and names tell.

Source of the ids: the jobs of one institution's API; ids of manual jobs are the same everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from almaflow.check.lints.subject import Subject
from almaflow.steps.tree import StepNode
from almaflow.steps.which_kind import is_submit_job

if TYPE_CHECKING:
    from almaflow.steps.submit_job import JobReference

_DESTRUCTIVE = {
    "M10": "Cancel physical items requests",
    "M11": "Cancel physical titles requests",
    "M28": "Delete Bibliographic records",
    "M32": "Delete Holdings records with no Physical items",
    "M33": "Delete local Authority records",
    "M34": "Delete Electronic portfolios",
    "M157": "Withdraw items",
}
# Titles that leave a collection are still there.
_DESTROYS = re.compile(
    r"\b(delet|withdraw|remov|purg|discard|weed|cancel|anonymi[sz])(?!.*from collection)", re.I
)
# Jobs that only read, so that nothing but their files could be wrong.
_READING = {"M43", "M44", "M46", "M47", "M48", "M49"}
_READS = re.compile(r"\b(export|print|report|label|analy[sz]|identify|list)", re.I)


def destroys(job: JobReference) -> bool:
    """Whether a job deletes or cancels what it works on: by its id, else by its name."""
    if job.id is not None and job.id in _DESTRUCTIVE:
        return True
    return bool(job.name and _DESTROYS.search(job.name))


def only_reads(job: JobReference) -> bool:
    """Whether a job changes nothing in Alma."""
    if job.id is not None and job.id in _READING:
        return True
    return bool(job.name and _READS.search(job.name) and not destroys(job))


def job_words(job: JobReference) -> str:
    """Return what messages call a job."""
    name = job.name or _DESTRUCTIVE.get(job.id or "")
    if job.id is None:
        return f"`{name}`"
    return f"{job.id} ({name})" if name else job.id


def changes_data(subject: Subject) -> bool:
    """Whether a workflow starts a job that may change something in Alma."""
    kinds = [node.step.kind for node in submissions(subject)]
    return any(is_submit_job(kind) and not only_reads(kind.job) for kind in kinds)


def submissions(subject: Subject) -> Iterator[StepNode]:
    """Yield the steps that submit a manual job and have no error."""
    return (
        node
        for node in subject.nodes
        if is_submit_job(node.step.kind) and not subject.broken.in_step(node.keys)
    )
