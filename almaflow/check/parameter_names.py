"""Names of parameters that a job is not known to have; a name that is sent anyway is no error."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator

from almaflow.check.collector import ProblemCollector
from almaflow.document import PathTo
from almaflow.problems import Severity
from almaflow.steps.submit_job import SET_ID, SubmitJob

_ALWAYS = (SET_ID, "job_name")
# From this likeness on a name may be another one with a typing error.
_LIKENESS = 0.8


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
        near = difflib.get_close_matches(name, known, n=1, cutoff=_LIKENESS)
        if only_slips and not near:
            continue
        hint = f"; did you mean `{near[0]}`?" if near else "."
        note = notes.at_key if is_key else notes.at
        note(
            place,
            "parameter-not-known",
            f"`{name}` is not among the {len(known)} parameters of {source}{hint} Alma ignores or "
            "refuses a parameter that the job does not have.",
            Severity.WARNING,
        )


def _written(path: PathTo, kind: SubmitJob) -> Iterator[tuple[PathTo, str, bool]]:
    inside = (*path, "parameters")
    if isinstance(kind.parameters, dict):
        for name in kind.parameters:
            yield (*inside, name), name, True
        return
    for index, one in enumerate(kind.parameters):
        yield (*inside, index, "name"), one.name, False
