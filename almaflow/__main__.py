"""The command `almaflow`, also as `python -m almaflow`."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from almaflow import __version__

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return the exit code; *arguments* default to the process's."""
    owns_process = arguments is None
    if arguments is None:
        # Not at the top, where Ctrl-C would show a traceback: `run_process` handles it here.
        from almaflow.cli.signals import interrupt_on_signals
        from almaflow.cli.streams import secure_streams

        # This process is ours alone: before anything else is opened.
        secure_streams()
        # An error while an object is discarded concerns nobody; Python would show a traceback.
        sys.unraisablehook = lambda _: None
        interrupt_on_signals()
        _skip_plugins()
        arguments = sys.argv[1:]
    words = list(arguments)
    if words == ["--version"]:
        # Before anything is imported that this question does not need.
        sys.stdout.write(f"almaflow {__version__}\n")
        return 0
    if owns_process:
        # Imports make many objects that stay; searching them for garbage costs a tenth of the time
        # of a short command. What runs for long enables the collector again (`cli/interrupt.py`).
        gc.disable()
    from almaflow.cli.error_handler import run_command_line

    return run_command_line(words)


def _skip_plugins() -> None:
    """Let pydantic have no plugins: they would see settings and workflows, which may hold secrets.

    It would read the metadata of every installed package for them. Even when they are disabled it
    imports the library that does this, which takes a tenth of the time of a short command; so its
    module that finds them is replaced by an empty one.
    """
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    loader = ModuleType("pydantic.plugin._loader")
    loader.__dict__["get_plugins"] = tuple
    sys.modules[loader.__name__] = loader


def run_process() -> NoReturn:
    """Run the command line of this process, and end the process with its exit code.

    The command has closed what it opened, and what registered itself for the exit is called here.
    Python would then free every object one by one, which takes as long as some commands work; so
    the system does it. To measure a command with a profiler, call `main`.
    """
    try:
        code = main()
        atexit._run_exitfuncs()
    except KeyboardInterrupt:
        # While modules were imported, or while the process ended.
        code = _INTERRUPTED
        sys.stderr.write("Interrupted.\n")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    run_process()
