"""`set-of-payload`: a job that works on the set that its payload was copied with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from almaflow.check.lints.jobs import submissions
from almaflow.check.lints.subject import Subject
from almaflow.problems import Severity
from almaflow.settings import PathRefused, data_path
from almaflow.steps.which_kind import is_submit_job
from almaflow.text_files import FileUnreadable, read_bytes

if TYPE_CHECKING:
    from almaflow.steps.submit_job import SubmitJob


def lint_payload_sets(subject: Subject) -> None:
    """Note each payload whose own set counts, because the step names none."""
    for node in submissions(subject):
        kind = node.step.kind
        assert is_submit_job(kind)
        if kind.payload is None or kind.set is not None or _names_set(kind):
            continue
        set_id = _set_in(subject, kind.payload)
        if not set_id:
            continue
        what = (
            f"the set {set_id}, which was chosen when the payload was copied"
            if set_id.isdecimal() and int(set_id) and len(set(set_id)) > 1
            else f"`{set_id}`, which is not the id of a set"
        )
        subject.notes.at(
            (*node.keys, kind.key, "payload"),
            "set-of-payload",
            f"This step names no set, so the job works on {what}. Write `set` next to `payload`, "
            'such as `set: "{{ steps.titles.set_id }}"`.',
            Severity.WARNING,
        )


def _names_set(kind: SubmitJob) -> bool:
    from almaflow.steps.submit_job import SET_ID

    if isinstance(kind.parameters, dict):
        return SET_ID in kind.parameters
    return any(one.name == SET_ID for one in kind.parameters)


def _set_in(subject: Subject, name: str) -> str:
    """Return the last `set_id` of a payload; empty: none, or what is wrong is another problem."""
    from almaflow.alma.payload import LARGEST_PAYLOAD, PayloadInvalid, decode_payload, read_payload
    from almaflow.steps.submit_job import SET_ID

    path = subject.file.path
    if path is None:
        return ""
    try:
        target = data_path(subject.project.folder, name, beside=path.absolute().parent)
        payload = read_payload(decode_payload(read_bytes(target, LARGEST_PAYLOAD)))
    except (PathRefused, FileUnreadable, PayloadInvalid):
        return ""
    return next(
        (one.value.strip() for one in reversed(payload.parameters) if one.name == SET_ID), ""
    )
