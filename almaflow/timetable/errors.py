"""What is wrong with a timetable: one error for every way of writing one."""

from __future__ import annotations


class TimetableInvalid(ValueError):
    """A timetable cannot be read; the text says what is wrong and what to write instead.

    *offset* and *length* tell which characters of what was read are meant; a length of 0
    means all of them.
    """

    offset = 0
    length = 0
