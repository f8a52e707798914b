"""The signals that end a process: Ctrl-C, SIGTERM and, when a terminal closes, SIGHUP."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

# Windows has no SIGHUP.
HANGUP: Final[int | None] = getattr(signal, "SIGHUP", None)


def ending_signals() -> list[int]:
    """Return the signals that request this process to end.

    SIGHUP is not one of them where the parent process ignores it, as `nohup` does.
    """
    signals: list[int] = [signal.SIGINT, signal.SIGTERM]
    if HANGUP is not None and signal.getsignal(HANGUP) is not signal.SIG_IGN:
        signals.append(HANGUP)
    return signals


def interrupt_on_signals() -> None:
    """Let every ending signal raise `KeyboardInterrupt`, as Ctrl-C does."""
    for number in ending_signals():
        if number != signal.SIGINT:
            signal.signal(number, signal.default_int_handler)


@contextmanager
def kept_handlers() -> Iterator[None]:
    """Restore the signal handlers from before the block.

    An event loop that handled a signal leaves it with the system's default when it closes.
    """
    before: dict[int, Callable[..., Any] | int | None] = {
        number: signal.getsignal(number) for number in ending_signals()
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            # Only the main thread may set handlers, and no other thread has changed any.
            with suppress(ValueError, TypeError):
                signal.signal(number, handler)
