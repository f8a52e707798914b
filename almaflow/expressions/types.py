"""What is known of a value before the run: the types that the checker reasons with.

The same words for kinds of values serve at run time (`values.kind_of`), so that both speak alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from almaflow.late_dataclasses import dataclass

# So many parts of two types are compared; a step has about 20 outputs.
_COMPARED = 10_000

KINDS: Mapping[str, str] = {
    "text": "text",
    "number": "a number",
    "boolean": "true or false",
    "instant": "a date with time",
    "date": "a date",
    "duration": "a duration",
    "list": "a list",
    "counters": "a list of counters",
    "mapping": "a mapping",
    "nothing": "nothing",
}
"""The kinds of values, each with the words that messages use for it."""

DATE_OF = ". Use `.date()` to get the date of a date with time"
"""What messages advise where a date meets a date with time."""


class Type:
    """What is known of a value."""

    @property
    def kind(self) -> str:
        """One of `KINDS`, or an empty text when nothing is known."""
        return ""


@dataclass(frozen=True)
class SimpleType(Type):
    """A type without parts."""

    of_kind: str

    @property
    def kind(self) -> str:
        return self.of_kind


TEXT = SimpleType("text")
NUMBER = SimpleType("number")
BOOLEAN = SimpleType("boolean")
INSTANT = SimpleType("instant")
DATE = SimpleType("date")
DURATION = SimpleType("duration")
NOTHING = SimpleType("nothing")
COUNTERS = SimpleType("counters")
ANYTHING = SimpleType("")


class _Composed(Type):
    """A type with parts, which are compared up to a bound.

    `vars` can be made of one another, each of the one before it twice: 30 of them have a billion
    parts. Types that are too large to be compared count as different.
    """

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Composed) and _same(self, other)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, eq=False)
class RecordType(_Composed):
    """A mapping whose keys are known.

    *noun* says what a key is, in messages: `step`, `input`, `output of submit_job`. *absent*
    are names that exist but cannot be used here, each with a clause that says why. An *open*
    record may have further keys, of any type.
    """

    fields: Mapping[str, Type]
    noun: str
    absent: Mapping[str, str] = field(default_factory=dict)
    open: bool = False

    @property
    def kind(self) -> str:
        return "mapping"


@dataclass(frozen=True, eq=False)
class ListType(_Composed):
    """A list of items of one type."""

    item: Type

    @property
    def kind(self) -> str:
        return "list"


@dataclass(frozen=True, eq=False)
class MaybeMissing(_Composed):
    """An output of a step that may not have run: fine when the expression is guarded.

    *why* is a clause that follows "because".
    """

    of: Type
    step: str
    why: str

    @property
    def kind(self) -> str:
        return self.of.kind


def _same(first: Type, second: Type) -> bool:
    waiting = [(first, second)]
    for _ in range(_COMPARED):
        if not waiting:
            return True
        one, other = waiting.pop()
        if one is other:
            continue
        match one, other:
            case (RecordType(), RecordType()):
                if _outside(one) != _outside(other):
                    return False
                waiting.extend((type_, other.fields[name]) for name, type_ in one.fields.items())
            case (ListType(), ListType()):
                waiting.append((one.item, other.item))
            case (MaybeMissing(), MaybeMissing()):
                if (one.step, one.why) != (other.step, other.why):
                    return False
                waiting.append((one.of, other.of))
            case _:
                if not isinstance(one, SimpleType) or one != other:
                    return False
    return False


def _outside(record: RecordType) -> tuple[object, ...]:
    return record.noun, record.open, dict(record.absent), record.fields.keys()


COUNTER = RecordType({"key": TEXT, "label": TEXT, "value": TEXT}, "part of a counter")


def certain(type_: Type) -> Type:
    """Return what a `MaybeMissing` is when it is there; other types are themselves."""
    return certain(type_.of) if isinstance(type_, MaybeMissing) else type_


def join(first: Type, second: Type) -> Type:
    """Return the type of a value that is of one of two types."""
    first, second = certain(first), certain(second)
    return first if first == second else ANYTHING


def item_of(type_: Type) -> Type:
    """Return the type of the items of a list."""
    type_ = certain(type_)
    if isinstance(type_, ListType):
        return type_.item
    return COUNTER if type_ == COUNTERS else ANYTHING


def list_of_same(type_: Type) -> Type:
    """Return the type of a list made of some of the items of another."""
    return ListType(item_of(type_))


def same_kind(type_: Type) -> Type:
    """Return the type of a part of a text or a list, or of the same in another order."""
    type_ = certain(type_)
    return list_of_same(type_) if type_.kind in ("list", "counters") else type_


def capital(words: str) -> str:
    """Return *words* as the beginning of a sentence."""
    return words[:1].upper() + words[1:]


def either(kinds: frozenset[str]) -> str:
    """Return `text, a number or a list` for a set of kinds."""
    words = [noun for kind, noun in KINDS.items() if kind in kinds and kind != "counters"]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
