from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest

from almaflow.alma import calls
from almaflow.alma.calls import AlmaRequest
from almaflow.alma.client import AlmaClient
from almaflow.alma.errors import (
    AlmaBusy,
    AlmaError,
    AlmaMessage,
    AlmaRefused,
    AlmaUnreachable,
    NotAccepted,
    ResponseLost,
    Threshold,
)
from almaflow.alma.rate_limit import CallRate
from almaflow.alma.set_creation import create_set
from almaflow.alma.transport import ConnectionLost, NotSent, WireRequest, WireResponse
from almaflow.alma.wire import Job, JobParameter
from almaflow.errors import RequestWrong
from almaflow.redaction import Mask

KEY = "l7xx0123456789abcdef"
JOB = calls.job("M44")
SUBMIT = calls.submit_job("M44", [JobParameter("set_id", "80")])
CREATE = create_set("Links", "PORTFOLIO")
CHANGE = calls.change_members("80", "add_members", ["1"])
DELETE = calls.delete_set("80")


class Scripted:
    """A transport that gives one answer, or fails, and remembers what was sent."""

    def __init__(self, answer: WireResponse | Exception) -> None:
        self.answer = answer
        self.requests: list[WireRequest] = []
        self.closed = False

    async def exchange(self, request: WireRequest) -> WireResponse:
        self.requests.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def close(self) -> None:
        self.closed = True


def answer(body: Any, status: int = 200, **headers: str) -> WireResponse:
    """Make an answer; *body* is JSON-able, text or bytes."""
    kind = "application/json;charset=UTF-8"
    if isinstance(body, str):
        kind = "text/plain"
        body = body.encode()
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return WireResponse(status, {"content-type": kind} | named, body)


def error(code: str, message: str = "Some text.", tracking: str = "E01-1") -> dict[str, Any]:
    entry = {"errorCode": code, "errorMessage": message, "trackingId": tracking}
    return {"errorsExist": True, "errorList": {"error": [entry]}, "result": None}


def client(transport: Scripted, **options: Any) -> AlmaClient:
    return AlmaClient("main", transport, key=KEY, rate=CallRate(1e6, 1e9), **options)


def send(reply: WireResponse | Exception, call: AlmaRequest[Any] = JOB, **options: Any) -> Any:
    return anyio.run(client(Scripted(reply), **options).send, call)


def failure(
    reply: WireResponse | Exception, call: AlmaRequest[Any] = JOB, **options: Any
) -> AlmaError:
    with pytest.raises(AlmaError) as caught:
        send(reply, call, **options)
    return caught.value


# --- requests -------------------------------------------------------------------------------


def test_a_read_asks_for_json_and_carries_the_key_in_its_header_only() -> None:
    transport = Scripted(answer({"id": "M44"}))

    assert anyio.run(client(transport).send, JOB) == Job("M44")
    assert transport.requests == [
        WireRequest(
            "GET",
            "/almaws/v1/conf/jobs/M44",
            {"Authorization": f"apikey {KEY}", "Accept": "application/json"},
            None,
            timeout=60,
            fresh=False,
        )
    ]


def test_a_write_takes_a_fresh_connection_and_sends_characters_as_they_are() -> None:
    transport = Scripted(answer({"additional_info": {"link": "/instances/389"}}))
    call = calls.submit_job("M44", [JobParameter("name", "Bücher")])

    assert anyio.run(client(transport).send, call) == "389"
    (request,) = transport.requests
    assert request.target == "/almaws/v1/conf/jobs/M44?op=run"
    assert request.fresh
    assert request.timeout == 180
    assert request.headers["Content-Type"] == "application/json; charset=utf-8"
    assert "Bücher".encode() in (request.body or b"")


def test_a_post_without_body_sends_an_empty_object_and_a_delete_sends_none() -> None:
    transport = Scripted(answer("<test>POST - OK</test>"))
    anyio.run(client(transport).send, calls.probe(write=True))
    transport.answer = WireResponse(204, {}, b"")
    anyio.run(client(transport).send, calls.delete_set("80"))

    assert [request.body for request in transport.requests] == [b"{}", None]


