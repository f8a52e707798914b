"""How reading an expression, and evaluating it, fails."""

from __future__ import annotations

from almaflow.errors import AlmaflowError


class ExpressionSyntax(ValueError):
    """An expression or template that cannot be read.

    *message* is a sentence; *offset* counts characters from the start of the source, *length*
    is at least 1.
    """

    def __init__(self, message: str, offset: int = 0, length: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.length = max(1, length)


class ExpressionFailed(AlmaflowError):
    """An expression cannot be evaluated.

    *message* is a sentence without the place; *offset* and *length* are the part of the source
    that it is about, once that is known (*placed*).
    """

    def __init__(self, message: str, offset: int = 0, length: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.length = length
        self.placed = False

    def place(self, span: tuple[int, int]) -> None:
        """Record which part of the source it is about: the innermost, which is recorded first."""
        if not self.placed:
            self.offset, self.length = span
            self.placed = True


class NotDefined(ExpressionFailed):
    """A name, key or element is not there: what `default(…)` and `is defined` ask about."""
