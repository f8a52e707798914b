"""The log of `almaflow simulator --log`: one line for each request."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterable
from pathlib import Path

from almaflow.alma.simulator.request_log import LoggedRequest
from almaflow.cli.render.terminal import say
from almaflow.clock import SystemClock
from almaflow.errors import RequestWrong
from almaflow.text_files import printable
from almaflow.visible import unbroken

# Neither a link nor a pipe that nobody reads is opened.
_FLAGS = (
    os.O_WRONLY
    | os.O_APPEND
    | os.O_CREAT
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)


_MIB = 1024 * 1024
# Bytes; a million lines or so. Nothing is renamed or removed, for another file may have that name.
_LARGEST = 100 * _MIB


class RequestLog:
    """Appends requests to *file*, or writes them to standard error if it is `-`.

    *keys* are starred wherever they are. A log that cannot be written, or has 100 MiB, is reported
    once; the simulator keeps serving. Raises: RequestWrong.
    """

    def __init__(self, file: Path, keys: Iterable[str]) -> None:
        self._keys = tuple(keys)
        self._name = printable(str(file))
        self._lock = threading.Lock()
        self._works = True
        self._size = 0
        self._descriptor = None if str(file) == "-" else self._open(file)

    def _open(self, file: Path) -> int:
        try:
            descriptor = os.open(file, _FLAGS, 0o600)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise RequestWrong(
                f"The simulator cannot write its log to {self._name}: {reason}. Specify "
                "an ordinary file with `--log`, or `--log -` for standard error."
            ) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise RequestWrong(
                f"{self._name} is not an ordinary file. Specify one with `--log`, or `--log -` "
                "for standard error."
            )
        self._size = os.fstat(descriptor).st_size
        if self._size >= _LARGEST:
            os.close(descriptor)
            raise RequestWrong(
                f"The log {self._name} is full: it has {_LARGEST // _MIB} MiB. Move it away, or "
                "specify another file with `--log`."
            )
        return descriptor

    def __call__(self, request: LoggedRequest) -> None:
        with self._lock:
            line = self._line(request)
            if self._descriptor is None:
                say(line, err=True)
            elif self._works:
                self._append(self._descriptor, f"{line}\n".encode(errors="backslashreplace"))

    def _line(self, request: LoggedRequest) -> str:
        at = SystemClock().now().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        target = request.target
        for key in self._keys:
            target = target.replace(key, "***")
        status = "-" if request.status is None else int(request.status)
        words = [at, request.method or "-", target or "-", status, f"{request.milliseconds:.0f}ms"]
        return unbroken(" ".join(map(str, [*words, request.fault]))).rstrip()

    def _append(self, descriptor: int, line: bytes) -> None:
        self._size += len(line)
        try:
            if self._size >= _LARGEST:
                line = b"The log is full; later requests are not in it.\n"
            os.write(descriptor, line)
        except OSError as error:
            self._give_up(f"The simulator cannot write its log to {self._name}: {error.strerror}")
        else:
            if self._size >= _LARGEST:
                self._give_up(f"The log {self._name} is full: it has {_LARGEST // _MIB} MiB")

    def _give_up(self, reason: str) -> None:
        self._works = False
        say(f"warning: {reason}. The simulator continues without a log.", err=True)

    def close(self) -> None:
        """Close the file; what is logged afterwards is lost."""
        with self._lock:
            self._works = False
            if self._descriptor is not None:
                os.close(self._descriptor)