def test_secrets_are_put_in_at_the_last_moment_wherever_they_stand() -> None:
    def reveal(value: Any) -> Any:
        return json.loads(json.dumps(value).replace("<ftp>", "s/e c"))

    transport = Scripted(answer({}))
    call = calls.submit_job("M44", [JobParameter("ftp", "<ftp>")])
    any_read = calls.get_any("/conf/<ftp>/x%2Fy", {"q": "<ftp>"})

    with pytest.raises(ResponseLost):
        anyio.run(client(transport, reveal=reveal).send, call)
    anyio.run(client(transport, reveal=reveal).send, any_read)

    assert b'"s/e c"' in (transport.requests[0].body or b"")
    assert transport.requests[1].target == "/almaws/v1/conf/s%2Fe%20c/x%2Fy?q=s%2Fe+c"
    assert "<ftp>" in str(call.rendering())


@pytest.mark.parametrize("key", ["", "  \n", "l7 xx", "l7ü", "l7\nX: y"])
def test_a_key_that_cannot_be_one_is_refused_before_anything_is_sent(key: str) -> None:
    with pytest.raises(RequestWrong, match="API key of the institution `main`"):
        AlmaClient("main", Scripted(answer({})), key=key)


def test_a_key_may_end_with_the_newline_of_its_file() -> None:
    transport = Scripted(answer({"id": "M44"}))
    anyio.run(AlmaClient("main", transport, key=KEY + "\n").send, JOB)

    assert transport.requests[0].headers["Authorization"] == f"apikey {KEY}"


def test_closing_the_client_closes_its_transport() -> None:
    transport = Scripted(answer({}))
    client(transport).close()

    assert transport.closed


# --- headers --------------------------------------------------------------------------------


def test_what_the_headers_say_is_kept() -> None:
    transport = Scripted(
        answer(
            {"id": "M44"},
            x_exl_api_remaining="4711",
            date="Wed, 15 Feb 2023 12:46:18 GMT",
            x_simulator_hint="jobs: …",
        )
    )
    alma = client(transport)
    anyio.run(alma.send, JOB)

    assert alma.remaining_calls == 4711
    assert alma.last_date == datetime(2023, 2, 15, 12, 46, 18, tzinfo=UTC)
    assert alma.last_hint == "jobs: …"


@pytest.mark.parametrize(
    "date",
    [
        "",
        "soon",
        "Wed, 99 Feb 2023 12:46:18 GMT",
        "Fri, 31 Dec 9999 23:59:59 -1200",
    ],
)
def test_odd_headers_are_survived(date: str) -> None:
    alma = client(Scripted(answer({"id": "M44"}, x_exl_api_remaining="many", date=date)))
    anyio.run(alma.send, JOB)

    assert alma.remaining_calls is None
    assert alma.last_date is None


class Hands:
    """A clock that people set."""

    def __init__(self) -> None:
        self.time, self.passed = datetime(2023, 2, 15, 12, 0, tzinfo=UTC), 0.0

    def now(self) -> datetime:
        return self.time

    def elapsed(self) -> float:
        return self.passed

    async def sleep_until(self, instant: datetime) -> None:
        raise NotImplementedError


def test_how_far_alma_is_ahead_is_right_after_our_clock_was_set() -> None:
    clock = Hands()
    alma = client(
        Scripted(answer({"id": "M44"}, date="Wed, 15 Feb 2023 12:46:18 GMT")), clock=clock
    )
    assert alma.ahead == timedelta()
    anyio.run(alma.send, JOB)
    assert alma.ahead == timedelta(minutes=46, seconds=18)

    clock.time += timedelta(hours=3, minutes=1)
    clock.passed += 60

    assert alma.ahead == timedelta(minutes=46, seconds=18) - timedelta(hours=3)


def test_a_date_without_zone_is_utc() -> None:
    alma = client(Scripted(answer({"id": "M44"}, date="Wed, 15 Feb 2023 12:46:18 -0000")))
    anyio.run(alma.send, JOB)

    assert alma.last_date == datetime(2023, 2, 15, 12, 46, 18, tzinfo=UTC)


def test_the_simulators_hint_is_the_next_move_of_an_error() -> None:
    refused = failure(answer(error("40166410"), 400, x_simulator_hint="jobs: [{job: M44}]"))

    assert refused.closing == "To provide it, write in a scenario: jobs: [{job: M44}]"
    assert str(refused).endswith(
        "tracking id E01-1). To provide it, write in a scenario: jobs: [{job: M44}]"
    )


