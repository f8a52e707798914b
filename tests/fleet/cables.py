"""Network namespaces: a host in one is a machine of its own, whose cable can be pulled.

Unlike a proxy that carries nothing, a pulled cable acknowledges nothing, so that the systems of
both ends find out that the other one is gone.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

_numbers = itertools.count()


@dataclass(frozen=True)
class Cable:
    """A network namespace and the cable between it and the test's machine."""

    network: str
    """The name of the namespace."""
    address: str
    """Where the test's machine is, as seen from there."""
    _end: str

    def pull(self) -> None:
        """Let nothing come through any more."""
        _ip("link", "set", self._end, "down")

    def plug_in(self) -> None:
        """Let everything come through again."""
        _ip("link", "set", self._end, "up")


@contextmanager
def cable() -> Iterator[Cable]:
    """Make a network namespace with a cable, or skip the test where that is not allowed."""
    number, own = next(_numbers), os.getpid() % 10_000
    name, here, there = f"almaflow-{own}-{number}", f"af{own}h{number}", f"af{own}t{number}"
    ours, theirs = (f"10.213.{own % 250}.{4 * number % 252 + end}" for end in (1, 2))
    if shutil.which("ip") is None:
        pytest.skip("there is no `ip`, which makes network namespaces")
    try:
        _ip("netns", "add", name)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"network namespaces are not allowed here: {error.stderr.strip()}")
    try:
        _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
        _ip("addr", "add", f"{ours}/30", "dev", here)
        _ip("link", "set", here, "up")
        for words in (("addr", "add", f"{theirs}/30", "dev", there), ("link", "set", there, "up")):
            _ip("-n", name, *words)
        _ip("-n", name, "link", "set", "lo", "up")
        yield Cable(name, ours, here)
    finally:
        _ip("netns", "delete", name)
        subprocess.run(["ip", "link", "delete", here], capture_output=True, check=False)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
