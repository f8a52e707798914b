"""A complete response counts, whatever the socket does afterwards; one that is cut short is lost.

Real sockets on loopback, plain and TLS: every ending of a response x every call of the client,
answered well and refused. In the ordinary tests every call meets many endings, and every plain
ending a call. The slow ones let each call meet a quarter of all endings, each ending a quarter of
the calls; `ALMAFLOW_ENDINGS=all` lets every call meet every ending.
"""

from __future__ import annotations

import gzip
import inspect
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from almaflow.alma import analytics, calls, set_creation
from almaflow.alma.client import AlmaClient
from almaflow.alma.errors import AlmaError, AlmaRefused, ResponseLost
from almaflow.alma.http import HttpTransport
from almaflow.alma.rate_limit import CallRate
from almaflow.thread_pool import ThreadPool
from tests.alma.every_call import Sample, every_call
from tests.alma.wire_endings import End, Ending, EndingServer, Framing, every_ending
from tests.certificates import make_certificate

ENDINGS = every_ending()
SAMPLES = every_call()

Exchange = tuple[Ending, Sample, bool]
"""An ending, a call, and whether its answer is a refusal."""


class Wire:
    """A client, and the two servers that it meets: plain and TLS."""

    def __init__(self, certificate: Path) -> None:
        self.servers = {False: EndingServer(), True: EndingServer(make_certificate(certificate))}
        pool = ThreadPool("endings", 1)
        self._clients = {
            tls: AlmaClient(
                "main",
                HttpTransport(server.url, pool),
                key="l7xx0123456789abcdef",
                rate=CallRate(1e6, 1e9),
            )
            for tls, server in self.servers.items()
        }

    async def exchange(self, ending: Ending, sample: Sample, refused: bool) -> Any:
        """Send a call that is answered with *ending*; returns its result, or the error."""
        server = self.servers[ending.tls]
        reply = sample.refusal if refused else sample.success
        server.script = (ending.wire(reply), ending.end)
        before = server.requests
        try:
            found = await self._clients[ending.tls].send(sample.call)
        except AlmaError as error:
            found = error
        # Nothing is ever sent twice.
        assert server.requests == before + 1
        if ending.end is not End.STAYS:
            # A request may always cross the end of the connection that it is sent on.
            server.wait_for_end()
        return found

    def close(self) -> None:
        for tls, server in self.servers.items():
            self._clients[tls].close()
            server.close()


@pytest.fixture
def wire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "certificate.pem"))
    made = Wire(tmp_path / "certificate.pem")
    yield made
    made.close()


def is_right(found: Any, ending: Ending, sample: Sample, refused: bool) -> bool:
    # A response without content ends with its headers, however its connection ends.
    bare = sample.success.status == 204 and not refused and not ending.short
    if not (ending.is_complete or bare):
        return isinstance(found, ResponseLost)
    if refused:
        return isinstance(found, AlmaRefused) and found.codes == {"402216"}
    return bool(found == sample.result)


def wrong_ones(wire: Wire, exchanges: Iterable[Exchange]) -> list[str]:
    async def run() -> list[str]:
        wrong = []
        for ending, sample, refused in exchanges:
            found = await wire.exchange(ending, sample, refused)
            if not is_right(found, ending, sample, refused):
                wrong.append(f"{sample.name}, refused: {refused}, {ending}: {found!r}"[:300])
        return wrong

    return anyio.run(run)


