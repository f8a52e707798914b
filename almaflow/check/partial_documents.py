"""A workflow that does not fit the models, without the parts that do not.

So one reading reports the wrong key of one step and the wrong name in another. What is left out is
remembered, because nothing certain is known about what refers to it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import field
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from almaflow.check.traversal import data_at, written_steps
from almaflow.check.wrong_names import names_of_other_tools
from almaflow.document import Document, PathTo
from almaflow.field_types import Plain
from almaflow.foreign_keys import INPUTS
from almaflow.late_dataclasses import dataclass
from almaflow.steps.base import StepBase
from almaflow.workflow import KINDS, Workflow

# Each time something is left out; what then still does not fit is beyond help.
TRIES = 6
# A file with more that does not fit is not a workflow; leaving out piece by piece would take long.
MOST_MISFITS = 200

# What replaces an entry that is left out, so that those after it keep their places.
_STAND_INS: dict[str, Any] = {
    "step": {"stop": {}},
    "inputs": {"default": ""},
    "schedule": {"every": "1d"},
    "notify": {"on": ["failed"]},
}

# What may be one entry in place of a list.
_SEVERAL = (("schedule",), ("notify",))

# What replaces a key that is needed and does not fit, so that the steps inside are kept.
_NEEDED: dict[PathTo, Any] = {
    ("for_each", "items"): [],
    ("branch", "on"): "''",
    ("branch", "cases"): {},
}


@dataclass(frozen=True)
class Repaired:
    """What of a document fits, and what is not known because of what does not.

    *lost_steps* are the ids of all steps, those left out too, and of other things; *lost_inputs*
    are names, *foreign_names* those of results in a form of other tools; at *replaced* is something
    that is not in the file.
    """

    workflow: Workflow
    lost_steps: frozenset[str]
    lost_inputs: frozenset[str]
    foreign_names: frozenset[str]
    replaced: frozenset[PathTo]


def repair(document: Document) -> Repaired | None:
    """Return what fits of *document*; None when too little does."""
    if not isinstance(document.data, dict):
        return None
    work = _Repair(document, dict(written_steps(Workflow, document.data)), document.data)
    for _ in range(TRIES):
        try:
            workflow = Workflow.model_validate(work.data)
        except ValidationError as error:
            if error.error_count() > MOST_MISFITS:
                return None
            for detail in error.errors(include_url=False, include_input=False):
                work.leave_out(work.existing(detail["loc"]), detail)
        else:
            return Repaired(
                workflow,
                frozenset((*_ids_in(document.data), *_names_as_keys(work.steps.values()))),
                frozenset((*work.lost_inputs, *_inputs_elsewhere(document.data))),
                frozenset(names_of_other_tools(work.steps.values())),
                frozenset(work.replaced),
            )
    return None


def _ids_in(data: Any) -> Iterator[str]:
    """Yield every `id` in *data*; steps under a misspelt key are steps, too."""
    waiting = [data]
    while waiting:
        current = waiting.pop()
        if isinstance(current, dict):
            name = current.get("id")
            if isinstance(name, str | Plain):
                yield str(getattr(name, "text", name))
            waiting.extend(current.values())
        elif isinstance(current, list):
            waiting.extend(current)


def _names_as_keys(steps: Iterable[Any]) -> Iterator[str]:
    """Yield the keys of *steps* that have a whole step below them, and so are its name."""
    kinds = KINDS.keys()
    for step in steps:
        for key, value in step.items():
            if key not in kinds and isinstance(value, dict) and kinds & value.keys():
                yield key


def _inputs_elsewhere(data: dict[str, Any]) -> Iterator[str]:
    """Yield the names of inputs that a file declares in the form or at the place of other tools."""
    triggers = data.get("on")
    inside = triggers.values() if isinstance(triggers, dict) else ()
    places = [one.get("inputs") for one in inside if isinstance(one, dict)]
    declared = data.get("inputs")
    if isinstance(declared, list):
        places.append(declared)
    for place in (*places, *(data.get(key) for key in INPUTS.split())):
        if isinstance(place, dict):
            yield from place
        elif isinstance(place, list):
            named = (one.get("name", one.get("id")) for one in place if isinstance(one, dict))
            yield from (name for name in named if isinstance(name, str))


@dataclass
class _Repair:
    """The data of *document* while parts are left out; *steps* are all its steps by path."""

    document: Document
    steps: dict[PathTo, Any]
    data: Any
    lost_inputs: set[str] = field(default_factory=set)
    replaced: set[PathTo] = field(default_factory=set)

    def existing(self, location: Collection[str | int]) -> PathTo:
        """Return the part of pydantic's path that is in the document."""
        path: PathTo = ()
        for element in location:
            if self.document.has((*path, element)):
                path = (*path, element)
        return path

    def leave_out(self, path: PathTo, detail: ErrorDetails) -> None:
        """Leave out as little as possible of what does not fit at *path*, as *detail* says."""
        kind = detail["type"]
        if path[:1] == ("inputs",) and len(path) > 1:
            self.lost_inputs.add(str(path[1]))
        step = next((path[:end] for end in range(len(path), 0, -1) if path[:end] in self.steps), ())
        if kind == "extra_forbidden":
            self._remove(path)
        elif step:
            self._leave_out_of_step(path, step, detail)
        elif path[:1] in _SEVERAL and not isinstance(data_at(self.data, path[:1]), list):
            self._remove(path[:1])
        elif len(path) > 1 and path[0] in _STAND_INS:
            whole = kind == "missing" or len(path) == 2 or path[0] != "schedule"
            if whole:
                self._replace(path[:2], _STAND_INS[str(path[0])])
            else:
                self._remove(path[:3])
        else:
            self._remove(path[:1])

    def _leave_out_of_step(self, path: PathTo, step: PathTo, detail: ErrorDetails) -> None:
        inside = path[len(step) :]
        needed = (*inside, detail["loc"][-1]) if detail["type"] == "missing" else inside[:2]
        if detail["type"] == "retry_of_steps":
            self._remove((*step, "retry"))
        elif inside and inside[0] in StepBase.common_keys():
            self._remove((*step, inside[0]))
        elif needed in _NEEDED:
            self._set((*step, *needed), _NEEDED[needed])
        elif len(inside) > 1 and detail["type"] != "missing":
            self._remove((*step, *inside[:2]))
        else:
            self._replace(step, _STAND_INS["step"])

    def _replace(self, path: PathTo, value: Any) -> None:
        self.replaced.add(path)
        self.data = _with(self.data, path, value)

    def _set(self, path: PathTo, value: Any) -> None:
        """Put *value* where nothing is, or something that does not fit."""
        inside = data_at(self.data, path[:-1])
        if isinstance(inside, dict):
            self.data = _with(self.data, path[:-1], {**inside, path[-1]: value})

    def _remove(self, path: PathTo) -> None:
        parent = data_at(self.data, path[:-1])
        if path and isinstance(parent, dict):
            rest = {key: value for key, value in parent.items() if key != path[-1]}
            self.data = _with(self.data, path[:-1], rest)


def _with(data: Any, path: PathTo, value: Any) -> Any:
    """Return a copy of *data* that has *value* at *path*; without such a place, *data*."""
    if not path:
        return value
    first, rest = path[0], path[1:]
    if isinstance(data, dict) and first in data:
        return {**data, str(first): _with(data[str(first)], rest, value)}
    if isinstance(data, list):
        return [
            _with(one, rest, value) if place == first else one for place, one in enumerate(data)
        ]
    return data
