"""The names that can be used at each place of a workflow, with their types (design §15)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from almaflow.document import Document, PathTo
from almaflow.expressions import (
    ANYTHING,
    BOOLEAN,
    DATE,
    INSTANT,
    NOTHING,
    NUMBER,
    TEXT,
    ExpressionSyntax,
    ListType,
    MaybeMissing,
    RecordType,
    Type,
    parse_template,
    type_of,
)
from almaflow.field_types import Plain, Template
from almaflow.steps.base import Kind, StepBase
from almaflow.steps.common_outputs import ALWAYS_THERE, COMMON_OUTPUTS
from almaflow.steps.which_kind import is_parallel
from almaflow.workflow import Input

INPUT_TYPES: Mapping[str, Type] = {
    "string": TEXT,
    "integer": NUMBER,
    "number": NUMBER,
    "boolean": BOOLEAN,
    "date": DATE,
    "list": ListType(ANYTHING),
}

_RUN: Mapping[str, Type] = {
    "id": TEXT,
    "name": TEXT,
    "key": TEXT,
    "attempt": NUMBER,
    "started_at": INSTANT,
    "scheduled_at": INSTANT,
}
_ENDED: Mapping[str, Type] = {"outcome": TEXT, "error": TEXT}

RUN = RecordType(
    _RUN,
    "field of run",
    dict.fromkeys(_ENDED, "it is known only after the steps have ended, in `finally`"),
)
RUN_ENDED = RecordType({**_RUN, **_ENDED}, "field of run")

NO_STEPS = "no step has run yet when the inputs and `vars` are evaluated"
NO_SECRETS = (
    "a secret is allowed only in a value that is sent to Alma or in a notification and is not "
    "stored: the `parameters` of a job, the `query` or `description` of a set, the `message` "
    "of `notify`"
)


def input_type(declared: Input) -> Type:
    """Return the type of an input's value."""
    return INPUT_TYPES[declared.type]


def value_type(value: Any, scope: RecordType) -> Type:
    """Return the type of a value of `vars`: a template, which sees *scope*, a scalar, a
    mapping or a list.
    """
    match value:
        case Template():
            try:
                return type_of(parse_template(value.text), scope)
            except ExpressionSyntax:
                return ANYTHING
        case Plain(value=bool()):
            return BOOLEAN
        case Plain(value=int() | float()):
            return NUMBER
        case Plain(value=None):
            return NOTHING
        case Plain():
            return TEXT
        case dict():
            return RecordType({key: value_type(one, scope) for key, one in value.items()}, "key")
    types = [value_type(one, scope) for one in value]
    return ListType(types[0] if types and all(one == types[0] for one in types) else ANYTHING)


def outputs_of(kind: Kind) -> RecordType:
    """Return what `steps.x` of a step that does *kind* is."""
    absent = kind.unavailable_outputs()
    own = {name: type_ for name, type_ in kind.output_types().items() if name not in absent}
    return RecordType({**COMMON_OUTPUTS, **own}, f"output of {kind.key}", absent)


def maybe_missing(outputs: Type, step: str, why: str) -> Type:
    """Return the outputs of a step that may not have run."""
    if not isinstance(outputs, RecordType):
        # Nothing is known of a step that could not be read.
        return outputs
    fields = {
        name: type_ if name in ALWAYS_THERE else MaybeMissing(type_, step, why)
        for name, type_ in outputs.fields.items()
    }
    return RecordType(fields, outputs.noun, outputs.absent, outputs.open)