# --- verdicts -------------------------------------------------------------------------------


def test_a_refusal_tells_alma_s_words_code_tracking_id_and_what_to_do() -> None:
    refused = failure(answer(error("402216", "Invalid job id.", "E01-13"), 400))

    assert type(refused) is AlmaRefused
    assert str(refused) == (
        "Alma (main) refused GET /conf/jobs/M44 with HTTP 400: Invalid job id (code 402216, "
        "tracking id E01-13). An id is valid in one institution only; other institutions, the "
        "network zone and its members use different ids. Search for the id in this "
        "institution, or check which institution the step uses."
    )
    assert (refused.what, refused.http_status) == ("GET /conf/jobs/M44", 400)
    assert refused.messages == (AlmaMessage("402216", "Invalid job id.", "E01-13"),)
    assert refused.codes == {"402216"}


@pytest.mark.parametrize(
    ("code", "status", "threshold"),
    [
        ("PER_SECOND_THRESHOLD", 429, Threshold.CALLS),
        ("PER_SECOND_THRESHOLD", 400, Threshold.CALLS),
        ("SOMETHING_NEW", 429, Threshold.CALLS),
        ("DAILY_THRESHOLD", 429, Threshold.DAY),
        ("DAILY_THRESHOLD", 400, Threshold.DAY),
        ("402222", 400, Threshold.JOBS),
        ("402223", 400, Threshold.JOBS),
        ("60347", 400, Threshold.OVERLAP),
    ],
)
def test_a_threshold_is_known_by_its_code_and_means_later(
    code: str, status: int, threshold: Threshold
) -> None:
    busy = failure(answer(error(code), status), SUBMIT)

    assert isinstance(busy, AlmaBusy)
    assert isinstance(busy, NotAccepted)
    assert busy.threshold is threshold


@pytest.mark.parametrize("body", ["", "slow down", b"<html>slow down</html>", b"{"])
def test_too_many_requests_means_later_whatever_its_body(body: Any) -> None:
    busy = failure(answer(body, 429), SUBMIT)

    assert isinstance(busy, AlmaBusy)
    assert busy.threshold is Threshold.CALLS


@pytest.mark.parametrize("call", [JOB, SUBMIT])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (error("ROUTING_ERROR"), 400),
        (error("ROUTING_ERROR"), 504),
        (error("ROUTING_ERROR"), 200),
        (error("402224"), 400),
        (error("402225"), 400),
        (error("402226"), 400),
        (error("402119"), 400),
        (error("GENERAL_ERROR"), 400),
        (error("SOMETHING_NEW"), 500),
        (error("UNAUTHORIZED"), 500),
        ({"anything": 1}, 502),
        ("", 503),
        (b"<html><title>Maintenance</title></html>", 503),
        ("upstream timeout", 408),
        (b'{"errorList": {"error"', 400),
        (b"<web_service_result><errorLi", 403),
        (b'{"id": "M4', 200),
        ("OK, done", 200),
        ({"no": "id"}, 200),
        ([], 200),
        ("", 200),
    ],
)
def test_an_answer_that_cannot_be_relied_on_is_lost(
    call: AlmaRequest[Any], body: Any, status: int
) -> None:
    lost = failure(answer(body, status), call)

    assert type(lost) is ResponseLost
    assert lost.http_status == status
    assert ("Check in Alma" in lost.advice) is call.is_write


def test_several_errors_with_a_doubtful_one_among_them_are_a_lost_answer() -> None:
    body = error("402216")
    body["errorList"]["error"].append({"errorCode": "ROUTING_ERROR"})

    lost = failure(answer(body, 400), SUBMIT)

    assert type(lost) is ResponseLost
    assert lost.codes == {"402216", "ROUTING_ERROR"}
    assert "no text (code ROUTING_ERROR)" in str(lost)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (error("UNAUTHORIZED"), 400),
        (error("FORBIDDEN"), 403),
        (error("INVALID_REQUEST"), 403),
        ("Invalid API Key", 400),
        ("Invalid API Key", 403),
        (
            b'<web_service_result xmlns="http://com/exlibris/urm/general/xmlbeans"><errorsExist>'
            b"true</errorsExist><errorList><error><errorCode>UNAUTHORIZED</errorCode>"
            b"<errorMessage>API-key not defined.</errorMessage></error></errorList>"
            b"</web_service_result>",
            400,
        ),
    ],
)
def test_a_wrong_key_is_refused_with_what_to_check(body: Any, status: int) -> None:
    refused = failure(answer(body, status), SUBMIT)

    assert type(refused) is AlmaRefused
    assert "Check the API key in the Developer Network" in refused.advice
    assert "Configuration" in refused.advice


