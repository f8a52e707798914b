"""Ctrl-C, SIGTERM and SIGHUP: the first releases the run cleanly, the second exits immediately."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import anyio

from almaflow.cli.signals import HANGUP, ending_signals, kept_handlers
from almaflow.virtual_time import VirtualTimeLoop

T = TypeVar("T")

EXIT_INTERRUPTED = 130

# Signals within this number of seconds count as one.
_ECHO = 0.2


class Interrupted(Exception):
    """A person pressed Ctrl-C or closed the terminal, or the system asked the process to end."""


def resume_collection() -> None:
    """Enable the garbage collector if `__main__` disabled it, for a command that runs for long.

    What is imported until now stays, so the collector need not check it.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def run_interruptible(main: Callable[[], Awaitable[T]], *, virtual: bool = False) -> T:
    """Run *main* to its end, in virtual time when requested.

    Raises:
        Interrupted: stopped by a signal; *main* was cancelled and has cleaned up.
    """
    first_signal_at: float | None = None
    resume_collection()

    def stop(scope: anyio.CancelScope, number: int) -> None:
        nonlocal first_signal_at
        now = anyio.current_time()
        if first_signal_at is not None and now - first_signal_at < _ECHO:
            # `timeout` and others signal both the process and its group; that counts once.
            return
        if first_signal_at is not None and number == HANGUP:
            # The shell and the system both send it when a terminal closes; that counts once.
            return
        if first_signal_at is not None:
            # A person who presses twice does not want to wait for a response.
            sys.stderr.write(
                "\nLeaving immediately; almaflow will search Alma for requests that were being "
                "sent.\n"
            )
            sys.stderr.flush()
            os._exit(EXIT_INTERRUPTED)
        first_signal_at = now
        scope.cancel()

    async def guarded() -> T | None:
        result = None
        with anyio.CancelScope() as scope:
            _on_signals(partial(stop, scope))
            result = await main()
        return result  # noqa: RET504 - nothing when the scope was cancelled

    options = {"loop_factory": VirtualTimeLoop} if virtual else {}
    try:
        with kept_handlers():
            result = anyio.run(guarded, backend_options=options)
    except KeyboardInterrupt:
        raise Interrupted from None
    if first_signal_at is not None and result is None:
        raise Interrupted
    return result  # type: ignore[return-value]


def _on_signals(stop: Callable[[int], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in ending_signals():
        try:
            loop.add_signal_handler(number, stop, number)
        except (NotImplementedError, RuntimeError, ValueError):
            # Windows' loop has no signal handlers: there asyncio turns Ctrl-C into a
            # KeyboardInterrupt. Nor has a loop outside the main thread.
            return
