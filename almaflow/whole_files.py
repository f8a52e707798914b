"""Files written whole or not at all, so that nobody ever reads half of one."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path


def write_whole(file: Path, content: bytes) -> None:
    """Write *content* to *file*; an older file is replaced, and keeps its permissions.

    Raises:
        OSError: the disk refuses, or *file* is a folder, a device or the like, which would be
            replaced too; what is there is as it was.
    """
    import tempfile

    # The file that a link leads to is replaced, not the link.
    target = Path(os.path.realpath(file))
    mode = _mode_of(target)
    descriptor, beside = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        os.chmod(beside, mode)
        os.replace(beside, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise


def _mode_of(target: Path) -> int:
    """Return the permissions for *target*: those of the regular file that is there."""
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return 0o644
    if not stat.S_ISREG(mode):
        reason = "it is not a regular file"
        raise OSError(errno.EINVAL, reason, str(target))
    return mode & 0o777
