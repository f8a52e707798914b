"""What the simulated Alma answers, as values: replies, faults on the wire and refusals."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from almaflow.alma.simulator.texts import error_text


class WireFault(StrEnum):
    """What happens on the connection instead of a clean answer."""

    RESET_BEFORE = "reset_before"
    """The connection dies before the request is processed."""
    DROP_AFTER = "drop_after"
    """The request is processed, the connection dies without an answer."""
    HANG = "hang"
    """No answer ever comes; the connection stays open."""
    TRUNCATE = "truncate"
    """Headers promise the whole body, half of it comes, the connection dies."""
    CLOSE = "close"
    """The connection is closed after the response, whose headers announce it."""
    DRIP = "drip"
    """The body comes byte by byte, spread over the reply's `delay`."""
    RESET_AFTER = "reset_after"
    """The whole answer comes, and the connection is reset right behind its last byte."""


@dataclass(frozen=True)
class Reply:
    """One answer; header names are lower-case.

    *delay* is in seconds of the caller's clock, before the answer is complete.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    delay: float = 0.0
    fault: WireFault | None = None


@dataclass(frozen=True)
class EndpointResult:
    """What an endpoint has to say, before it becomes JSON or XML.

    *root* names the XML root; *raw* (with *content_type*) replaces *data* for the few
    answers that are not objects. *hint* is a line of a scenario file that would help.
    """

    root: str
    data: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    raw: bytes | None = None
    content_type: str = "application/xml;charset=UTF-8"
    hint: str = ""


class ErrorEnvelope(StrEnum):
    """Which of Alma's error envelopes an error wears (alma-api.md 10.3)."""

    APPLICATION = "application"
    FRAMEWORK = "framework"
    GATEWAY = "gateway"


class ApiError(Exception):
    """Alma refuses a request with an error *code*; the text is the documented one by default."""

    def __init__(
        self,
        code: str,
        message: str = "",
        *,
        status: int = 400,
        shape: ErrorEnvelope = ErrorEnvelope.APPLICATION,
        hint: str = "",
    ) -> None:
        self.code = code
        self.message = message or error_text(code)
        self.status = status
        self.shape = shape
        self.hint = hint
        super().__init__(f"{code}: {self.message}")


def bad_request(message: str) -> ApiError:
    """A body that Alma's framework cannot turn into an object."""
    return ApiError("BAD_REQUEST", message, shape=ErrorEnvelope.FRAMEWORK)
