from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import pytest

from almaflow.alma.transport import ConnectionLost, InProcessTransport, WireRequest, WireResponse
from almaflow.virtual_time import run_virtual


class Fault(Enum):
    RESET = "reset_before"
    DROP = "drop_after"
    HANG = "hang"
    TRUNCATE = "truncate"
    DRIP = "drip"


@dataclass(frozen=True)
class Answering:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "text/plain"})
    body: bytes = b"hello"
    delay: float = 0.0
    fault: Enum | None = None


def exchange(reply: Answering) -> tuple[WireResponse | ConnectionLost, float]:
    """Return what came of a request with a minute's time, and how many seconds it took."""

    async def run() -> tuple[WireResponse | ConnectionLost, float]:
        seen: list[Any] = []

        def handle(*arguments: Any) -> Answering:
            seen.append(arguments)
            return reply

        transport = InProcessTransport(handle)
        outcome: WireResponse | ConnectionLost
        try:
            outcome = await transport.exchange(WireRequest("GET", "/x", {"A": "b"}, b"{}", 60))
        except ConnectionLost as lost:
            outcome = lost
        transport.close()
        assert seen == [("GET", "/x", {"A": "b"}, b"{}")]
        return outcome, asyncio.get_running_loop().time()

    return run_virtual(run)


def test_an_answer_comes_after_its_delay_with_lower_case_headers() -> None:
    outcome, seconds = exchange(Answering(delay=5))

    assert outcome == WireResponse(200, {"content-type": "text/plain"}, b"hello")
    assert seconds == 5


@pytest.mark.parametrize("fault", [None, Fault.DRIP, Fault.TRUNCATE])
def test_an_answer_that_takes_too_long_is_lost_when_the_time_is_over(fault: Fault | None) -> None:
    outcome, seconds = exchange(Answering(delay=61, fault=fault))

    assert str(outcome) == "no complete response arrived within 60 seconds"
    assert seconds == 60


def test_a_hanging_connection_is_lost_when_the_time_is_over() -> None:
    outcome, seconds = exchange(Answering(fault=Fault.HANG))

    assert isinstance(outcome, ConnectionLost)
    assert seconds == 60


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.DROP, Fault.TRUNCATE])
def test_a_broken_connection_is_a_lost_answer(fault: Fault) -> None:
    outcome, seconds = exchange(Answering(delay=2, fault=fault))

    assert isinstance(outcome, ConnectionLost)
    assert seconds == 2


def test_a_body_that_drips_in_time_is_an_answer() -> None:
    outcome, seconds = exchange(Answering(delay=30, fault=Fault.DRIP))

    assert isinstance(outcome, WireResponse)
    assert seconds == 30
