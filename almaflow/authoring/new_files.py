"""Writes files that a person asked for, each whole or not at all, and never over another one."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.text_files import display_path, path_problem, printable

# As a new file of an editor is; what the umask forbids is taken away from it.
_MODE = 0o666


@dataclass(frozen=True)
class WrittenFiles:
    """Names of files below a folder, with `/` between their parts, in the order of writing.

    *kept* were there before and are as they were.
    """

    written: tuple[str, ...]
    kept: tuple[str, ...]


def write_missing(folder: Path, texts: Mapping[str, str]) -> WrittenFiles:
    """Write those of *texts*, by their names in *folder*, that are not there yet.

    Raises:
        RequestWrong: what should be a folder is a file. Nothing was written.
        OSError: the system refused; files before this one are written.
    """
    for parent in dict.fromkeys((folder / name).parent for name in texts):
        check_new_folder(parent)
    written: list[str] = []
    kept: list[str] = []
    for name, text in texts.items():
        (written if _write(folder / name, text) else kept).append(name)
    return WrittenFiles(tuple(written), tuple(kept))


def check_missing(folder: Path, names: Iterable[str], next_move: str) -> None:
    """Raise `RequestWrong`, which ends with *next_move*, when a file of *names* is in *folder*.

    Half of what belongs together helps nobody.
    """
    there = [display_path(folder / name) for name in names if os.path.lexists(folder / name)]
    if there:
        exist = "exists" if len(there) == 1 else "exist"
        raise RequestWrong(
            f"{', '.join(there)} {exist} already, and almaflow overwrites nothing. {next_move}"
        )


def way_to_schemas(schemas: Path | str, workflows: Path | str) -> str:
    """Return the path from the folder of the workflows to that of the schemas, with `/`."""
    return os.path.relpath(schemas, workflows).replace(os.sep, "/")


def check_new_folder(folder: Path) -> None:
    """Raise `RequestWrong` when *folder* is a file, or has a name that nothing could record."""
    if why := path_problem(folder):
        raise RequestWrong(f"The folder {printable(str(folder))} {why}. Choose another name.")
    for path in (folder, *folder.parents):
        if os.path.lexists(path):
            if not os.path.isdir(path):
                what = "a link that leads nowhere" if not path.exists() else "a file"
                raise RequestWrong(
                    f"{printable(str(path))} is {what}, not a folder. Choose another folder, or "
                    "rename what is there."
                )
            return


def _write(file: Path, text: str) -> bool:
    """Write a file, whole or not at all; False: there is one already."""
    if os.path.lexists(file):
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(prefix=".almaflow-new-", dir=file.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        os.chmod(aside, _MODE & ~_umask())
        return _move_in(aside, file)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(aside)


def _move_in(aside: str, file: Path) -> bool:
    try:
        os.link(aside, file)
    except FileExistsError:
        return False
    except OSError:
        # This file system has no hard links; between the two lines another program could write.
        if os.path.lexists(file):
            return False
        os.replace(aside, file)
    return True


def _umask() -> int:
    # The system tells the mask only to a process that sets it.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
