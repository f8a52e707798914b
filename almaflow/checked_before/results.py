"""The file that keeps results, in the folder `.almaflow` of the project.

It is a help and never needed: what cannot be read, was not written here or is not understood is
left out, and a folder that cannot be written has none.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import get_ident
from typing import Any

from almaflow.json_data import as_data
from almaflow.late_dataclasses import dataclass
from almaflow.ownership import distrust
from almaflow.text_files import MIB, FileUnreadable, read_bytes

_FORMAT = 1
_LARGEST = 8 * MIB
_MOST = 16
"""Results that are kept: of other questions, folders and programs, the oldest are dropped."""


@dataclass(frozen=True)
class Result:
    """What a check found, as JSON data, and what it holds for."""

    key: str
    tree: str
    files: Mapping[str, str]
    findings: Any


class ResultFile:
    """The file of results in *folder*, which may not exist yet.

    A file that came with the project, as from git, could claim that nothing is wrong. So a result
    counts only next to a mark whose number and time on this disk it names: the system sets them
    where the mark is made, and nobody can send them along.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file, self._mark = folder / "checked.json", folder / "checked.mark"

    def read(self) -> list[Result]:
        """Return the results, newest first; none when they cannot be used."""
        try:
            if distrust(self._file) or distrust(self._mark):
                return []
            data = json.loads(read_bytes(self._file, _LARGEST))
            if data["format"] != _FORMAT or data["mark"] != self._marked():
                return []
            return [_result(one) for one in data["results"]]
        except (OSError, FileUnreadable, ValueError, TypeError, KeyError, RecursionError):
            return []

    def write(self, results: Sequence[Result]) -> None:
        """Keep the first *results*, as many as there is room for."""
        kept = list(results[:_MOST])
        # A link that came with the project could lead anywhere; without results nothing is lost.
        if os.path.islink(self._folder):
            return
        with suppress(OSError):
            if not self._folder.exists() and _is_anothers(self._folder.parent):
                # Who owns the project, and asks without sudo, could not use the folder.
                return
            self._folder.mkdir(mode=0o700, exist_ok=True)
            if distrust(self._folder):
                return
            with suppress(FileExistsError):
                os.close(os.open(self._mark, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            text = self._text(kept)
            while kept and len(text) > _LARGEST:
                kept.pop()
                text = self._text(kept)
            self._replace(text)

    def _text(self, results: Iterable[Result]) -> bytes:
        data = {"format": _FORMAT, "mark": self._marked(), "results": as_data(list(results))}
        return json.dumps(data).encode()

    def _marked(self) -> list[int]:
        status = os.lstat(self._mark)
        return [status.st_ino, status.st_ctime_ns]

    def _replace(self, text: bytes) -> None:
        """Write aside, then replace, so that another process reads all or nothing."""
        aside = self._file.with_name(f"{self._file.name}.{os.getpid()}-{get_ident()}")
        flags = os.O_CREAT | os.O_TRUNC | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)
        try:
            with os.fdopen(os.open(aside, flags, 0o600), "wb") as stream:
                stream.write(text)
            aside.replace(self._file)
        except OSError:
            with suppress(OSError):
                aside.unlink()


def _is_anothers(folder: Path) -> bool:
    return hasattr(os, "geteuid") and os.stat(folder).st_uid != os.geteuid()


def _result(data: Any) -> Result:
    """Return a result; Raises: ValueError, TypeError, KeyError."""
    files = data["files"]
    if not isinstance(files, dict):
        raise ValueError
    if not all(isinstance(one, str) for one in (data["key"], data["tree"], *files.values())):
        raise ValueError
    return Result(data["key"], data["tree"], files, data["findings"])
