"""`no-expect`: a job that changes data, and nobody asks how much of it."""

from __future__ import annotations

from almaflow.check.lints.jobs import destroys, job_words, only_reads, submissions
from almaflow.check.lints.subject import Subject
from almaflow.problems import Severity
from almaflow.steps.which_kind import is_submit_job

# Whoever reads one of these decides what the job did.
_LOOKED_AT = ("counters", "alerts", "status", "outcome", "link")


def lint_counters(subject: Subject) -> None:
    """Note each job that changes data and whose counters no expression reads."""
    for node in submissions(subject):
        kind, id = node.step.kind, node.step.id
        assert is_submit_job(kind)
        if kind.expect or not kind.wait or only_reads(kind.job):
            continue
        if id is not None and subject.reads(id, _LOOKED_AT):
            continue
        subject.notes.at(
            (*node.keys, kind.key, "job"),
            "no-expect",
            f"COMPLETED_SUCCESS of the job {job_words(kind.job)} does not mean that records were "
            "changed, and nothing here reads its counters. Write `expect`, such as `expect: "
            "[counters.number('c.jobs.failed') == 0]`; a simulated run or the report of the last "
            "run shows the names of the counters.",
            Severity.WARNING if destroys(kind.job) else Severity.NOTE,
        )
