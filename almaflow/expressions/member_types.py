"""What the types of an expression mean for its names, and the problems found there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import nodes

from almaflow.expressions.attributes import no_attribute
from almaflow.expressions.filters import FILTERS
from almaflow.expressions.findings import ExpressionProblem
from almaflow.expressions.meant_names import meant_name, meant_operation, meant_output
from almaflow.expressions.methods import ATTRIBUTES
from almaflow.expressions.parsed import Piece
from almaflow.expressions.parser import keywords
from almaflow.expressions.predicates import ASKS_WHETHER_DEFINED
from almaflow.expressions.types import ANYTHING, MaybeMissing, RecordType, Type, certain, item_of
from almaflow.late_patterns import late_pattern
from almaflow.problems import did_you_mean

# Filters that take the name of a part of each element in front of other arguments.
_NAMED_FIRST = frozenset({"selectattr", "rejectattr", "sum"})
# Filters after which only some elements are left, perhaps those that have a part.
_CHOOSE = frozenset({"selectattr", "rejectattr", "select", "reject"})

_CHAIN = late_pattern(r"\w+(?:\.\w+)*")
# Nobody reads more about one expression; a suggestion for each of a thousand takes seconds.
MOST_NOTES = 20


Before = nodes.Node | str | None
"""What precedes a dot: a part of the expression, or words for it; None: nothing does."""


class Noting:
    """Looks names up in what is known of a value, and collects what is wrong in *notes*."""

    def __init__(self, piece: Piece, guarded: frozenset[str]) -> None:
        self.piece = piece
        self.guarded = guarded
        self.notes: list[ExpressionProblem] = []
        self._tolerant = 0

    def _member(self, owner: Type, name: str, before: Before, place: tuple[int, int]) -> Type:
        """Return the type of what follows the dot; *before* is what precedes it."""
        if isinstance(owner, RecordType):
            return self._field(owner, name, before, place)
        known = ATTRIBUTES.get(owner.kind, {}).get(name)
        if known is not None or not owner.kind or (owner.kind == "nothing" and self._tolerant):
            return known or ANYTHING
        message = no_attribute(owner.kind, name)
        if owner.kind == "counters" and (chain := self._chain(place)).startswith("c.jobs."):
            before_it = self.piece.written(before) if isinstance(before, nodes.Node) else "counters"
            message = f"A counter is read by its name: write `{before_it}.number('{chain}')`."
        self._add(place, "unknown-attribute", message)
        return ANYTHING

    def _chain(self, place: tuple[int, int]) -> str:
        """Return the name at *place* with all that follows it after dots."""
        match = _CHAIN.match(self.piece.source, place[0])
        return match[0] if match else ""

    def _part_of_each(self, type_: Type, named: nodes.Const, node: nodes.Filter) -> Type:
        """Return the type of the part that *named*, such as `steps.job.status`, is of a value."""
        place = self.piece.span(named)
        for name in named.value.split("."):
            if isinstance(type_, MaybeMissing):
                self._check_each_has(node, named, type_)
            type_ = certain(type_)
            if name.isdecimal() and not isinstance(type_, RecordType):
                type_ = item_of(type_)
            else:
                type_ = self._member(type_, name, "the element", place)
        if isinstance(type_, MaybeMissing):
            self._check_each_has(node, named, type_)
        return certain(type_)

    def _check_each_has(self, node: nodes.Filter, named: nodes.Const, type_: MaybeMissing) -> None:
        if self._tolerant or type_.step in self.guarded or _allows_for_missing(node):
            return
        advice = f"selectattr('{named.value}', 'defined')` before"
        if node.name == "map":
            advice = f"map(attribute='{named.value}', default=…)`, or `{advice}"
        self._note(
            named,
            "may-not-have-run",
            f"Some elements may not have `{named.value}`, because {type_.why.rstrip('.')}. "
            f"Write `{advice}.",
        )

    def _field(self, record: RecordType, name: str, before: Before, place: tuple[int, int]) -> Type:
        if name in record.fields:
            return record.fields[name]
        # Only a message needs the text, and to find it takes longer than all the rest.
        written = self.piece.written(before) if isinstance(before, nodes.Node) else before
        whole = f"{written}.{name}" if written else name
        if name in record.absent:
            why = record.absent[name].rstrip(".")
            self._add(place, "not-usable-here", f"`{whole}` cannot be used here: {why}.")
        elif not record.open and not self._full:
            if not written:
                near = meant_name(name, record, self._chain(place))
                self._add(place, "unknown-name", f"`{name}` is not known here{near}")
            else:
                noun = record.noun
                near = did_you_mean(name, record.fields) or "."
                if noun.startswith("output of"):
                    near = meant_output(name, record, str(written))
                code = f"unknown-{noun.split()[0]}"
                self._add(place, code, f"There is no {noun} `{name}`{near}")
        return ANYTHING

    def _check_may_not_have_run(self, node: nodes.Expr, type_: MaybeMissing) -> None:
        if self._tolerant or type_.step in self.guarded:
            return
        written = self.piece.written(node)
        self._note(
            node,
            "may-not-have-run",
            f"`{written}` may be missing, because {type_.why.rstrip('.')}. Write `{written} | "
            f"default(…)`, or check `{written} is defined` in an `if` first.",
        )

    def _unknown(
        self, place: tuple[int, int], noun: str, name: str, known: Mapping[str, Any]
    ) -> None:
        if not self._full:
            near = meant_operation(noun, name, known, FILTERS)
            self._add(place, f"unknown-{noun}", f"There is no {noun} `{name}`{near}")

    def _note(self, node: nodes.Expr, code: str, message: str) -> None:
        self._add(self.piece.span(node), code, message)

    @property
    def _full(self) -> bool:
        return len(self.notes) >= MOST_NOTES

    def _add(self, place: tuple[int, int], code: str, message: str) -> None:
        if not self._full:
            self.notes.append(ExpressionProblem(code, message, *place))


def attribute_of(node: nodes.Filter) -> nodes.Const | None:
    """Return the text by which a filter names a part of each element; None when it does not."""
    names = [value for key, value in keywords(node) if key == "attribute"]
    if not names and node.name in _NAMED_FIRST:
        names = node.args[:1]
    first = names[0] if names else None
    return first if isinstance(first, nodes.Const) and isinstance(first.value, str) else None


def _allows_for_missing(node: nodes.Filter) -> bool:
    """Whether a filter has a default, asks what is there, or follows one that has chosen."""
    if any(key == "default" for key, _ in keywords(node)):
        return True
    names = node.args[1:2] if node.name in _NAMED_FIRST else []
    if any(isinstance(one, nodes.Const) and one.value in ASKS_WHETHER_DEFINED for one in names):
        return True
    before = node.node
    while isinstance(before, nodes.Filter):
        if before.name in _CHOOSE:
            return True
        before = before.node
    return False
