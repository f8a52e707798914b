"""Where the snapshot of a project is; every command asks, and few read it."""

from __future__ import annotations

import os
from pathlib import Path

SNAPSHOT_FILE = "alma-catalog.json"


def has_snapshot(folder: Path) -> bool:
    """Whether the project in *folder* has a snapshot."""
    return os.path.lexists(folder / SNAPSHOT_FILE)
