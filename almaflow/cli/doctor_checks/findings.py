"""What a checkup finds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from almaflow.errors import AlmaflowError
from almaflow.late_dataclasses import dataclass


class Verdict(StrEnum):
    """How something is."""

    OK = "ok"
    WARNING = "warning"
    """It works, and wants a look."""
    ERROR = "error"
    """Something will not work."""


@dataclass(frozen=True)
class Finding:
    """One thing that was checked."""

    what: str
    """What was checked, such as `institution main`."""
    verdict: Verdict
    text: str
    """What was found, a clause."""
    move: str = ""
    """What to do about it, a sentence; empty when nothing has to be done, or the text says it."""


def good(what: str, text: str) -> Finding:
    """Return a finding about what is as it should be."""
    return Finding(what, Verdict.OK, text)


def doubtful(what: str, text: str, move: str = "") -> Finding:
    """Return a finding about what works and wants a look."""
    return Finding(what, Verdict.WARNING, text, move)


def bad(what: str, text: str, move: str = "") -> Finding:
    """Return a finding about what will not work."""
    return Finding(what, Verdict.ERROR, text, move)


class Findings(list[Finding]):
    """What one checkup has found so far."""

    @contextmanager
    def about(self, what: str) -> Iterator[None]:
        """Let an error of ours end the block, and be a finding about *what*."""
        try:
            yield
        except AlmaflowError as error:
            self.append(bad(what, str(error)))
