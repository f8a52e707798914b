"""The kinds of steps that other installed packages add, through an entry point."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection

from almaflow.steps.base import Kind

ENTRY_POINTS = "almaflow.steps"
"""The entry-point group by which another package adds kinds."""


def added_kinds(existing: Collection[str]) -> dict[str, type[Kind]]:
    """Return the kinds that other packages add, by their keys.

    Raises:
        ImportError: one of them has the key of an *existing* kind, or of another added one.
    """
    if not _may_be_some():
        return {}
    from importlib.metadata import entry_points

    added: dict[str, type[Kind]] = {}
    for entry in entry_points(group=ENTRY_POINTS):
        kind: type[Kind] = entry.load()
        if kind.key in existing or kind.key in added:
            raise ImportError(
                f"The package of {entry.value} adds a step kind named `{kind.key}`, which "
                "already exists. Uninstall one of the two packages."
            )
        added[kind.key] = kind
    return added


def _may_be_some() -> bool:
    """Whether a package may add kinds, which almost none does.

    `importlib.metadata` would know, but importing it takes as long as checking a workflow.
    """
    return any(map(_may_hold_one, sys.path))


def _may_hold_one(place: str) -> bool:
    """Whether such a package may be in a folder or archive of `sys.path`."""
    try:
        packages = [
            one.path
            for one in os.scandir(place or ".")
            if one.name.endswith((".dist-info", ".egg-info"))
        ]
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return any(map(_names_group, packages))


def _names_group(package: str) -> bool:
    try:
        with open(os.path.join(package, "entry_points.txt"), "rb") as file:
            return ENTRY_POINTS.encode() in file.read()
    except FileNotFoundError:
        return False
    except OSError:
        return True
