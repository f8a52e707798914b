"""Command lines typed in processes of their own, each with streams as a test wants them.

Each command line is a fork of this process. When there are many of them, almaflow is imported
before the first, which is how hundreds take seconds. Reads a JSON list of `[arguments, streams]`
from stdin, where *streams* gives what is behind descriptors 0, 1 and 2: the path of a file,
`closed`, `gone` (a pipe without a reader), or `kept` (of stderr: what it was). Prints a JSON list
of exit codes; what the commands write to a stderr that is kept comes out of this process's own.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Sequence

import almaflow
from almaflow.__main__ import main

# So many command lines import more than all that there is.
MANY = 5


def _import_everything() -> None:
    """Import what any command needs, once, so that every fork has it."""
    for module in pkgutil.walk_packages(almaflow.__path__, "almaflow."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    # No fork collects what it shares with the others, which would copy it.
    gc.collect()
    gc.freeze()


def _put(kind: str, descriptor: int) -> None:
    """Put what *kind* says behind a descriptor, as a shell does before the process starts."""
    if kind == "kept":
        return
    if kind == "closed":
        os.close(descriptor)
    elif kind == "gone":
        reading, writing = os.pipe()
        os.dup2(writing, descriptor)
        os.close(reading)
        os.close(writing)
    else:
        opened = os.open(kind, os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)


def _begin(arguments: Sequence[str], streams: Sequence[str]) -> None:
    """Be the process of one command line; does not return."""
    for descriptor, kind in enumerate(streams):
        _put(kind, descriptor)
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        closed = streams[descriptor] == "closed"
        made = None if closed else os.fdopen(descriptor, "w" if descriptor else "r", closefd=False)
        setattr(sys, name, made)
    sys.argv = ["almaflow", *arguments]
    sys.exit(main())


def _typed(arguments: Sequence[str], streams: Sequence[str]) -> int:
    """Run one command line to its end and return its exit code."""
    child = os.fork()
    if child == 0:
        _begin(arguments, streams)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    typed = json.load(sys.stdin)
    if len(typed) >= MANY:
        _import_everything()
    json.dump([_typed(*one) for one in typed], sys.stdout)
