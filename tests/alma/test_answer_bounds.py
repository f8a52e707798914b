"""No answer is read without a bound, ends in a defect, or stops the event loop."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest

from almaflow.alma import calls
from almaflow.alma.calls import AlmaRequest
from almaflow.alma.client import AlmaClient
from almaflow.alma.directory import MOST_LISTED, read_pages
from almaflow.alma.errors import AlmaError, AlmaRefused, ResponseLost
from almaflow.alma.rate_limit import CallRate
from almaflow.alma.response_body import BodyFormat, read_body
from almaflow.alma.transport import WireRequest, WireResponse
from almaflow.alma.value_parsing import UnreadableResponse, instant, items, number, text, whole
from almaflow.alma.wire import Job, JobInstance, Page
from almaflow.alma.xmltree import XmlInvalid, parse_xml
from almaflow.virtual_time import VirtualClock, run_virtual

JSON, HTML, XML = "application/json", "text/html", "application/xml"
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


class Fixed:
    """A transport that gives one answer."""

    def __init__(self, answer: WireResponse) -> None:
        self.answer = answer

    async def exchange(self, request: WireRequest) -> WireResponse:
        return self.answer

    def close(self) -> None:
        """Nothing is held."""


def client(body: bytes, content_type: str = JSON, status: int = 200, **headers: str) -> AlmaClient:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    transport = Fixed(WireResponse(status, {"content-type": content_type} | named, body))
    clock = VirtualClock(NOW)
    return AlmaClient("main", transport, key="l7xxKEY", rate=CallRate(1e6, 1e9), clock=clock)


async def send(made: AlmaClient, call: AlmaRequest[Any]) -> Any:
    try:
        return await made.send(call)
    except AlmaError as error:
        return error


def sent(
    body: bytes, content_type: str = JSON, call: AlmaRequest[Any] | None = None, **more: Any
) -> Any:
    made = client(body, content_type, **more)
    return anyio.run(send, made, call or calls.get_any("/conf/x"))


# Made where they are sent: they are a hundred megabytes.
@pytest.mark.parametrize(
    ("made", "content_type", "kind"),
    [
        (lambda: b"<html>" + b"<title>" * 400_000, HTML, AlmaRefused),
        (lambda: b"<html " + b"<" * 2_000_000, HTML, AlmaRefused),
        (lambda: b"<html>" + b"&amp" * 2_000_000, HTML, AlmaRefused),
        (lambda: b"a-" * 2_000_000, "text/plain; charset=punycode", ResponseLost),
        (lambda: b"\\u" * 2_000_000, "text/plain; charset=unicode_escape", ResponseLost),
        (lambda: b"[" + b"[]," * 5_000_000 + b"[]]", JSON, ResponseLost),
        (lambda: b"[" + b"1," * 5_000_000 + b"1]", JSON, ResponseLost),
        (lambda: b'{"a":' * 700 + b'"\\ud800"' + b"}" * 700, JSON, ResponseLost),
        (lambda: b"[" * 101 + b"]" * 101, JSON, ResponseLost),
        (lambda: b"[" * 8_000_000, JSON, ResponseLost),
        (lambda: b'{"a": ' + b"9" * 101 + b"}", JSON, ResponseLost),
        (lambda: b'{"a": ' + b"9" * 5000 + b"}", JSON, ResponseLost),
        (lambda: b'{"a": 1e999}', JSON, ResponseLost),
        (lambda: b'{"a": 0.' + b"1" * 5_000_000 + b"}", JSON, ResponseLost),
        (lambda: b"<a>" + b"<b/>" * 3_000_000 + b"</a>", XML, ResponseLost),
        (
            lambda: b"<a " + b" ".join(b'a%d=""' % n for n in range(600_000)) + b"/>",
            XML,
            ResponseLost,
        ),
        (lambda: b"<a>" * 101 + b"</a>" * 101, XML, ResponseLost),
        (
            lambda: b'<?xml version="1.0" encoding="cp037"?>' + b"\x4c" * 5_000_000,
            XML,
            ResponseLost,
        ),
        (lambda: b'"' + b"x" * 17 * 1024**2 + b'"', JSON, ResponseLost),
    ],
    ids=range(19),
)
def test_what_is_out_of_bounds_is_an_error_soon(
    made: Callable[[], bytes], content_type: str, kind: type[AlmaError]
) -> None:
    found = sent(made(), content_type)

    assert type(found) is kind, found
    assert len(str(found)) < 1000


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b"[" * 100 + b"]" * 100, None),
        (b'{"a": ' + b"9" * 100 + b"}", {"a": int("9" * 100)}),
        (b'{"id": 99117300000000541}', {"id": 99117300000000541}),
        (b'{"a\\u0000": "\\u0000\\ud83d"}', {"a\ufffd": "\ufffd\ufffd"}),
        (b"\xff\xfe" + '{"a": "ü"}'.encode("utf-16-le"), {"a": "ü"}),
        (b'<?xml version="1.0" encoding="UTF-16"?><a>x</a>', "x"),
        (b'<?xml version="1.0" encoding="windows-1252"?><a>\x80</a>', "€"),
        (b'<?xml version="1.0" encoding="iso-8859-99"?><a>x</a>', "x"),
    ],
    ids=range(8),
)
def test_what_is_odd_but_within_bounds_is_read(body: bytes, data: Any) -> None:
    found = read_body(body, JSON)

    assert found.shape is BodyFormat.DATA, found
    assert data is None or found.data == data


@pytest.mark.parametrize(
    ("written", "left"),
    [("0", 0), ("400000", 400_000), ("9" * 12, 10**12 - 1), ("9" * 13, None), ("9" * 400, None),
     ("9" * 5000, None), ("-1", None), ("1e3", None), ("٣", None), ("", None), ("nan", None)],
)  # fmt: skip
def test_only_a_reasonable_number_of_remaining_calls_is_believed(
    written: str, left: int | None
) -> None:
    made = client(b"{}", x_exl_api_remaining=written)
    run_virtual(send, made, calls.get_any("/conf/x"))

    assert made.remaining_calls == left


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("Mon, 02 Mar 2026 08:40:00 GMT", NOW + timedelta(minutes=40)),
        ("Sat, 28 Feb 2026 08:09:00 GMT", NOW - timedelta(days=2, minutes=-9)),
        ("Sat, 28 Feb 2026 07:59:59 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -2300", None),
        ("Mon, 01 Jan 0001 00:00:00 +2300", None),
        ("Fri, 31 Dec 2199 23:59:59 GMT", None),
        ("Mon, 02 Mar 2026 08:00:00 +9999999999", None),
        ("9" * 5000, None),
        (" " * 60_000 + "Mon", None),
        ("", None),
    ],
)
def test_only_a_reasonable_date_of_alma_s_clock_is_believed(
    written: str, at: datetime | None
) -> None:
    made = client(b"{}", date=written)
    run_virtual(send, made, calls.get_any("/conf/x"))

    assert made.last_date == at
    assert abs(made.ahead) <= timedelta(days=2)


@pytest.mark.parametrize(
    "written",
    ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "9999-12-31Z", "2200-01-01T00:00Z",
     "1899-12-31T23:59:59Z", "2026-03-02T08:00:00+99:99", "9" * 5000, "2026-13-01Z", "NaN"],
)  # fmt: skip
def test_an_instant_at_the_edges_of_the_calendar_is_none(written: str) -> None:
    assert instant(written) is None

    body = {"id": "1", "status": {"value": "RUNNING"}, "start_time": written}
    found = sent(json.dumps(body).encode(), call=calls.instance("1"))
    assert (found.status, found.start_time) == ("RUNNING", None)


@pytest.mark.parametrize("written", ["9" * 5000, "9" * 400, "1e300", "-1", "NaN", "-inf", [], {}])
def test_a_count_that_nobody_can_mean_is_none(written: Any) -> None:
    assert whole(written) is None
    assert number("9" * 400) is None
    listed = b'<jobs total_record_count="%s"/>' % str(written).encode()
    assert sent(listed, XML, calls.list_jobs()) == Page((), None)


def test_texts_ids_and_lists_have_a_longest_length() -> None:
    assert text("x" * 200_000) == "x" * 99_999 + "…"
    run = JobInstance.read({"id": "1", "name": "x" * 9000, "status": "S" * 9000, "counter": [
        {"type": {"value": "c" * 9000}, "value": "1"}] * 3000})  # fmt: skip
    assert (len(run.name), len(run.status), len(run.counters)) == (2000, 100, 1000)
    assert len(run.counters[0].key) == 2000

    for wrong in ("1" * 101, "1\x1b[2J", "é", "", " ", None, [1]):
        with pytest.raises(UnreadableResponse, match="no valid id"):
            Job.read({"id": wrong})
    with pytest.raises(UnreadableResponse, match="more than 10,000 entries"):
        items({"job": [{}] * 10_001}, "job")


def test_a_link_to_an_instance_that_cannot_be_one_makes_a_submission_a_lost_answer() -> None:
    submit = calls.submit_job("M44")
    for tail in ("x" * 200, "/instances/a?" * 500_000 + "\n", "%00" * 50, "\u202e1"):
        link = {"additional_info": {"link": f"/instances/{tail}"}}
        assert type(sent(json.dumps(link).encode(), call=submit)) is ResponseLost


def test_an_error_list_of_any_length_is_a_short_error() -> None:
    entry = {"errorCode": "4" * 5000, "errorMessage": "x" * 50_000, "trackingId": "t" * 5000}
    body = json.dumps({"errorsExist": True, "errorList": {"error": [entry] * 100}}).encode()

    found = sent(body, status=400)

    assert type(found) is AlmaRefused
    assert len(found.messages) == 10
    assert len(str(found)) < 30_000


def test_headers_are_shown_without_control_characters_and_not_in_full() -> None:
    moved = sent(b"", status=302, location="https://x/\x1b[2J" + "y" * 60_000)

    assert "\x1b" not in str(moved)
    assert len(str(moved)) < 1000
    hinted = sent(b"{}", status=400, x_simulator_hint="a\x1b[2J\x85" + "b" * 60_000)
    assert "\x1b" not in str(hinted)
    assert len(str(hinted)) < 2000


def test_a_list_that_never_ends_is_left() -> None:
    async def read(call: AlmaRequest[Page[Job]]) -> Page[Job]:
        offset = int(dict(call.query)["offset"])
        return Page(tuple(Job(str(offset + n)) for n in range(10_000)), 10**12)

    async def run() -> None:
        with pytest.raises(AlmaRefused, match="more than 100,000 entries"):
            await read_pages(read, lambda offset: calls.list_jobs(offset=offset))  # type: ignore[arg-type]

    anyio.run(run)
    assert MOST_LISTED == 100_000


def test_a_large_answer_is_read_beside_the_event_loop() -> None:
    threads: list[int] = []

    async def run(body: bytes) -> bool:
        call = calls.get_any("/conf/x").then(lambda data: threads.append(threading.get_ident()))
        await client(body).send(call)
        return threads[-1] == threading.get_ident()

    assert anyio.run(run, b"{}")
    assert not anyio.run(run, b'["' + b"x" * 100_000 + b'"]')


def test_xml_of_too_many_elements_is_refused_wherever_it_comes_from() -> None:
    with pytest.raises(XmlInvalid, match="more than 500,000 elements"):
        parse_xml("<a>" + "<b/>" * 600_000 + "</a>")
