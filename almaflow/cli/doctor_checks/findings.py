"""The findings of checks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from almaflow.errors import AlmaflowError
from almaflow.late_dataclasses import dataclass


class Verdict(StrEnum):
    """The result of a check."""

    OK = "ok"
    WARNING = "warning"
    """It works, but a person should check it."""
    ERROR = "error"
    """It will not work."""


@dataclass(frozen=True)
class Finding:
    """One thing that was checked."""

    what: str
    """What was checked, such as `institution main`."""
    verdict: Verdict
    text: str
    """The finding, as a clause."""
    move: str = ""
    """Advice, as a sentence; empty when nothing has to be done or the text says it."""


def good(what: str, text: str) -> Finding:
    """Return a good finding."""
    return Finding(what, Verdict.OK, text)


def doubtful(what: str, text: str, move: str = "") -> Finding:
    """Return a finding about something that works but should be checked."""
    return Finding(what, Verdict.WARNING, text, move)


def bad(what: str, text: str, move: str = "") -> Finding:
    """Return a bad finding."""
    return Finding(what, Verdict.ERROR, text, move)


class Findings(list[Finding]):
    """The findings of one check so far."""

    @contextmanager
    def about(self, what: str) -> Iterator[None]:
        """End the block at an error of almaflow and add it as a finding about *what*."""
        try:
            yield
        except AlmaflowError as error:
            self.append(bad(what, str(error)))