class VisibleSteps:
    """The steps that can be seen from one place, while the checker goes through the file.

    *places* are the paths of all steps with an id, *steps* all steps by their paths; *lost* are
    ids of steps that could not be read. What has been passed is visible. What a body holds is
    removed when the body ends, so that the next one does not see it, and put back after the
    last; what an iteration holds is not.
    """

    def __init__(
        self,
        document: Document,
        places: Mapping[str, PathTo],
        steps: Mapping[PathTo, StepBase],
        lost: Collection[str],
    ) -> None:
        self.fields: dict[str, Type] = dict.fromkeys(lost, ANYTHING)
        self._document = document
        self._places = places
        self._steps = steps
        self.here: PathTo = ()

    def record(self, uncertain: Collection[str] = ()) -> RecordType:
        """Return `steps` as it is seen from `here`, some of them *uncertain*."""
        fields: Mapping[str, Type] = self.fields
        if uncertain:
            fields = {
                name: maybe_missing(one, name, "") if name in uncertain else one
                for name, one in fields.items()
            }
        return RecordType(fields, "step", _Absent(self))

    def add(self, step: StepBase, outputs: Type) -> None:
        """Let a step that has been passed be seen."""
        if step.id is None:
            return
        if step.if_ is not None:
            outputs = maybe_missing(outputs, step.id, "the step has an `if` and may not have run")
        elif why := step.kind.may_do_nothing():
            outputs = maybe_missing(outputs, step.id, why)
        self.fields[step.id] = outputs

    def mark(self) -> int:
        """Return where `take` begins."""
        return len(self.fields)

    def take(self, mark: int) -> dict[str, Type]:
        """Hide what was added since *mark* and return it."""
        removed = [self.fields.popitem() for _ in range(len(self.fields) - mark)]
        return dict(reversed(removed))

    def put_back(self, fields: Mapping[str, Type], why: str) -> None:
        """Let steps be seen again; *why* they may not have run, empty when they have."""
        for name, outputs in fields.items():
            self.fields[name] = maybe_missing(outputs, name, why) if why else outputs

    def why_not(self, step: str) -> str:
        """Return the clause that says why *step*, which exists, cannot be seen from `here`."""
        path = self._places[step]
        line = self._document.location_of(path).line
        shared = next(
            (
                depth
                for depth, (mine, its) in enumerate(zip(self.here, path, strict=False))
                if mine != its
            ),
            min(len(self.here), len(path)),
        )
        if path == self.here:
            itself = self._steps.get(path)
            has_expect = itself is not None and hasattr(itself.kind, "expect")
            own = "; its own `expect` names them without the step, such as `status`"
            return (
                "it is this step itself, and its outputs are known only after it has ended"
                f"{own if has_expect else ''}"
            )
        if shared == len(path):
            return f"this step is inside it (line {line}), so it has not ended yet"
        if shared == len(self.here):
            return f"it is inside this step (line {line}) and has not run yet"
        if shared == 0 and self.here[0] == "steps":
            return f"it is in `{path[0]}` (line {line}), which comes later"
        mine, its = self.here[shared], path[shared]
        if isinstance(mine, int) and isinstance(its, int) and its > mine:
            return f"it comes later, in line {line}"
        return self._why_not_within(path, shared, line)

    def _why_not_within(self, path: PathTo, shared: int, line: int) -> str:
        """Return why a step that comes before `here` cannot be seen: what it is inside of."""
        for end in range(shared, len(path)):
            around = self._steps.get(path[:end])
            if around is not None and any(block.own_scope for block in around.kind.blocks()):
                opens_at = self._document.location_of(path[:end]).line
                named = f"use `steps.{around.id}.results`"
                unnamed = "give that step an `id` and use its `results`"
                return (
                    f"it is inside the `{around.kind.key}` in line {opens_at}, and its steps can "
                    f"be used only inside; {(named if around.id else unnamed)}"
                )
        inside = self._steps.get(path[: shared - 1])
        if inside is not None and is_parallel(inside.kind):
            return (
                f"it is in the branch `{path[shared]}` (line {line}), and the branches of "
                "`parallel` cannot see each other"
            )
        return f"it is in another arm (line {line}), and only one of the two arms runs"


class _Absent(Mapping[str, str]):
    """The steps that cannot be seen, each with the reason, evaluated when it is asked for."""

    def __init__(self, visible: VisibleSteps) -> None:
        self._visible = visible

    def __getitem__(self, name: str) -> str:
        if name in self._visible.fields or name not in self._visible._places:
            raise KeyError(name)
        return self._visible.why_not(name)

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._visible._places if name not in self._visible.fields)

    def __len__(self) -> int:
        return sum(1 for _ in self)
