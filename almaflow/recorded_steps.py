"""The steps of a recorded run as far as a view of it needs them, without the language's models.

`plan.py` records this outline with a run. Reading it takes a millisecond; reading the recorded
text imports the checker, and takes longer than everything else that `almaflow show` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from almaflow.late_dataclasses import dataclass

if TYPE_CHECKING:
    from almaflow.steps.base import StepBase
    from almaflow.store import RunRecord
    from almaflow.workflow import Workflow

FORMAT = 1
"""In which way runs are recorded. Runs in an earlier format are read too, and later ones are left
alone: a newer almaflow recorded them."""

OLDEST_FORMAT: Final = 1
"""The earliest format that can be read."""

OUTLINE = "outline"
"""The key of the outline in the definition of a run; runs of before have none."""


def is_readable(format: int) -> bool:
    """Whether this version can continue a run that was recorded in *format*."""
    return OLDEST_FORMAT <= format <= FORMAT


def unreadable(record: RunRecord) -> str:
    """Return why this version cannot continue a run, and what to do; empty when it can."""
    if is_readable(record.format):
        return ""
    if record.format > FORMAT:
        return (
            f"Run {record.id} was recorded by a newer almaflow (format {record.format}; this"
            f" version reads up to {FORMAT}). Update almaflow on this machine, or leave the run to"
            " a machine that has the newer version."
        )
    return (
        f"Run {record.id} was recorded by an almaflow that is too old for this one (format"
        f" {record.format}; this version reads from {OLDEST_FORMAT} on). Finish it with that"
        " version."
    )


def outline_of(workflow: Workflow) -> dict[str, Any]:
    """Return the steps of *workflow*, and those inside them, as JSON data."""
    return {"steps": _listed(workflow.steps), "finally": _listed(workflow.finally_)}


def _listed(steps: Iterable[StepBase]) -> list[dict[str, Any]]:
    return [_step(step, number) for number, step in enumerate(steps, start=1)]


def _step(step: StepBase, number: int) -> dict[str, Any]:
    blocks = [{"name": one.name, "steps": _listed(one.steps)} for one in step.kind.blocks()]
    facts = {
        "label": step.label(number),
        "kind": step.kind.key,
        "name": step.name,
        "continues": step.on_failure == "continue",
        "calls": str(getattr(step.kind, "workflow", "")) if step.kind.key == "call" else "",
        "blocks": blocks,
    }
    return {key: value for key, value in facts.items() if value}


@dataclass(frozen=True)
class RecordedBlock:
    """A list of steps inside a step; *name* is its part of the paths."""

    name: str
    steps: tuple[RecordedStep, ...]


@dataclass(frozen=True)
class RecordedKind:
    """The kind of a recorded step: its key, the lists inside, and the workflow that it calls."""

    key: str
    workflow: str
    inside: tuple[RecordedBlock, ...]

    def blocks(self) -> Iterator[RecordedBlock]:
        """The lists of steps inside this one."""
        return iter(self.inside)


@dataclass(frozen=True)
class RecordedStep:
    """One step of an outline."""

    path_part: str
    kind: RecordedKind
    name: str | None
    on_failure: str

    @property
    def id(self) -> str | None:
        """Its `id`, which has no hyphen as the label of a step without one has."""
        return None if "-" in self.path_part else self.path_part

    def label(self, place: int) -> str:
        """Return the step's part of a path."""
        return self.path_part


@dataclass(frozen=True)
class RecordedWorkflow:
    """The steps of one workflow of a recorded run."""

    steps: tuple[RecordedStep, ...]
    finally_: tuple[RecordedStep, ...]


def recorded_workflow(outline: Mapping[str, Any]) -> RecordedWorkflow:
    """Return the steps that `outline_of` made data of."""
    return RecordedWorkflow(_read(outline["steps"]), _read(outline["finally"]))


def _read(steps: Iterable[Mapping[str, Any]]) -> tuple[RecordedStep, ...]:
    return tuple(map(_recorded, steps))


def _recorded(facts: Mapping[str, Any]) -> RecordedStep:
    inside = (RecordedBlock(one["name"], _read(one["steps"])) for one in facts.get("blocks", ()))
    return RecordedStep(
        facts["label"],
        RecordedKind(facts["kind"], facts.get("calls", ""), tuple(inside)),
        facts.get("name"),
        "continue" if facts.get("continues") else "stop",
    )
