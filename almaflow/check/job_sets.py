"""The set that a job works on: missing, empty, or named more than once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from almaflow.alma.wire import JobParameter
from almaflow.check.collector import ProblemCollector
from almaflow.check.set_values import check_id
from almaflow.check.traversal import data_at
from almaflow.document import PathTo
from almaflow.foreign_words import advice_of, normal
from almaflow.problems import Severity
from almaflow.steps.base import StepBase
from almaflow.steps.submit_job import SET_ID, JobReference, SubmitJob

# Jobs that work on a set, by the ids that are the same everywhere. Ids and names are those of one
# institution's API; that the jobs need a set is concluded from their categories (EXPORT,
# INFORMATION_UPDATE, ITEM_WITHDRAW …), and of M148 from public scripts, so it is a warning only.
SET_JOBS: Mapping[str, str] = {
    "M10": "Cancel physical items requests",
    "M11": "Cancel physical titles requests",
    "M12": "Change Holdings Information",
    "M14": "Change PO Lines Status",
    "M16": "Change Electronic portfolio information",
    "M17": "Change loan to claimed returned",
    "M18": "Change Physical items information",
    "M20": "Close lost loans",
    "M26": "Create Physical item move requests",
    "M27": "Create physical item work orders",
    "M28": "Delete Bibliographic records",
    "M32": "Delete Holdings records with no Physical items",
    "M33": "Delete local Authority records",
    "M34": "Delete Electronic portfolios",
    "M43": "Export Authority records",
    "M44": "Export Bibliographic records",
    "M46": "Export Digital titles",
    "M47": "Export Electronic portfolios",
    "M48": "Export Physical items",
    "M49": "Export Physical items labels",
    "M56": "Change Representation information",
    "M148": "Update/Notify Users",
    "M157": "Withdraw items",
    "M50215": "Add Titles to Collection",
    "M50216": "Remove Titles from Collection",
    "M50561": "Set Management Tags",
}
"""The jobs that work on a set and that every institution has, with their names."""
_BY_NAME = {" ".join(name.split()).casefold(): id for id, name in SET_JOBS.items()}


def check_set(
    notes: ProblemCollector, path: PathTo, kind: SubmitJob, steps: Mapping[str, StepBase]
) -> None:
    """Note what is wrong with the set of the `submit_job` at *path*, without its payload."""
    written = list(_written(path, kind))
    for place, value in written:
        check_id(notes, place, value, steps)
    if kind.set is not None and written:
        _note_both(notes, path, kind, *written[0])
    elif len(written) > 1:
        first = notes.document.location_of(written[0][0]).line
        notes.at(
            written[1][0],
            "set-twice",
            f"`set_id` is in line {first} already, and a job works on one set; remove one of the "
            "two lines.",
        )
    elif written and not written[0][1].strip():
        notes.at(
            written[0][0],
            "empty-set",
            "`set_id` is empty, and Alma would refuse the job. Write the id of the set, or remove "
            "the parameter and write `set`.",
        )
    elif kind.set is None and not written and kind.payload is None:
        _note_missing(notes, path, kind)


def check_payload_set(
    notes: ProblemCollector, path: PathTo, kind: SubmitJob, payload: Sequence[JobParameter]
) -> None:
    """Note a payload without the set that its job, at *path*, needs, or with an empty one."""
    if kind.set is not None or any(_written(path, kind)):
        return
    ids = [one.value for one in payload if one.name == SET_ID]
    if not ids:
        _note_missing(notes, path, kind)
    elif not ids[-1].strip():
        notes.at(
            (*path, "payload"),
            "empty-set",
            f"The payload `{kind.payload}` has an empty `set_id`, and Alma would refuse the job. "
            "Write `set` next to `payload`, with the id of the set, or fill it in there.",
        )
    elif len(ids) > 1:
        notes.at(
            (*path, "payload"),
            "set-twice",
            f"The payload `{kind.payload}` has `set_id` {len(ids)} times, and a job works on one "
            "set; write `set` next to `payload`, which replaces all of them.",
        )


def _note_both(
    notes: ProblemCollector, path: PathTo, kind: SubmitJob, place: PathTo, value: str
) -> None:
    assert kind.set is not None
    line = notes.document.location_of((*path, "set")).line
    notes.at(
        place,
        "set-twice",
        f"`set_id` is `{value}` here, and `set` in line {line} is `{kind.set.text}`; both name the "
        "set that the job works on. Keep `set` and remove `set_id`, or the other way round.",
    )


def _note_missing(notes: ProblemCollector, path: PathTo, kind: SubmitJob) -> None:
    job = _set_job(kind.job)
    if job and not _is_misfit(notes, path, kind):
        notes.at(
            (*path, "job"),
            "no-set",
            f"The job {job} ({SET_JOBS[job]}) works on a set, and this step gives it none. Write "
            '`set`, such as `set: "{{ steps.titles.set_id }}"` after a step `find_set` with '
            "`id: titles`.",
            Severity.WARNING,
        )


def _is_misfit(notes: ProblemCollector, path: PathTo, kind: SubmitJob) -> bool:
    """Whether the step has a set that does not fit, or under a wrong key: that is noted already.

    It may be in parameters that do not fit, too.
    """
    written = data_at(notes.document.data, path)
    keys = {normal(key) for key in written} if isinstance(written, dict) else set()
    has_lost = any(key in keys and not getattr(kind, key) for key in ("parameters", "payload"))
    names_set = any({"set", "sets", "setid"} & {*key.split("_")} for key in keys)
    words = advice_of(type(kind))
    return has_lost or names_set or any(words[key].meant == "set" for key in keys & words.keys())


def _set_job(job: JobReference) -> str:
    """Return the id of a job that works on a set; empty when it is not known to."""
    if job.id is not None:
        return job.id if job.id in SET_JOBS else ""
    return _BY_NAME.get(" ".join((job.name or "").split()).casefold(), "")


def _written(path: PathTo, kind: SubmitJob) -> Iterator[tuple[PathTo, str]]:
    """Yield every `set_id` among the parameters, with the path of its value."""
    inside = (*path, "parameters")
    if isinstance(kind.parameters, dict):
        if SET_ID in kind.parameters:
            yield (*inside, SET_ID), kind.parameters[SET_ID].text
        return
    for index, one in enumerate(kind.parameters):
        if one.name == SET_ID:
            yield (*inside, index, "value"), one.value.text
