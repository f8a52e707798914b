"""A file that a person names for a command; `-` is standard input."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from almaflow.errors import RequestWrong
from almaflow.problems import did_you_mean
from almaflow.text_files import FileUnreadable, UnreadableReason, names_in, read_bytes

STDIN = "-"


def read_input(file: str, most: int, what: str) -> bytes:
    """Return the content of *file*; *what* is that of standard input, such as `payload`.

    Raises:
        RequestWrong: it holds more than *most* bytes, or cannot be read.
    """
    if file == STDIN:
        content = sys.stdin.buffer.read(most + 1)
        if len(content) > most:
            raise RequestWrong(
                f"The {what} on standard input is larger than {most // 1024:,} KiB. Copy only the "
                f"{what}."
            )
        return content
    path = Path(file)
    try:
        return read_bytes(path, most)
    except FileUnreadable as error:
        is_special = error.kind is UnreadableReason.SPECIAL
        advice = f" Use `-` to read the {what} from standard input." if is_special else ""
        hint = "" if os.path.lexists(path) else did_you_mean(path.name, names_in(path.parent) or [])
        raise RequestWrong(f"{file} cannot be read: {error.reason}{hint or '.'}{advice}") from error
