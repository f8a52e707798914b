"""What is wrong with a timetable: one error for every way of writing one."""

from __future__ import annotations


class TimetableInvalid(ValueError):
    """A timetable cannot be read; the text says what is wrong and what to write instead.

    *offset* and *length* tell which characters of what was read are meant; a length of 0
    means all of them.
    """

    def __init__(self, message: str, *, offset: int = 0, length: int = 0) -> None:
        super().__init__(message)
        self.offset = offset
        self.length = length
