"""What one evaluation may make: charged before the work, so that nothing explodes first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from almaflow.expressions.failures import ExpressionFailed

# An output kept with a run is at most 16 MiB (design §15); no expression needs more.
CHARACTERS = 16 * 1024 * 1024
ELEMENTS = 1_000_000
# 77 digits: far more than any id or count has.
NUMBER_BITS = 256
# Looking through text is this much cheaper than making it,
_READING = 64
# and walking over elements than doing something with each. A large report has millions of cells.
_WALKING = 4

_FLAT = frozenset({int, float, bool, type(None)})


class Budget:
    """How many characters and elements one evaluation may still make."""

    __slots__ = ("characters", "elements")

    def __init__(self) -> None:
        self.characters = CHARACTERS
        self.elements = ELEMENTS

    def text(self, characters: int) -> None:
        """Charge text about to be made; Raises: ExpressionFailed."""
        self.characters -= characters
        if self.characters < 0:
            raise ExpressionFailed(
                f"This makes more than {CHARACTERS:,} characters of text, which is not allowed."
            )

    def reading(self, characters: int) -> None:
        """Charge text about to be looked through; Raises: ExpressionFailed."""
        self.text(characters // _READING + 1)

    def items(self, elements: int) -> None:
        """Charge elements about to be made or gone through; Raises: ExpressionFailed."""
        self.elements -= elements
        if self.elements < 0:
            raise ExpressionFailed(
                f"This goes through more than {ELEMENTS:,} elements, which is not allowed."
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
        elements = characters = 0
        waiting: list[Any] = [value]
        while waiting:
            inner = waiting.pop()
            elements += len(inner)
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
                        waiting.append(part)
        self.items(elements * times // _WALKING)
        self.text(characters * times)
