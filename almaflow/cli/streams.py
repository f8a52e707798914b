"""Makes the standard streams safe: all three are open, and lost output stops no run.

A run must not end because the reader of its output has gone, the disk behind it is full or its
terminal was closed. From the first write that fails on, what is written to that stream vanishes.
The exit code of a command is its own; `failure_of` says what happened to a stream.
"""

from __future__ import annotations

import io
import os
import select
import sys
from typing import Any, Final, TextIO

_STANDARD: Final = (0, 1, 2)


def secure_streams() -> None:
    """Make the standard streams safe. Call this before any file is opened.

    A descriptor that the parent process closed would otherwise be given to the
    next file that is opened, such as the store, and output would be written into it.
    """
    for descriptor in _STANDARD:
        _fill(descriptor)
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), encoding="utf-8")
    sys.stdout = _lenient(sys.stdout, 1)
    sys.stderr = _lenient(sys.stderr, 2)


def failure_of(stream: TextIO) -> OSError | None:
    """Return why the rest of the output to *stream* was lost; None when it was written."""
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw.failure if isinstance(raw, _LenientFile) else None


def _fill(descriptor: int) -> None:
    """Open the null device on *descriptor* if it is closed."""
    try:
        os.fstat(descriptor)
    except OSError:
        opened = os.open(os.devnull, os.O_RDWR)
        if opened != descriptor:
            os.dup2(opened, descriptor)
            os.close(opened)
        # Programs that we start, such as git, need it as well.
        os.set_inheritable(descriptor, True)


def _lenient(stream: TextIO | None, descriptor: int) -> TextIO:
    """Return a stream like *stream*, which is Python's own or None, whose writes never fail."""
    if stream is None:
        raw = _LenientFile(descriptor, "w", closefd=False)
        return io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", errors="replace")
    if not isinstance(_raw_of(stream), io.FileIO) or not isinstance(stream, io.TextIOWrapper):
        # A console of Windows, which is written in another way.
        return stream
    raw = _LenientFile(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering or stream.write_through,
    )


def _raw_of(stream: TextIO) -> Any:
    # With `python -u` there is no buffer in between.
    buffer = getattr(stream, "buffer", None)
    return getattr(buffer, "raw", buffer)


class _LenientFile(io.FileIO):
    """A file whose writes always succeed: after the first failure, output is discarded."""

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        if self.failure is None:
            try:
                return self._write(data)
            except OSError as error:
                self.failure = error
        return memoryview(data).nbytes

    def _write(self, data: Any) -> int:
        """Write some of *data*, and wait for a pipe that takes nothing right now."""
        while (written := super().write(data)) is None:
            select.select([], [self], [])
        return written
