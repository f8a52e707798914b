"""Names of parameters that a job is not known to have; a name that is sent anyway is no error."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from almaflow.check.collector import ProblemCollector
from almaflow.check.near_parts import near_part
from almaflow.document import PathTo
from almaflow.problems import Severity
from almaflow.steps.submit_job import SET_ID, SubmitJob

_ALWAYS = (SET_ID, "job_name")


def check_names_known(
    notes: ProblemCollector,
    path: PathTo,
    kind: SubmitJob,
    known: Collection[str],
    source: str,
    *,
    only_slips: bool = False,
) -> None:
    """Note the parameters of the `submit_job` at *path* that are not *known*, says the *source*.

    *only_slips*: only those that resemble a known one, because a step may add parameters.
    """
    for place, name, is_key in _written(path, kind):
        if name in known or name in _ALWAYS:
            continue
        near = _near(name, known)
        if only_slips and not near:
            continue
        hint = f"; did you mean `{near}`?" if near else "."
        note = notes.at_key if is_key else notes.at
        note(
            place,
            "parameter-not-known",
            f"`{name}` is not among the {len(known)} parameters of {source}{hint} Alma ignores or "
            "refuses a parameter that the job does not have.",
            Severity.WARNING,
        )


def _near(name: str, known: Collection[str]) -> str:
    """Return the known name that resembles *name*, or has it as its middle part; else nothing."""
    near = near_part(name, known, "_")
    folded = name.casefold()
    having = [one for one in known if folded in one.casefold().split("_")]
    return near or (having[0] if len(having) == 1 else "")


def _written(path: PathTo, kind: SubmitJob) -> Iterator[tuple[PathTo, str, bool]]:
    inside = (*path, "parameters")
    if isinstance(kind.parameters, dict):
        for name in kind.parameters:
            yield (*inside, name), name, True
        return
    for index, one in enumerate(kind.parameters):
        yield (*inside, index, "name"), one.name, False
