"""Values that a simulation makes up: JSON with the members, elements and forms that are asked for.

Source of what looks real (barcodes, MMS ids): the institution's records.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from almaflow.alma.simulator.wanted import AskedValue, Bound, fitted

_TOTAL = "total_record_count"
# Elements of a list that is made up, and the most.
_ELEMENTS = 3
_MOST_ELEMENTS = 1_000
# Patterns of identifiers by what they are asked for as; that of MMS ids is the institution's.
_IDENTIFIERS = {"barcode": "39031%09d", "user_id": "user%06d", "id": "1%09d", "mms_id": ""}
_DATES = re.compile(r"\b(date|time|day|since|until)\b")
_IDS = re.compile(r"\b(id|pid|number)\b")


class MadeUpValues:
    """Makes up values; *mms_form* is the pattern of MMS ids, *start* when the simulation began."""

    def __init__(self, mms_form: str, start: datetime) -> None:
        self._mms_form = mms_form
        self._start = start

    def text(self, name: str, number: int, otherwise: str = "") -> str:
        """Return a text that suits a field called *name*, another for each *number*."""
        words = name.replace("_", " ").casefold()
        if "barcode" in words:
            return f"39031{number:09d}"
        if "mms" in words:
            return self._mms_form % number
        if _DATES.search(words):
            return (self._start - timedelta(days=number)).date().isoformat()
        if otherwise:
            return otherwise
        return str(number) if _IDS.search(words) else f"{name or 'value'} {number}"

    def value(self, asked: AskedValue, name: str = "", number: int = 1) -> Any:
        """Return a value of which *asked* is true; *name* is that of its field."""
        if asked.members:
            return self._mapping(asked, name, number)
        if asked.element is not None:
            return self._list(asked.element, name, length(asked, _ELEMENTS))
        return self._scalar(asked, name, number)

    def _mapping(self, asked: AskedValue, name: str, number: int) -> dict[str, Any]:
        made = {
            # A coded field is named by the field that it is in.
            inner: self.value(member, name if inner in ("value", "desc") else inner, number)
            for inner, member in asked.members.items()
        }
        lists = [inner for inner, value in made.items() if isinstance(value, list)]
        element = asked.members[lists[0]].element if len(lists) == 1 else None
        if element is not None and _TOTAL in made:
            count = min(max(0, int(float(made[_TOTAL]))), _MOST_ELEMENTS)
            made[lists[0]] = self._list(element, lists[0], count)
        return made

    def _list(self, element: AskedValue, name: str, count: int) -> list[Any]:
        return [self.value(element, name, number) for number in range(1, count + 1)]

    def _scalar(self, asked: AskedValue, name: str, number: int) -> Any:
        for symbol, limit in asked.bounds:
            if isinstance(limit, bool):
                return limit if symbol == "==" else not limit
        if asked.form == "boolean":
            return True
        numeric = asked.form == "number" or name == _TOTAL
        start = str(_ELEMENTS if name == _TOTAL else number) if numeric else ""
        if asked.form in _IDENTIFIERS:
            start = self._identifier(asked.form, number)
        if asked.form == "date":
            start = (self._start - timedelta(days=number)).date().isoformat()
        text = fitted(start or self.text(name, number), _bounds(asked))
        return _number(text) if numeric else text

    def _identifier(self, form: str, number: int) -> str:
        return (_IDENTIFIERS[form] or self._mms_form) % number

    # --- real answers ---------------------------------------------------------------------------

    def completed(self, answer: Any, asked: AskedValue, name: str = "") -> Any:
        """Return *answer* with what is asked for and missing in it."""
        if answer is None:
            return self.value(asked, name)
        if asked.members:
            return self._completed_mapping(answer, asked)
        if asked.element is not None:
            return self._completed_list(answer, asked, asked.element, name)
        if isinstance(answer, Mapping | list):
            return answer
        return answer if _meets(answer, asked) else self._scalar(asked, name, 1)

    def _completed_mapping(self, answer: Any, asked: AskedValue) -> Any:
        if not isinstance(answer, Mapping):
            return answer
        return {
            **answer,
            **{
                inner: self.completed(answer.get(inner), member, inner)
                for inner, member in asked.members.items()
            },
        }

    def _completed_list(
        self, answer: Any, asked: AskedValue, element: AskedValue, name: str
    ) -> Any:
        if not isinstance(answer, list):
            return answer
        count = length(asked, len(answer) or _ELEMENTS)
        found = [self.completed(item, element, name) for item in answer[:count]]
        return [*found, *self._list(element, name, count)[len(found) :]]


def length(asked: AskedValue, otherwise: int) -> int:
    """Return how many elements a list has, *otherwise* where nothing is asked."""
    try:
        count = int(float(fitted(str(otherwise), _bounds(asked))))
    except ValueError:
        return otherwise
    return min(max(0, count), _MOST_ELEMENTS)


def _bounds(asked: AskedValue) -> Sequence[Bound]:
    return [Bound(symbol, limit) for symbol, limit in asked.bounds]


def _meets(value: Any, asked: AskedValue) -> bool:
    """Tell whether a value of a real answer is as it is asked for."""
    if any(isinstance(limit, bool) for _, limit in asked.bounds):
        return all(value is limit for symbol, limit in asked.bounds if symbol == "==")
    return fitted(str(value), _bounds(asked)) == str(value)


def _number(text: str) -> int | float | str:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text
