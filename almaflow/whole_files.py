"""Files written whole or not at all, so that nobody ever reads half of one."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def write_whole(file: Path, content: bytes) -> None:
    """Write *content* to *file*; an older file is replaced, and keeps its permissions.

    Raises:
        OSError: the disk refuses; the older file is as it was.
    """
    import tempfile

    # The file that a link leads to is replaced, not the link.
    target = Path(os.path.realpath(file))
    mode = os.stat(target).st_mode & 0o777 if target.exists() else 0o644
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
