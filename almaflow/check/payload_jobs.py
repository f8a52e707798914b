"""The job that a `submit_job` names: a scheduled one, or another one than that of its payload."""

from __future__ import annotations

from almaflow.alma.payload import Payload
from almaflow.check.collector import ProblemCollector
from almaflow.document import PathTo
from almaflow.problems import Severity
from almaflow.steps.submit_job import SubmitJob
from almaflow.yaml_in_line import in_line

# How the names of the jobs of publishing profiles begin.
_PUBLISHING = "Publishing Platform Job"


def check_scheduled(notes: ProblemCollector, path: PathTo, kind: SubmitJob) -> None:
    """Note a scheduled job in the `submit_job` at *path*; its parameters are in a profile."""
    name = " ".join((kind.job.name or "").split())
    if kind.job.id is None and name.casefold().startswith(_PUBLISHING.casefold()):
        profile = in_line(name[len(_PUBLISHING) :].strip())
        notes.at(
            (*path, "job"),
            "scheduled-job",
            f"`{name}` is the job of a publishing profile, and `submit_job` is for manual jobs. "
            f"Write `run_profile: {{publishing: {profile}}}` instead.",
            Severity.WARNING,
        )
    if kind.job.id is None or not kind.job.id.startswith("S"):
        return
    notes.at(
        (*path, "job"),
        "scheduled-job",
        f"{kind.job.id} is a scheduled job, and `submit_job` is for manual jobs. The parameters of "
        "a scheduled job are in its profile: write `run_profile: {integration: CODE}`, "
        "`run_profile: {import: NAME}` or `run_profile: {publishing: NAME}` instead.",
        Severity.WARNING,
    )


def check_payload_job(
    notes: ProblemCollector, path: PathTo, kind: SubmitJob, payload: Payload
) -> None:
    """Note a payload of another job than that of the step at *path*, and one laid out again."""
    place = (*path, "payload")
    if kind.job.id and payload.job and kind.job.id != payload.job:
        notes.at(
            place,
            "payload-of-other-job",
            f"The payload `{kind.payload}` is of job {payload.job}, but the step submits "
            f"{kind.job.id}. Write `job: {payload.job}`, or use a payload of {kind.job.id}.",
        )
    if names := payload.laid_out():
        notes.at(
            place,
            "line-breaks",
            f"In the payload `{kind.payload}` the value of "
            f"{', '.join(f'`{name}`' for name in names)} begins or ends with a line break, which "
            "Alma would get as part of it. If an editor added the line break, remove it.",
            Severity.WARNING,
        )


def check_inline_payload(notes: ProblemCollector, path: PathTo, name: str) -> bool:
    """Note a payload that was written at *path*, where the *name* of its file is expected."""
    if not name.lstrip().startswith(("<", "{", "[")):
        return False
    notes.at(
        path,
        "inline-payload",
        "`payload` is the name of a file, not the payload itself. Save this text in a file and "
        "write its name, such as `payload: payload.xml`. `almaflow import-payload` turns a payload "
        "into `parameters`.",
    )
    return True
