"""Filters that work on lists; those that apply another filter or test are in `filters`."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from typing import Any

from almaflow.expressions.attributes import member_by_path
from almaflow.expressions.errors import ExpressionFailed, NotDefined
from almaflow.expressions.frame import EvaluationFrame
from almaflow.expressions.methods import join_texts
from almaflow.expressions.operations import apply, whole
from almaflow.expressions.registry import LISTS, SIZED, Operation, table, text_argument
from almaflow.expressions.text_filters import TEXT_FILTERS
from almaflow.expressions.types import (
    ANYTHING,
    NUMBER,
    TEXT,
    ListType,
    RecordType,
    Type,
    certain,
    item_of,
    list_of_same,
    same_kind,
)
from almaflow.expressions.values import comparable, described, kind_of
from almaflow.problems import did_you_mean

_REQUIRED: Any = object()
_ANY_LIST = ListType(ANYTHING)
_INDEXED = LISTS | {"text"}


def _element_type(type_: Type) -> Type:
    return TEXT if certain(type_) == TEXT else item_of(type_)


def _length(frame: EvaluationFrame, value: Any) -> int:
    return len(value)


def _at_end(name: str, index: int) -> Operation:
    def act(frame: EvaluationFrame, value: Any) -> Any:
        if not value:
            raise NotDefined(f"There is no {name} element, because this is empty.")
        return value[index]

    return Operation(name, act, _element_type, _INDEXED)


def _one(frame: EvaluationFrame, value: Any) -> Any:
    if len(value) != 1:
        size = f"has {len(value):,}" if value else "is empty"
        raise ExpressionFailed(f"Exactly one element is expected, but the list {size}.")
    return value[0]


def _join(frame: EvaluationFrame, value: Any, d: Any = "", attribute: Any = None) -> str:
    return join_texts(frame, text_argument(d, "the separator"), _picked(frame, value, (attribute)))


def _list(frame: EvaluationFrame, value: Any) -> list[Any]:
    frame.budget.items(len(value))
    return list(value)


def _reverse(frame: EvaluationFrame, value: Any) -> Any:
    if isinstance(value, str):
        frame.budget.text(len(value))
        return value[::-1]
    frame.budget.items(len(value))
    return list(value)[::-1]


def _sum(frame: EvaluationFrame, value: Any, attribute: Any = None, start: Any = 0) -> Any:
    total = start
    for element in _picked(frame, value, attribute):
        frame.budget.items(4)
        total = apply(frame, "+", total, element)
    return total


def _extreme(name: str, choose: Callable[..., Any]) -> Operation:
    def act(
        frame: EvaluationFrame, value: Any, case_sensitive: Any = False, attribute: Any = None
    ) -> Any:
        keys = _keys(frame, value, case_sensitive, attribute)
        if not keys:
            raise NotDefined("There is no smallest or largest element, because this is empty.")
        _check_ordered(keys)
        return value[choose(range(len(keys)), key=lambda index: keys[index][1])]

    return Operation(name, act, item_of, LISTS, work=12)


def _sort(
    frame: EvaluationFrame,
    value: Any,
    reverse: Any = False,
    case_sensitive: Any = False,
    attribute: Any = None,
) -> list[Any]:
    keys = _keys(frame, value, case_sensitive, attribute)
    _check_ordered(keys)
    order = sorted(range(len(keys)), key=lambda index: keys[index][1], reverse=bool(reverse))
    return [value[index] for index in order]


def _unique(
    frame: EvaluationFrame, value: Any, case_sensitive: Any = False, attribute: Any = None
) -> list[Any]:
    elements: dict[tuple[str, Any], Any] = {}
    for key, element in zip(_keys(frame, value, case_sensitive, attribute), value, strict=True):
        elements.setdefault(key, element)
    return list(elements.values())


def _keys(
    frame: EvaluationFrame, value: Any, case_sensitive: Any, attribute: Any
) -> list[tuple[str, Any]]:
    """Return for each element its kind and what it is compared by."""
    frame.budget.items(4 * len(value))
    return [
        (kind_of(one), _key(frame, one, bool(case_sensitive)))
        for one in (_picked(frame, value, attribute))
    ]


def _key(frame: EvaluationFrame, value: Any, case_sensitive: bool) -> Any:
    if isinstance(value, str):
        frame.budget.reading(len(value))
        return value if case_sensitive else value.lower()
    if isinstance(value, (list, tuple, Mapping)):
        return TEXT_FILTERS["tojson"].on(frame, value)
    return comparable(value)


def _check_ordered(keys: list[tuple[str, Any]]) -> None:
    kinds = {kind for kind, _ in keys}
    if len(kinds) > 1:
        raise ExpressionFailed("The elements are of different kinds, so they have no order.")
    if kinds & {"mapping", "list", "counters", "nothing"}:
        raise ExpressionFailed(
            "The elements have no order. Specify what to compare: `attribute='…'`."
        )


def _picked(frame: EvaluationFrame, value: Any, attribute: Any) -> list[Any]:
    """Return the elements, or what *attribute* names of each."""
    frame.budget.items(len(value))
    if attribute is None:
        return list(value)
    return [member_by_path(frame, one, attribute) for one in value]


def _batch(
    frame: EvaluationFrame, value: Any, linecount: Any, fill_with: Any = None
) -> list[list[Any]]:
    size = whole(linecount, "a size")
    if size < 1:
        raise ExpressionFailed("A batch must have at least one element.")
    frame.budget.items(4 * len(value))
    batches = [list(value[start : start + size]) for start in range(0, len(value), size)]
    if batches and fill_with is not None:
        missing = size - len(batches[-1])
        frame.budget.whole([fill_with], missing)
        batches[-1].extend([fill_with] * missing)
    return batches


def _group_by(
    frame: EvaluationFrame, value: Any, attribute: Any, default: Any = _REQUIRED
) -> list[dict[str, Any]]:
    """Return `{key, items}` for each different value of *attribute*, in order of appearance."""
    frame.budget.items(4 * len(value))
    groups: dict[tuple[str, Any], dict[str, Any]] = {}
    for element in value:
        try:
            part = member_by_path(frame, element, attribute)
        except NotDefined:
            if default is _REQUIRED:
                raise
            part = default
        identity = (kind_of(part), _key(frame, part, case_sensitive=True))
        groups.setdefault(identity, {"key": part, "items": []})["items"].append(element)
    return list(groups.values())


def _groups_of(type_: Type) -> Type:
    return ListType(RecordType({"key": ANYTHING, "items": list_of_same(type_)}, "part of a group"))


def _items(frame: EvaluationFrame, value: Mapping[str, Any]) -> list[list[Any]]:
    frame.budget.items(3 * len(value))
    return [[key, one] for key, one in value.items()]


def _dictsort(
    frame: EvaluationFrame,
    value: Mapping[str, Any],
    case_sensitive: Any = False,
    by: Any = "key",
    reverse: Any = False,
) -> list[list[Any]]:
    if by not in ("key", "value"):
        raise ExpressionFailed("A mapping can be sorted only by 'key' or by 'value'.")
    pairs = _items(frame, value)
    return _sort(frame, pairs, reverse, case_sensitive, 0 if by == "key" else 1)


def _csv_column(frame: EvaluationFrame, value: Any, name: Any, delimiter: Any = ",") -> list[Any]:
    column = text_argument(name, "a column's name")
    if not isinstance(value, str):
        rows = value
        frame.budget.items(len(rows))
    else:
        rows = _read_csv(frame, value, delimiter)
    if rows and isinstance(rows[0], (list, tuple)):
        header = [str(cell).strip() for cell in rows[0]]
        place = _find_column(column, header)
        return [row[place] if place < len(row) else "" for row in rows[1:]]
    for row in rows:
        if not isinstance(row, Mapping):
            raise ExpressionFailed(
                f"A row must be a mapping or a list, but this is {described(row)}."
            )
    if not rows:
        return []
    # Alma leaves out a cell that is empty, so a column may be missing from single rows.
    _find_column(column, list(dict.fromkeys(key for row in rows for key in row)))
    return [row.get(column, "") for row in rows]


def _read_csv(frame: EvaluationFrame, text: str, delimiter: Any) -> list[list[str]]:
    if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '\r\n"':
        raise ExpressionFailed("The delimiter of a CSV must be one character, such as `,` or `;`.")
    frame.budget.text(2 * len(text))
    rows = []
    try:
        for row in csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=delimiter):
            frame.budget.items(len(row) + 1)
            if row:
                rows.append(row)
    except (csv.Error, ValueError, TypeError) as error:
        raise ExpressionFailed(f"This is not valid CSV: {error}.") from None
    if not rows:
        raise ExpressionFailed("This CSV is empty. It needs at least a header line.")
    return rows


def _find_column(column: str, header: list[str]) -> int:
    if column in header:
        return header.index(column)
    columns = ", ".join(f"`{name}`" for name in header[:20])
    raise ExpressionFailed(
        f"There is no column `{column}`{did_you_mean(column, header) or '.'} "
        f"The columns are {columns}."
    )


LIST_FILTERS = table(
    Operation("length", _length, NUMBER, SIZED),
    Operation("count", _length, NUMBER, SIZED),
    _at_end("first", 0),
    _at_end("last", -1),
    Operation("one", _one, item_of, LISTS, help="the only element of a list"),
    Operation("join", _join, TEXT, LISTS, work=8),
    Operation("list", _list, list_of_same, SIZED, work=8),
    Operation("reverse", _reverse, same_kind, _INDEXED, work=8),
    Operation("sum", _sum, ANYTHING, LISTS, work=8),
    _extreme("min", min),
    _extreme("max", max),
    Operation("sort", _sort, list_of_same, LISTS, work=12),
    Operation("unique", _unique, list_of_same, LISTS, work=12),
    Operation("batch", _batch, lambda type_: ListType(list_of_same(type_)), LISTS, work=10),
    Operation(
        "group_by",
        _group_by,
        _groups_of,
        LISTS,
        12,
        "the elements by a value of theirs: a list of groups with `key` and `items`",
    ),
    Operation("items", _items, _ANY_LIST, frozenset({"mapping"}), work=8),
    Operation("dictsort", _dictsort, _ANY_LIST, frozenset({"mapping"}), work=24),
    Operation(
        "csv_column", _csv_column, _ANY_LIST, _INDEXED, 20, "one column of a CSV text, as a list"
    ),
)
