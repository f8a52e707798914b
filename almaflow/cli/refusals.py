"""Messages for errors of the operating system, with advice."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Final

_MOVES: Final = {
    errno.ENOSPC: "Free some space on that disk, then run the command again.",
    errno.EDQUOT: "Delete files there or ask for a larger quota, then run the command again.",
    errno.EROFS: "That disk is read-only. Use a place that can be written.",
    errno.EFBIG: "Raise the largest size of a file (`ulimit -f`), then run the command again.",
    errno.EMFILE: "Raise the number of open files (`ulimit -n`), then run the command again.",
    errno.ENFILE: "This machine has too many open files. Run the command again later.",
    errno.EACCES: "Check this user's permissions there.",
    errno.ENOMEM: "Free memory, then run the command again.",
}


def refusal_text(error: OSError) -> str:
    """Return a message: what the system refused, where, why, and what to do."""
    if not _has_working_folder():
        return (
            "The working folder no longer exists. Change to another folder (`cd`), then run the "
            "command again."
        )
    reason = error.strerror or str(error)
    place = f"{error.filename}: " if error.filename else ""
    return " ".join(filter(None, [f"The system refused: {place}{reason}.", _move(error)]))


def _move(error: OSError) -> str:
    return _MOVES.get(error.errno or 0, "")


def _has_working_folder() -> bool:
    try:
        Path.cwd()
    except OSError:
        return False
    return True