def representative() -> Sequence[Exchange]:
    """Return an exchange for each plain ending and some with TLS; the calls take turns."""
    some = [one for at, one in enumerate(ENDINGS) if not one.tls or at % 5 == 0]
    return [(one, SAMPLES[at // 2 % len(SAMPLES)], bool(at % 2)) for at, one in enumerate(some)]


def test_endings_are_taken_for_what_they_are(wire: Wire) -> None:
    assert wrong_ones(wire, representative()) == []


# Every one of how many endings a call meets. Three calls or four meet each ending.
STRIDE = 1 if os.environ.get("ALMAFLOW_ENDINGS") == "all" else 8


@pytest.mark.slow
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_endings_of_every_call_are_taken_for_what_they_are(wire: Wire, sample: Sample) -> None:
    """Each call meets an eighth of the endings, and all of them with `ALMAFLOW_ENDINGS=all`."""
    met = ENDINGS[SAMPLES.index(sample) % STRIDE :: STRIDE]
    row = [(ending, sample, refused) for ending in met for refused in (False, True)]

    assert wrong_ones(wire, row) == []


def test_the_matrix_has_every_call_and_every_ending() -> None:
    made = {sample.name.partition(",")[0].partition(" for")[0] for sample in SAMPLES}
    functions = {
        name
        for module in (calls, analytics, set_creation)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if not name.startswith("_")
        and function.__module__ == module.__name__
        and str(inspect.signature(function).return_annotation).startswith("AlmaRequest[")
    }

    assert made == functions
    assert {sample.name for sample in SAMPLES} <= {one[1].name for one in representative()}
    assert len(ENDINGS) == len(set(ENDINGS)) == 1320
    assert len(ENDINGS) * len(SAMPLES) * len(("well", "refused")) == 81_840
    assert {(one.framing, one.end) for one in ENDINGS} >= {
        (framing, end) for framing in Framing for end in End if end is not End.STAYS
    }


# --- what an ending is not -------------------------------------------------------------------


PLAIN = Ending(False, "1.1", Framing.LENGTH, "", "no interim response", "", End.STAYS, short=False)
JOB = next(one for one in SAMPLES if one.name == "job")
SUBMIT = next(one for one in SAMPLES if one.name == "submit_job")
CHANGE = next(one for one in SAMPLES if one.name == "change_members")


def send(wire: Wire, sample: Sample, bytes_: bytes, end: End = End.FIN, tls: bool = False) -> Any:
    """Send the call of *sample*, which is answered with *bytes_*."""

    async def run() -> Any:
        server = wire.servers[tls]
        server.script = (bytes_, end)
        try:
            return await wire._clients[tls].send(sample.call)
        except AlmaError as error:
            return error

    return anyio.run(run)


def lost(wire: Wire, bytes_: bytes) -> str:
    found = send(wire, SUBMIT, bytes_)
    assert type(found) is ResponseLost, found
    return found.why


@pytest.mark.parametrize("end", [End.FIN, End.RST])
def test_a_kept_connection_that_is_dropped_before_the_next_request_costs_nothing(
    wire: Wire, end: End
) -> None:
    server = wire.servers[False]
    assert send(wire, JOB, PLAIN.wire(JOB.success), End.STAYS) == JOB.result

    server.ended.clear()
    server.drop(end)

    assert send(wire, JOB, PLAIN.wire(JOB.success), End.STAYS) == JOB.result
    assert (server.requests, server.connections) == (2, 2)


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("end", [End.FIN, End.RST])
def test_an_answer_that_comes_before_the_request_was_heard_counts(
    wire: Wire, end: End, tls: bool
) -> None:
    ids = [f"{number:0100}" for number in range(1000)]
    large = calls.change_members("80", "add_members", ids)
    server = wire.servers[tls]
    server.read_request = False

    found = send(wire, replace(CHANGE, call=large), PLAIN.wire(CHANGE.refusal), end, tls)

    assert isinstance(found, AlmaRefused)
    assert server.requests == 1


def test_what_comes_behind_a_response_is_not_the_next_one_s(wire: Wire) -> None:
    twice = PLAIN.wire(JOB.success) + PLAIN.wire(JOB.refusal)
    assert send(wire, JOB, twice, End.STAYS) == JOB.result

    assert send(wire, JOB, PLAIN.wire(JOB.success), End.STAYS) == JOB.result
    assert wire.servers[False].connections == 2


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BODY = SUBMIT.success.body
SIZED = HEAD + b"Content-Length: %d\r\n" % len(BODY)


def packed(coding: str, body: bytes) -> bytes:
    length = b"Content-Length: %d\r\n" % len(body)
    return HEAD + b"Content-Encoding: " + coding.encode() + b"\r\n" + length + b"\r\n" + body


def raw_deflate(body: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(body) + engine.flush()


@pytest.mark.parametrize(
    "bytes_",
    [
        packed("deflate", raw_deflate(BODY)),
        packed("identity", BODY),
        packed("x-gzip", gzip.compress(BODY)),
        packed("GZIP", gzip.compress(BODY[:9]) + gzip.compress(BODY[9:])),
        packed("gzip", gzip.compress(BODY) + b"\0\0\0"),
        packed("deflate, gzip", gzip.compress(zlib.compress(BODY))),
        SIZED.replace(b"\r\n", b"\n") + b"\n" + BODY,
        SIZED.replace(b" OK", b"") + b"\r\n" + BODY,
        SIZED + b"X-Odd: \xff\x01\r\n\r\n" + BODY,
        SIZED + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY,
        SIZED + b"X-Long: " + b"x" * 60_000 + b"\r\n\r\n" + BODY,
        b"HTTP/1.1 102 Processing\r\n\r\n" * 1000 + SIZED + b"\r\n" + BODY,
    ],
    ids=range(12),
)
def test_odd_but_complete_responses_count(wire: Wire, bytes_: bytes) -> None:
    assert send(wire, SUBMIT, bytes_) == SUBMIT.result


@pytest.mark.parametrize(
    ("bytes_", "why"),
    [
        (b"", "closed before a response arrived"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "rules of HTTP"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10_000, "headers are larger than 64 KiB"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "rules of HTTP"),
        (b"HTTP/1.1 204 No Content\r\nX-A: b", "rules of HTTP"),
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 1", "rules of HTTP"),
        (b"HTTP/1.1 400", "rules of HTTP"),
        (SIZED + b"X-Long: " + b"x" * 200_000, "rules of HTTP"),
        (SIZED + b"X: y\r\n" * 50_000, "rules of HTTP"),
        (b"HTTP/2.0 200 OK\r\n\r\n", "rules of HTTP"),
        (b"ICY 200 OK\r\n\r\n", "rules of HTTP"),
        (BODY, "rules of HTTP"),
        (SIZED + b"Content-Length: 5\r\n\r\n" + BODY, "rules of HTTP"),
        (HEAD + b"Content-Length: -5\r\n\r\n" + BODY, "rules of HTTP"),
        (HEAD + b"Content-Length: +5\r\n\r\n" + BODY, "rules of HTTP"),
        (HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n" + BODY, "rules of HTTP"),
        (HEAD + b"Content-Length: 999999999999\r\n\r\n" + BODY, "rules of HTTP"),
        (HEAD + b"Transfer-Encoding: gzip\r\n\r\n" + BODY, "rules of HTTP"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n", "rules of HTTP"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n", "rules of HTTP"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 50_001, "pieces"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 50_000, "rules of"),
        (packed("br", BODY), "compressed as `br`,"),
        (packed("gzip, gzip, gzip", BODY), "compressed as `gzip, gzip, gzip`,"),
        (packed("gzip", gzip.compress(BODY)[:-1]), "incomplete"),
        (packed("deflate", zlib.compress(BODY)[:-1]), "incomplete"),
        (packed("deflate", raw_deflate(BODY)[:-1]), "incomplete"),
        (packed("gzip", BODY), "damaged"),
        (packed("deflate", b"\xff" + BODY), "damaged"),
        (packed("gzip", gzip.compress(b"x") * 101), "more than 100 parts"),
    ],
    ids=range(30),
)  # fmt: skip
def test_what_is_cut_short_or_unbounded_is_a_lost_answer(
    wire: Wire, bytes_: bytes, why: str
) -> None:
    assert why in lost(wire, bytes_)
    assert wire.servers[False].requests == 1


@pytest.mark.parametrize("is_packed", [True, False])
def test_a_response_of_more_than_16_mib_is_a_lost_answer(wire: Wire, is_packed: bool) -> None:
    if is_packed:
        response = packed("gzip", gzip.compress(b"x" * (16 * 1024**2 + 1)))
    else:
        response = HEAD + b"\r\n" + b"x" * (17 * 1024**2)

    assert "larger than 16 MiB" in lost(wire, response)
    assert wire.servers[False].requests == 1
