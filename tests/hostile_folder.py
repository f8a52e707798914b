"""A folder of workflows with all in it that can be there and is not one."""

from __future__ import annotations

import os
import socket
from pathlib import Path

NIGHTLY = 'schedule: [{cron: "30 2 * * *"}]\nsteps: [{notify: tick}]\n'

# What is wrong with each name, as the code of the problem that says so; shown as messages do.
WRONG = {
    r"n\xfct.yaml": "file-name",
    r"line\x0abreak.yaml": "file-name",
    r"esc\x1b[31m.yaml": "file-name",
    r"right\u202eleft.yaml": "file-name",
    r"back\\slash.yaml": "file-name",
    r"f\xfcr/inside.yaml": "file-name",
    "broken-link.yaml": "unreadable",
    "loop-a.yaml": "unreadable",
    "loop-b.yaml": "unreadable",
    "pipe.yaml": "unreadable",
    "socket.yaml": "unreadable",
    "zero.yaml": "unreadable",
    "empty.yaml": "empty-file",
    "large.yaml": "yaml-limit",
    "binary.yml": "binary-file",
    "latin-1.yaml": "not-utf-8",
    "l" * 250 + ".yaml": "bad-name",
    "gro\xdf \xf6.yaml": "duplicate-name",
    "calls-a-pipe.yaml": "no-such-file",
    "a-folder.yaml": "folder-named-as-file",
    "linked": "link-to-folder",
}

VALID = {"night", "UPPER", "mixed", "gro\xdf \xf6", "within"}


def plant(folder: Path) -> None:
    """Fill *folder* with workflows, and with all else that can be there."""
    for name in ("night.yaml", "UPPER.YAML", "mixed.Yml", "a-folder.yaml/within.yaml"):
        _write(folder / name, NIGHTLY)
    _plant_names(folder)
    _plant_kinds(folder)
    _write(folder / "empty.yaml", "")
    _write(folder / "large.yaml", "a: x\n" * 300_000)
    (folder / "binary.yml").write_bytes(b"\0\1\xff")
    (folder / "latin-1.yaml").write_bytes("name: für\n".encode("latin-1"))
    _write(folder / "calls-a-pipe.yaml", "steps: [{call: pipe.yaml}]\n")
    for name in (".hidden.yaml", ".git/x.yaml", "night.yaml~", "#night.yaml#", "~$night.yaml"):
        _write(folder / name, "nothing: valid\n")
    _write(folder / "night.scenario.yaml", "jobs: []\n")
    (folder / ".#night.yaml").symlink_to("somebody@host.4711")


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, "utf-8")


def _plant_names(folder: Path) -> None:
    for raw in (b"n\xfct.yaml", b"f\xfcr/inside.yaml"):
        _write(folder / os.fsdecode(raw), f"name: bytes\n{NIGHTLY}")
    for name in ("line\nbreak", "esc\x1b[31m", "right\u202eleft", "back\\slash", "l" * 250):
        _write(folder / f"{name}.yaml", NIGHTLY)
    for name in ("gro\xdf \xf6", "gro\xdf o\u0308"):
        _write(folder / f"{name}.yaml", NIGHTLY)


def _plant_kinds(folder: Path) -> None:
    (folder / "broken-link.yaml").symlink_to("nothing.yaml")
    (folder / "loop-a.yaml").symlink_to("loop-b.yaml")
    (folder / "loop-b.yaml").symlink_to("loop-a.yaml")
    (folder / "zero.yaml").symlink_to("/dev/zero")
    (folder / "linked").symlink_to(".")
    os.mkfifo(folder / "pipe.yaml")
    (folder / "to-a-pipe.yaml").symlink_to("pipe.yaml")
    here = os.getcwd()
    os.chdir(folder)
    try:
        # A socket's path has at most a hundred characters, so it is bound from here.
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("socket.yaml")
    finally:
        os.chdir(here)
