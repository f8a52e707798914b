"""`--server`: what a person sees and decides, and what goes wrong between here and the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import requests
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from almaflow.errors import RequestWrong
from almaflow.operations.server_connection import ServerConnection, ServerUnreachable
from tests.cli.conftest import Almaflow
from tests.cli.test_server_option import EARLIER, PREVIEW, REPLY, SUMMARY, TOKEN, listening

UNCONFIRMED = {
    "run": "r",
    "step": "load",
    "job_id": "M48",
    "institution": "main",
    "instances": [
        {
            "id": "4711",
            "name": "Export",
            "status": "",
            "submitted_at": "2026-11-02T12:00:00+00:00",
            "submitted_by": "anna",
            "is_marked": False,
        },
        {
            "id": "4712",
            "name": "Export",
            "status": "RUNNING",
            "submitted_at": None,
            "submitted_by": "",
            "is_marked": False,
        },
    ],
}
RAN = {**PREVIEW, "submitted": [EARLIER, {**EARLIER, "step": "send", "instance_id": "4711"}]}


def _let_ask(monkeypatch: pytest.MonkeyPatch, answer: Callable[[str], bool]) -> None:
    """Let a person at a terminal answer each question."""
    monkeypatch.setattr("almaflow.cli.remote_commands.can_be_asked", lambda: True)
    monkeypatch.setattr("almaflow.cli.repeated_submissions.can_be_asked", lambda: True)
    monkeypatch.setattr("almaflow.cli.repeated_submissions.confirmed", answer)


@contextmanager
def acting(shown: object, done: object) -> Iterator[tuple[str, list[object]]]:
    """Give a server that shows one document and does one thing, and the bodies that it got."""
    bodies: list[object] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        document: object = {"timezone": "UTC"} if "health" in request.url.path else shown
        if request.method == "POST":
            bodies.append(await request.json())
            document = done
        await JSONResponse(document, 202)(scope, receive, send)

    with listening(app) as url:
        yield url, bodies


@pytest.mark.parametrize(
    ("typed", "shown", "done", "names"),
    [
        (["approve", "r", "sign", "--json"], {}, REPLY, {"run": "r", "step": "sign"}),
        (["retry", "r", "--yes", "--json"], PREVIEW, SUMMARY, {"id": SUMMARY["id"]}),
        (["run", "nightly", "--json"], {}, {"run": SUMMARY, "created": True}, {"attempt": 1}),
    ],
)
def test_an_action_prints_the_document_of_the_server(
    almaflow: Almaflow, typed: list[str], shown: object, done: object, names: dict[str, object]
) -> None:
    with acting(shown, done) as (url, bodies):
        printed = almaflow(*typed, "--server", url)

    assert (printed.code, printed.err, len(bodies)) == (0, "", 1)
    assert printed.json.items() >= names.items()


@pytest.mark.parametrize("agreed", [True, False])
@pytest.mark.parametrize(
    ("typed", "shown", "lines"),
    [
        (["retry", "r"], RAN, ["NOT KNOWN", "ran it as 4711"]),
        (
            ["resolve", "r", "load", "--not-submitted"],
            UNCONFIRMED,
            ["  4711  Export (no status yet, ", ", by anna)", "Export (RUNNING)"],
        ),
    ],
)
def test_a_person_sees_what_would_be_submitted_again_and_decides(
    almaflow: Almaflow,
    monkeypatch: pytest.MonkeyPatch,
    typed: list[str],
    shown: object,
    lines: list[str],
    agreed: bool,
) -> None:
    _let_ask(monkeypatch, lambda question: agreed)

    with acting(shown, SUMMARY) as (url, bodies):
        typed_out = almaflow(*typed, "--server", url)

    assert (typed_out.code, len(bodies)) == ((0, 1) if agreed else (1, 0))
    assert [line for line in lines if line not in typed_out.out] == []


@pytest.mark.parametrize("instances", [[], UNCONFIRMED["instances"]])
def test_a_submission_that_alma_does_not_list_needs_no_question(
    almaflow: Almaflow, monkeypatch: pytest.MonkeyPatch, instances: list[object]
) -> None:
    asked: list[str] = []

    def agree(question: str) -> bool:
        asked.append(question)
        return True

    _let_ask(monkeypatch, agree)

    with acting({**UNCONFIRMED, "instances": instances}, SUMMARY) as (url, bodies):
        done = almaflow("resolve", "r", "load", "--not-submitted", "--server", url)

    assert (done.code, len(asked)) == (0, min(1, len(instances)))
    assert bodies == [{"step": "load", "instance": None}]


# --- the connection -------------------------------------------------------------------------------

FAR = "https://almaflow.example.org"


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (requests.exceptions.SSLError("x"), "REQUESTS_CA_BUNDLE"),
        (requests.exceptions.ProxyError("x"), "HTTPS_PROXY"),
        (requests.exceptions.ReadTimeout("x"), "in time"),
        (requests.exceptions.ConnectionError("x"), "no connection"),
        (requests.exceptions.InvalidHeader("x"), "InvalidHeader"),
        (OSError("x"), "OSError"),
    ],
)
def test_a_request_that_fails_names_its_kind(
    monkeypatch: pytest.MonkeyPatch, error: Exception, named: str
) -> None:
    def fail(*_: object, **__: object) -> Response:
        raise error

    monkeypatch.setattr(requests.Session, "request", fail)

    with pytest.raises(ServerUnreachable, match=named):
        ServerConnection(FAR, TOKEN).get("runs", status=None)


def test_a_next_page_elsewhere_is_not_followed() -> None:
    with pytest.raises(ServerUnreachable):
        ServerConnection(FAR, TOKEN).get_next("https://elsewhere.example.org/api/runs")


@pytest.mark.parametrize("token", ["t\u00f6ken", "tok\nen"])
def test_a_token_with_odd_characters_is_refused(token: str) -> None:
    with pytest.raises(RequestWrong):
        ServerConnection(FAR, token)