def test_a_read_that_is_not_authorized_says_what_to_check_of_the_key() -> None:
    refused = failure(answer("", 401))

    assert type(refused) is AlmaRefused
    assert "Check the API key in the Developer Network" in refused.advice


# What a proxy, a login page or a gateway says, before or after it has passed the request on.
NOT_IN_ALMA_S_WORDS = {
    "nothing": "",
    "page": b"<html><title>Please log in</title></html>",
    "text": "Unauthorized",
    "a text about a key": "The API key has expired",
    "a gateway's JSON": {"message": "Forbidden", "error": "access_denied"},
    "problem details": {"type": "about:blank", "title": "Forbidden", "status": 403},
    "other XML": b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
    "a fault of SOAP": b"<e:Envelope xmlns:e='x'><e:Body><e:Fault/></e:Body></e:Envelope>",
    "an error without a code": {"errorsExist": True, "errorList": {"error": [{}]}},
    "errors as texts": {"errorList": ["not allowed"]},
    "an error flag": {"errorsExist": True},
}


REFUSALS = (300, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 407, 413, 451, 498, 511)


@pytest.mark.parametrize("call", [SUBMIT, CREATE, CHANGE, DELETE], ids=lambda call: call.what)
@pytest.mark.parametrize("what", NOT_IN_ALMA_S_WORDS)
def test_a_write_is_refused_in_alma_s_own_words_only(call: AlmaRequest[Any], what: str) -> None:
    for status in REFUSALS:
        lost = failure(answer(NOT_IN_ALMA_S_WORDS[what], status, location="https://login/"), call)

        assert type(lost) is ResponseLost, status
        assert "it is not known whether the request took effect" in str(lost)


@pytest.mark.parametrize("status", [302, 401, 407])
def test_alma_s_own_error_is_one_with_any_status(status: int) -> None:
    refused = failure(answer(error("402216"), status), SUBMIT)

    assert type(refused) is AlmaRefused


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (DELETE, {"status": "queued"}),
        (DELETE, [1]),
        (CREATE, {"id": "4711"}),
        (CHANGE, {"id": "4711", "name": "x"}),
        (SUBMIT, {"id": "4711", "status": "accepted"}),
    ],
)
def test_a_success_that_does_not_describe_the_effect_is_a_lost_answer(
    call: AlmaRequest[Any], body: Any
) -> None:
    assert type(failure(answer(body, 200), call)) is ResponseLost


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404])
def test_a_web_page_means_a_wrong_host(status: int) -> None:
    page = b"<html><head><title>HTTP Status 401 - Unauthorized</title></head></html>"

    refused = failure(answer(page, status))

    assert type(refused) is AlmaRefused
    assert "('HTTP Status 401 - Unauthorized')" in str(refused)
    assert "not Alma's API" in refused.advice


def test_a_write_that_is_answered_with_a_web_page_and_200_may_have_been_taken() -> None:
    assert type(failure(answer(b"<html>Hello</html>"), SUBMIT)) is ResponseLost


def test_a_redirection_is_refused_and_its_target_told_without_its_query() -> None:
    refused = failure(answer("", 302, location="https://login.example/x?key=1"))

    assert type(refused) is AlmaRefused
    assert ", which almaflow does not follow" in str(refused)


@pytest.mark.parametrize(
    "body",
    [
        {"web_service_result": error("60107")},
        {"web_service_result": {"errorList": {"error": error("60107")["errorList"]["error"][0]}}},
        {"errorList": [{"errorCode": 60107, "errorMessage": "Set not found: Set ID abc"}]},
        error("60107"),
    ],
)
@pytest.mark.parametrize("status", [200, 400])
def test_errors_are_found_in_every_envelope_even_with_200(body: Any, status: int) -> None:
    refused = failure(answer(body, status))

    assert type(refused) is AlmaRefused
    assert refused.codes == {"60107"}
    assert "other institutions," in refused.advice


