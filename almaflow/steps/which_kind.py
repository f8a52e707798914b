"""Which kind a step is: asked here, no kind is imported that no file uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from almaflow.steps.append_file import AppendFile
    from almaflow.steps.approve import Approve
    from almaflow.steps.base import Kind
    from almaflow.steps.branch import Branch
    from almaflow.steps.call import Call
    from almaflow.steps.create_set import CreateSet
    from almaflow.steps.csv_rows import CsvRows
    from almaflow.steps.fetch_files import FetchFiles
    from almaflow.steps.for_each import ForEach
    from almaflow.steps.job_step import JobStep
    from almaflow.steps.notify import Notify
    from almaflow.steps.parallel import Parallel
    from almaflow.steps.run_profile import RunProfile
    from almaflow.steps.submit_job import SubmitJob
    from almaflow.steps.wait_for_run import WaitForRun


def is_job_step(kind: Kind) -> TypeGuard[JobStep]:
    """Whether it follows a job of Alma's to its end, and has the status of that."""
    return kind.follows_job


def is_append_file(kind: Kind) -> TypeGuard[AppendFile]:
    return kind.key == "append_file"


def is_approve(kind: Kind) -> TypeGuard[Approve]:
    return kind.key == "approve"


def is_branch(kind: Kind) -> TypeGuard[Branch]:
    return kind.key == "branch"


def is_call(kind: Kind) -> TypeGuard[Call]:
    return kind.key == "call"


def is_create_set(kind: Kind) -> TypeGuard[CreateSet]:
    return kind.key == "create_set"


def is_csv_rows(kind: Kind) -> TypeGuard[CsvRows]:
    return kind.key == "csv_rows"


def is_fetch_files(kind: Kind) -> TypeGuard[FetchFiles]:
    return kind.key == "fetch_files"


def is_for_each(kind: Kind) -> TypeGuard[ForEach]:
    return kind.key == "for_each"


def is_notify(kind: Kind) -> TypeGuard[Notify]:
    return kind.key == "notify"


def is_parallel(kind: Kind) -> TypeGuard[Parallel]:
    return kind.key == "parallel"


def is_stop(kind: Kind) -> bool:
    return kind.key == "stop"


def is_submit_job(kind: Kind) -> TypeGuard[SubmitJob]:
    return kind.key == "submit_job"


def names_profile(kind: Kind) -> TypeGuard[RunProfile | WaitForRun]:
    """Whether it may name an integration or import profile."""
    return kind.key in ("run_profile", "wait_for_run")
