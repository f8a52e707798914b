"""Lists of steps inside steps: items of a `for_each`, its `results`, what is not reached."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from almaflow.check.collector import ProblemCollector
from almaflow.check.scopes import maybe_missing, value_type
from almaflow.document import PathTo
from almaflow.expressions import (
    ANYTHING,
    DURATION,
    TEXT,
    ExpressionSyntax,
    ListType,
    MaybeMissing,
    RecordType,
    Type,
    is_function,
    parse_expression,
    type_of,
)
from almaflow.expressions.types import KINDS, item_of
from almaflow.steps.base import StepBase
from almaflow.steps.tree import StepNode, walk
from almaflow.steps.which_kind import is_for_each, is_stop

if TYPE_CHECKING:
    from almaflow.steps.for_each import ForEach

_MAY_NOT_HAVE_BEGUN = "after a failure no further iteration starts (`on_failure: continue`)"


def check_item_name(
    notes: ProblemCollector,
    path: PathTo,
    kind: ForEach,
    used: Collection[str],
    items: Mapping[str, int],
) -> None:
    """Note a name of the item that means something else already.

    *path* is that of the `for_each`; *used* are the names that can be used there, *items*
    those of the items around it, each with the line of its `for_each`.
    """
    name = kind.as_
    place = (*path, "as")
    note = notes.at if notes.document.has(place) else notes.at_key
    place = place if notes.document.has(place) else path
    if name in items:
        message = (
            f"`{name}` is already the name of an item: that of the `for_each` around this one "
            f"(line {items[name]}). Use `as` to give one of the two another name."
        )
    elif name in used or name == "secrets" or is_function(name):
        message = (
            f"`{name}` has another meaning in expressions. Give the item another name, such as "
            "`library`."
        )
    elif not _is_name(name):
        message = f"`{name}` is a reserved word in expressions. Choose another name."
    else:
        return
    note(place, "name-taken", message)


def _is_name(text: str) -> bool:
    """Whether an expression of nothing but *text* is a name."""
    try:
        return type_of(parse_expression(text), RecordType({text: DURATION}, "name")) == DURATION
    except ExpressionSyntax:
        return False


def item_type(notes: ProblemCollector, path: PathTo, kind: ForEach, scope: RecordType) -> Type:
    """Return the type of the item of the `for_each` at *path*; notes what is not a list."""
    if isinstance(kind.items, list):
        return item_of(value_type(kind.items, scope))
    try:
        type_ = type_of(parse_expression(kind.items.text), scope)
    except ExpressionSyntax:
        return ANYTHING
    if type_.kind not in ("", "list", "counters"):
        notes.at(
            (*path, "items"),
            "not-a-list",
            f"`items` needs a list, but `{kind.items.text}` is {KINDS[type_.kind]}.",
        )
    return item_of(type_)


def results_of(step: StepBase, item: Type, given: Mapping[str, Type]) -> ListType:
    """Return the type of a `for_each`'s `results`; *given* are the outputs of the steps inside."""
    assert is_for_each(step.kind)
    name = step.id or ""
    left_out = not_reached(step.kind.steps)
    steps: dict[str, Type] = {}
    for inside, outputs in given.items():
        if inside in left_out:
            outputs = maybe_missing(outputs, name, "an iteration may have ended before that step")
        steps[inside] = _asked_of(outputs, name)
        if step.on_failure == "continue":
            # Of an iteration that has not begun nothing is known, not even an outcome.
            steps[inside] = MaybeMissing(steps[inside], name, _MAY_NOT_HAVE_BEGUN)
    fields = {"item": item, "outcome": TEXT, "steps": RecordType(steps, "step of an iteration")}
    return ListType(RecordType(fields, "part of a result"))


def _asked_of(outputs: Type, step: str) -> Type:
    """Return *outputs*, where what may be missing is asked for through *step*."""
    if not isinstance(outputs, RecordType):
        return outputs
    fields = {
        name: MaybeMissing(type_.of, step, type_.why) if isinstance(type_, MaybeMissing) else type_
        for name, type_ in outputs.fields.items()
    }
    return RecordType(fields, outputs.noun, outputs.absent, outputs.open)


def may_be_skipped(steps: Sequence[StepBase]) -> bool:
    """Whether one of *steps*, such as a `check … otherwise: skip`, may end them as skipped."""
    return any(node.step.kind.may_end_block() for node in walk(steps, shared=True))


def not_reached(steps: Sequence[StepBase]) -> set[str]:
    """Return the ids of those that are not reached when a block of *steps* ends early."""
    ids: set[str] = set()
    early = False
    for step in steps:
        within = [node.step for node in StepNode(step, "").walk(shared=True)]
        left_out = within if early or step.kind.may_end_block() else within[1:]
        early = early or any(is_stop(one.kind) or one.kind.may_end_block() for one in within)
        if early:
            ids.update(one.id for one in left_out if one.id is not None)
    return ids