def test_an_error_without_a_list_or_as_plain_text_is_one_all_the_same() -> None:
    assert "an error without a text" in str(failure(answer({"errorsExist": True}, 400)))
    assert "oops" in str(failure(answer({"errorList": {"error": ["oops"]}}, 400)))
    assert "without an error list" in str(failure(answer({"web_service_result": 3}, 400)))
    assert "an empty response" in str(failure(answer("", 404)))
    assert "'no such thing'" in str(failure(answer("no such thing.", 410)))
    assert failure(answer("no", 404)).advice.startswith("Check the path")


def test_an_empty_error_list_is_no_error() -> None:
    body = {"id": "M44", "errorsExist": False, "errorList": {"error": []}}

    assert send(answer(body)) == Job("M44")


def test_a_deletion_is_answered_by_nothing() -> None:
    assert send(WireResponse(204, {}, b""), calls.delete_set("80")) is None


def test_the_institutions_code_is_read_from_xml() -> None:
    reply = answer(b"<test>GET - OK - institutionCode: 01ABC_INST</test>")

    assert send(reply, calls.probe()) == "01ABC_INST"


# --- the wire -------------------------------------------------------------------------------


def test_what_was_not_sent_may_be_sent_again() -> None:
    unreachable = failure(NotSent("Connection refused"), SUBMIT)

    assert type(unreachable) is AlmaUnreachable
    assert str(unreachable) == (
        "The request POST /conf/jobs/M44 did not reach Alma (main): Connection refused. "
        "Nothing was sent. Check the network, the proxy, and the address of the institution."
    )


def test_what_was_sent_without_an_answer_is_lost() -> None:
    lost = failure(ConnectionLost("the connection was closed"), SUBMIT)

    assert type(lost) is ResponseLost
    assert str(lost) == (
        "The response of Alma (main) to POST /conf/jobs/M44 was lost: the connection was "
        "closed. Check in Alma whether the request took effect before you send it again."
    )
    assert lost.http_status is None


# --- secrets --------------------------------------------------------------------------------

LEAKS: list[Callable[[str], WireResponse | Exception]] = [
    lambda secret: answer(error("402229", f"Bad value {secret}"), 400),
    lambda secret: answer(error("ROUTING_ERROR", f"Bad value {secret}"), 500),
    lambda secret: answer(f"<html><title>{secret}</title></html>".encode(), 404),
    lambda secret: answer("", 302, location=f"https://x/{secret}"),
    lambda secret: answer(error("1"), 400, x_simulator_hint=f"say {secret}"),
    lambda secret: NotSent(f"cannot reach {secret}"),
    lambda secret: ConnectionLost(f"lost {secret}"),
]


@pytest.mark.parametrize("leak", LEAKS)
def test_neither_a_secret_nor_the_key_gets_into_an_error(
    leak: Callable[[str], WireResponse | Exception],
) -> None:
    mask = Mask(["hunter2"])

    for secret in ("hunter2", KEY):
        caught = failure(leak(secret), SUBMIT, mask=mask)

        shown = f"{caught} {caught.text} {caught.advice} {caught.messages} {caught.args}"
        assert secret not in shown
        assert "***" in shown


@pytest.mark.parametrize("before", range(150, 210, 3))
@pytest.mark.parametrize(
    "leak",
    [
        lambda text: answer(text, 400),
        lambda text: answer(f"<html><title>{text}</title></html>".encode(), 404),
        lambda text: answer({"message": text}, 403),
        lambda text: answer("", 302, location=f"https://x/{text}"),
    ],
    ids=["text", "page", "data", "redirection"],
)
def test_a_text_that_is_cut_within_a_secret_shows_no_part_of_it(
    leak: Callable[[str], WireResponse], before: int
) -> None:
    caught = failure(leak("x" * before + KEY + "y" * 100))

    assert KEY[:3] not in str(caught)


def test_the_words_of_another_gateway_are_shown() -> None:
    assert '{"message": "Forbidden"}' in str(failure(answer({"message": "Forbidden"}, 403)))


def test_a_part_of_a_response_is_not_taken_for_the_response() -> None:
    assert isinstance(failure(answer({"id": "M44"}, 206)), ResponseLost)


def test_a_response_that_another_server_believes_to_be_known_is_no_redirection() -> None:
    assert "redirection" not in str(failure(answer("", 304)))
    assert "without an address" in str(failure(answer("", 303)))
