"""Checks that the store can be read and written, is intact, and has space."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from almaflow.cli.doctor_checks.findings import Finding, Findings, bad, doubtful, good
from almaflow.settings import Project
from almaflow.store.health import Health, examine
from almaflow.store.location import read_url
from almaflow.store.pitfalls import warnings_about

# Bytes: below the first a store soon cannot grow, below the second an operator should know.
_TOO_LITTLE, _LITTLE = 100 * 1024**2, 1024**3

_WHAT = "store"


def check_store(project: Project) -> tuple[Findings, Health | None]:
    """Check the store and its disk; return None when there is no usable store."""
    findings = Findings()
    health: Health | None = None
    file: Path | None = None
    with findings.about(_WHAT):
        file = read_url(project.store_url).file
        health = examine(project.store_url)
        findings.extend([_about_none(file)] if health is None else _about(health))
        findings.extend(
            doubtful(_WHAT, *warning.split(". ", 1))
            for warning in warnings_about(project.store_url, project.folder)
        )
    if file is not None:
        findings.append(_disk(file.parent))
    return findings, health


def _about_none(file: Path | None) -> Finding:
    if file is None:
        move = "Runs are forgotten when a command ends. Remove `store` from almaflow.yaml."
        return doubtful(_WHAT, "it is in memory", move)
    folder = next(one for one in file.parents if one.exists())
    if not os.access(folder, os.W_OK):
        text = f"it does not exist yet, and {folder} cannot be written"
        return bad(_WHAT, text, "Give this user the permission to write there.")
    return good(_WHAT, f"it does not exist yet; the first run creates {file}")


def _about(health: Health) -> list[Finding]:
    findings = []
    if health.faults:
        text = f"{health.place} is damaged: {health.faults[0]}"
        findings.append(bad(_WHAT, text, "Restore a backup (`almaflow backup` makes them)."))
    if not health.is_writable:
        what = "the server and the database" if health.file is None else "the file and its folder"
        move = f"Check that {what} may be changed by this user, and are not read-only."
        findings.append(bad(_WHAT, f"{health.place} cannot be written by this user", move))
    if health.is_made and health.is_writable and health.journal_mode not in ("", "wal"):
        text = f"its journal mode is `{health.journal_mode}`, not `wal`, so readers block writers"
        move = "Move it to a local disk; SQLite does not work well over a network."
        findings.append(doubtful(_WHAT, text, move))
    if not health.is_private:
        findings.append(
            doubtful(_WHAT, "users other than its owner can read it", f"`chmod 600 {health.file}`")
        )
    size = "" if health.file is None else f", {_size(health.size)}"
    if not any(one.verdict == "error" for one in findings):
        findings.append(good(_WHAT, f"{health.place} works (version {health.version}{size})"))
    return findings


def _disk(folder: Path) -> Finding:
    there = next(one for one in (folder, *folder.parents) if one.exists())
    free = shutil.disk_usage(there).free
    text = f"{_size(free)} are free at {there}"
    if free < _TOO_LITTLE:
        move = "Free some space; on a full disk nothing can be recorded, and runs stop."
        return bad("disk", text, move)
    if free < _LITTLE:
        return doubtful("disk", text, "Free some space; `almaflow prune` deletes old runs.")
    return good("disk", text)


def _size(number: int) -> str:
    """Return a number of bytes as text for people."""
    size, unit = float(number), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
