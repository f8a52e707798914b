"""What a pooler answers: connections in this process stand in for the ones that it hands out."""

from __future__ import annotations

import select
from types import SimpleNamespace
from typing import Any

import pytest
from psycopg.pq import DiagnosticField, ExecStatus

from almaflow.store import StoreUrlWrong
from almaflow.store.location import read_url
from almaflow.store.pooler import check_pooling

PLACE = read_url("postgresql://eva@db.example.org/alma")


class Answer:
    """One result of the server."""

    def __init__(self, status: ExecStatus, value: bytes = b"", state: bytes = b"") -> None:
        self.status, self._value, self._state = status, value, state

    def get_value(self, row: int, column: int) -> bytes:
        assert (row, column) == (0, 0)
        return self._value

    def error_field(self, field: DiagnosticField) -> bytes:
        assert field is DiagnosticField.SQLSTATE
        return self._state


class Wire:
    """The other connection: *busy* is how often it has to be read before its answers are there."""

    socket = 7

    def __init__(self, answers: list[Answer], busy: int) -> None:
        self._answers, self._busy = list(answers), busy
        self.sent: list[bytes] = []

    def send_query(self, statements: bytes) -> None:
        self.sent.append(statements)

    def is_busy(self) -> bool:
        return self._busy > 0

    def consume_input(self) -> None:
        self._busy -= 1

    def get_result(self) -> Answer | None:
        return self._answers.pop(0) if self._answers else None


class Mine:
    """Our connection: the process that it was opened with, and those that answer it in turn."""

    def __init__(self, opened_with: int, answering: list[int]) -> None:
        self.info = SimpleNamespace(backend_pid=opened_with)
        self._answering = answering

    def execute(self, statement: str) -> Any:
        assert statement == "SELECT pg_backend_pid()"
        # The last one keeps answering.
        one = self._answering.pop(0) if len(self._answering) > 1 else self._answering[0]
        return SimpleNamespace(fetchone=lambda: (str(one),))


class Others:
    """Opens the other connections, and keeps them."""

    def __init__(self, answers: list[Answer], busy: int = 0) -> None:
        self.opened: list[Wire] = []
        self.closed = 0
        self._answers, self._busy = answers, busy

    def __call__(self) -> Any:
        self.opened.append(Wire(self._answers, self._busy))
        return SimpleNamespace(pgconn=self.opened[-1], close=self._close)

    def _close(self) -> None:
        self.closed += 1


BEGUN = Answer(ExecStatus.COMMAND_OK)


def from_process(number: int) -> list[Answer]:
    return [BEGUN, Answer(ExecStatus.TUPLES_OK, str(number).encode())]


def refused(state: bytes) -> list[Answer]:
    return [Answer(ExecStatus.FATAL_ERROR, state=state)]


@pytest.fixture
def readable(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Say of each wait whether something came; True where nothing is said."""
    said: list[bool] = []

    def wait(read: list[int], *_: Any) -> Any:
        return (read if (not said or said.pop(0)) else [], [], [])

    monkeypatch.setattr(select, "select", wait)
    return said


def test_a_server_is_recognised_by_its_own_process_and_asked_nothing_more() -> None:
    others = Others([])

    check_pooling(PLACE, Mine(41, [41]), others)  # type: ignore[arg-type]

    assert others.opened == []


@pytest.mark.parametrize(
    ("answering", "answers"),
    [
        pytest.param([42], from_process(42), id="the other one got our process"),
        pytest.param([42, 42, 43], from_process(44), id="ours got another process meanwhile"),
        pytest.param([42], refused(b"08P01"), id="no transaction of several statements"),
    ],
)
def test_a_pooler_that_shares_is_refused(
    readable: list[bool], answering: list[int], answers: list[Answer]
) -> None:
    others = Others(answers, busy=2)

    with pytest.raises(StoreUrlWrong) as caught:
        check_pooling(PLACE, Mine(1, answering), others)  # type: ignore[arg-type]

    assert "pool_mode = session" in str(caught.value)
    assert [wire.sent for wire in others.opened] == [[b"BEGIN; SELECT pg_backend_pid()"]]
    assert others.closed == 1


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param(from_process(44), id="a session of its own"),
        pytest.param(refused(b"53300"), id="too many connections"),
        pytest.param([], id="no answer"),
    ],
)
def test_a_pooler_of_sessions_is_accepted_after_three_comparisons(
    readable: list[bool], answers: list[Answer]
) -> None:
    others = Others(answers, busy=1)

    check_pooling(PLACE, Mine(1, [42]), others)  # type: ignore[arg-type]

    assert (len(others.opened), others.closed) == (3, 3)


def test_a_pooler_without_a_free_connection_is_not_waited_for(readable: list[bool]) -> None:
    readable.extend([False, False, False])
    others = Others(from_process(42), busy=1)

    check_pooling(PLACE, Mine(1, [42]), others)  # type: ignore[arg-type]

    assert (len(others.opened), others.closed, readable) == (3, 3, [])
