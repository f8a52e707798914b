"""What one evaluation may make: charged before the work, so that nothing explodes first.

An expression is evaluated on the event loop, on which leases are renewed. So the budget is in
units of time and memory that apply whatever is written: all of `ELEMENTS` takes less than half a
second, all of `CHARACTERS` at most 64 MiB. It counts what is done and not how long it takes, so
that a resumed run computes the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from almaflow.expressions.errors import ExpressionFailed

# An output kept with a run is at most 16 MiB (design §15); no expression needs more.
CHARACTERS = 16 * 1024 * 1024
# One is the work of looking at an element, about 0.3 µs; a filter that is applied to an element
# costs its `work` (registry.py).
ELEMENTS = 1_000_000
# 77 digits: far more than any id or count has.
NUMBER_BITS = 256
# Lists and mappings within each other. A file has at most 100 levels.
DEEPEST_VALUE = 100
# Looking through text is this much cheaper than making it,
_READING = 64
# and walking over elements than doing something with each. A large report has millions of cells.
_WALKING = 4

_FLAT = frozenset({int, float, bool, type(None)})
# JSON of the longest number, date or duration that is not a large integer.
_LONGEST_SCALAR = 40
_CONTROLS = [chr(code) for code in range(0x20)]


class Budget:
    """How many characters and elements one evaluation may still make.

    Evaluations that follow each other without a pause share one.
    """

    __slots__ = ("characters", "elements")

    def __init__(self) -> None:
        self.characters = CHARACTERS
        self.elements = ELEMENTS

    def text(self, characters: int) -> None:
        """Charge text about to be made; Raises: ExpressionFailed."""
        self.characters -= characters
        if self.characters < 0:
            raise ExpressionFailed(
                f"This creates more than {CHARACTERS:,} characters of text, which is not allowed."
            )

    def reading(self, characters: int) -> None:
        """Charge text about to be looked through; Raises: ExpressionFailed."""
        self.text(characters // _READING + 1)

    def items(self, elements: int) -> None:
        """Charge elements about to be made or gone through; Raises: ExpressionFailed."""
        self.elements -= elements
        if self.elements < 0:
            raise ExpressionFailed(
                f"This processes more than {ELEMENTS:,} elements, which is not allowed."
            )

    def whole(self, value: Any, times: int = 1) -> None:
        """Charge all that is inside a value, *times* over; Raises: ExpressionFailed.

        What occurs twice counts twice: `[[[0] * 9] * 9] * 9` is small in memory and large as
        soon as anything walks through it.
        """
        if not isinstance(value, (list, tuple, dict, Mapping)):
            if isinstance(value, str):
                self.text(len(value) * times)
            return
        elements, characters = -_WALKING, 0
        waiting: list[tuple[Any, int]] = [(value, 1)]
        while waiting:
            inner, depth = waiting.pop()
            if depth > DEEPEST_VALUE:
                raise ExpressionFailed(
                    "This is nested too deeply: lists and mappings within each other may be at "
                    f"most {DEEPEST_VALUE} levels deep."
                )
            # A list or a mapping costs as much as something done with one element.
            elements += len(inner) + _WALKING
            if elements > self.elements * _WALKING:
                break
            if isinstance(inner, Mapping):
                characters += sum(len(key) for key in inner if isinstance(key, str))
                inner = inner.values()
            types = set(map(type, inner))
            if types == {str}:
                characters += sum(map(len, inner))
            elif not types <= _FLAT:
                for part in inner:
                    if isinstance(part, str):
                        characters += len(part)
                    elif isinstance(part, (list, tuple, dict, Mapping)):
                        waiting.append((part, depth + 1))
                    elif type(part) not in _FLAT:
                        elements += _WALKING
        self.items(elements * times // _WALKING)
        self.text(characters * times)

    def json(self, value: Any, indent: int) -> None:
        """Charge a value about to be written as JSON; Raises: ExpressionFailed."""
        # Python code writes JSON with an indentation; without one, C code does.
        each = 6 if indent else 3
        waiting: list[tuple[Any, int]] = [(value, 0)]
        while waiting:
            inner, depth = waiting.pop()
            if depth > DEEPEST_VALUE:
                raise ExpressionFailed("This is nested too deeply to be written as JSON.")
            if isinstance(inner, (list, tuple, Mapping)):
                self.items(8 + each * len(inner))
                # Commas and colons with their spaces, or a line for each.
                self.text(2 + (len(inner) + 1) * (4 + indent * (depth + 1)))
                if isinstance(inner, Mapping):
                    waiting.extend((str(key), depth) for key in inner)
                    inner = inner.values()
                waiting.extend((part, depth + 1) for part in inner)
            else:
                self._scalar_as_json(inner)

    def _scalar_as_json(self, value: Any) -> None:
        if isinstance(value, str):
            escaped = value.count('"') + value.count("\\")
            if not value.isprintable():
                self.reading(len(_CONTROLS) * len(value))
                escaped += 5 * sum(map(value.count, _CONTROLS))
            self.text(len(value) + escaped + 2)
        elif type(value) in _FLAT:
            long = isinstance(value, int) and value.bit_length() > NUMBER_BITS // 2
            self.text(value.bit_length() // 3 + 2 if long else _LONGEST_SCALAR)
        else:
            self.items(8)
            self.text(_LONGEST_SCALAR)
