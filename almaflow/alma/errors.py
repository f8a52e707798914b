"""The errors of calls to Alma, one for each next move of the caller.

AlmaError
├── NotAccepted            Alma certainly did not accept the request: sending again is safe
│   ├── AlmaUnreachable     no connection was established; nothing was sent
│   └── AlmaBusy            Alma says "later": a threshold of calls or jobs
├── AlmaRefused         Alma responded with an error; the same request gets the same one
├── ResponseLost          sent, but no reliable response arrived: a read may be
│                       repeated; search for a write first
└── NotInAlma           a name or id that this institution does not have (directory.py)
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from almaflow.errors import AlmaflowError
from almaflow.late_dataclasses import dataclass


@dataclass(frozen=True)
class AlmaMessage:
    """One entry of Alma's error list; *tracking_id* is what Ex Libris support asks for."""

    code: str
    message: str
    tracking_id: str = ""

    def __str__(self) -> str:
        tracking = f", tracking id {self.tracking_id}" if self.tracking_id else ""
        return f"{self.message.rstrip('.') or 'no text'} (code {self.code or 'none'}{tracking})"


class AlmaError(AlmaflowError):
    """A call to Alma did not succeed.

    *what* is the request ("POST /conf/jobs/M44"); *http_status* is None when no response arrived;
    *messages* are Alma's own, in its order; *advice* is a sentence about what to do next. *closing*
    comes after everything else: what a simulated Alma says of its scenario.
    """

    def __init__(
        self,
        text: str,
        *,
        what: str = "",
        http_status: int | None = None,
        messages: Sequence[AlmaMessage] = (),
        advice: str = "",
        closing: str = "",
    ) -> None:
        self.text = text
        self.what = what
        self.http_status = http_status
        self.messages = tuple(messages)
        self.advice = advice
        self.closing = closing
        super().__init__(" ".join(part for part in (text, advice, closing) if part))

    def add_advice(self, sentences: str) -> None:
        """Append *sentences* to the advice."""
        self.advice = f"{self.advice} {sentences}".strip()
        self.renew()

    def renew(self) -> None:
        """Let the error read as its parts do now."""
        parts = (self.text, self.advice, self.closing)
        self.args = (" ".join(part for part in parts if part),)

    @property
    def codes(self) -> frozenset[str]:
        """Alma's error codes, such as `402216`."""
        return frozenset(message.code for message in self.messages)


class NotAccepted(AlmaError):
    """Alma certainly did not accept the request; sending it again is safe."""


class AlmaUnreachable(NotAccepted):
    """No connection was established: refused, unknown host, TLS. Nothing was sent."""


class Threshold(StrEnum):
    """The limit that an `AlmaBusy` reports."""

    CALLS = "calls"
    """Calls per second or minute."""
    DAY = "day"
    """The institution's calls for today are used up until midnight."""
    JOBS = "jobs"
    """3 API-started jobs are running, or this job was started 5 times in the last hour."""
    OVERLAP = "overlap"
    """Another run conflicts with this job (60347)."""


class AlmaBusy(NotAccepted):
    """Alma asks to send the request later; *threshold* says which limit is reached."""

    def __init__(self, text: str, *, threshold: Threshold, **details: object) -> None:
        super().__init__(text, **details)  # type: ignore[arg-type]
        self.threshold = threshold


class AlmaRefused(AlmaError):
    """Alma responded with an error, or the host is not Alma's. Repeating the request would fail
    again.

    *foreign* says that the response was not recognisably Alma's: a web page, a redirection, a
    status alone. Only a read has such a refusal, and if the host has responded as Alma before,
    that is an outage such as maintenance.
    """

    foreign = False


class ResponseLost(AlmaError):
    """The request was sent, but no reliable response arrived (5xx, HTML, incomplete, none).

    *why* says in a few words what arrived instead.
    """

    def __init__(self, text: str, *, why: str = "", **details: object) -> None:
        super().__init__(text, **details)  # type: ignore[arg-type]
        self.why = why or text


class NotInAlma(AlmaError):
    """A job, profile or set that this institution does not have, or has several of.

    *noun* is `job`, `profile` or `set`; *name* is what was searched for, *found* how many there
    are: none, or several.
    """

    def __init__(
        self, text: str, *, noun: str, name: str, advice: str = "", found: int = 0
    ) -> None:
        super().__init__(text, advice=advice)
        self.noun = noun
        self.found = found
        self.name = name
