"""What the result of a check depends on besides the files of the project."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from almaflow import __version__

_PACKAGE = Path(__file__).parent.parent

# What changes from one command to the next, and means nothing for a check.
_OF_THE_SHELL = frozenset({"_", "COLUMNS", "LINES", "OLDPWD", "PWD", "SHLVL"})


def key_of(folder: Path, asked: Sequence[str]) -> str:
    """Return a digest of what is *asked* of the project at *folder*, by whom and where."""
    parts = (
        *(__version__, sys.version, os.getcwd(), os.path.realpath(folder), os.fspath(folder)),
        *asked,
        *_environment(os.environ),
        *program(),
    )
    return hashlib.sha256(ascii(parts).encode()).hexdigest()


def is_program(path: str) -> bool:
    """Whether *path* is part of almaflow, of Python or of a library: `program` covers it."""
    return path.startswith(_program_folders())


def is_listed(folder: str) -> bool:
    """Whether `program` covers the names in *folder*."""
    return folder in _search_path() or is_program(os.path.join(folder, ""))


@cache
def program() -> tuple[str, ...]:
    """Return what tells one installed program from another, also while it is being written."""
    return (*_sources(_PACKAGE), *_libraries())


def _sources(folder: Path) -> Iterator[str]:
    for top, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if one != "__pycache__")
        for name in sorted(names):
            status = os.stat(os.path.join(top, name))
            yield f"{os.path.join(top, name)} {status.st_size} {status.st_mtime_ns}"


def _libraries() -> Iterator[str]:
    """Yield the names in the folders of packages; those of packages hold their versions."""
    for place in sorted(_search_path()):
        yield place
        with suppress(OSError):
            yield from sorted(one for one in os.listdir(place) if not one.startswith("."))


def _search_path() -> set[str]:
    return {os.path.abspath(place) for place in sys.path}


@cache
def _program_folders() -> tuple[str, ...]:
    libraries = [one for one in sys.path if one.endswith(("site-packages", "dist-packages"))]
    places = [os.fspath(_PACKAGE), os.path.dirname(os.__file__), *libraries]
    every = {*places, *map(os.path.realpath, places)}
    return tuple(os.path.join(one, "") for one in every)


def _environment(variables: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(variables.keys() - _OF_THE_SHELL):
        yield f"{name}={variables[name]}"
