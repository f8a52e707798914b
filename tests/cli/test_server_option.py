"""`--server`: the commands that read print the same from a server as from the project itself."""

from __future__ import annotations

import contextlib
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from almaflow.cli import bootstrap
from almaflow.clock import SystemClock
from almaflow.settings.serving import PageAddress
from almaflow.store import Store, TickCause, TickEnding
from almaflow.web.server import PageServer
from tests.cli.conftest import Almaflow, Write
from tests.cli.ledger import NOW, served
from tests.web.asked_alma import connect_alma
from tests.web.pages import HandClock, Site

TOKEN = "a-token-of-tests-that-is-long-enough"


@contextmanager
def listening(app: ASGIApp) -> Iterator[str]:
    """Give the address of a server of *app*."""
    server = PageServer(app, PageAddress("127.0.0.1", 0))
    server.start()
    try:
        yield f"http://{server.address.netloc}"
    finally:
        server.stop()


@dataclass(frozen=True)
class Remote:
    """A server of the project of the working folder."""

    url: str
    almaflow: Almaflow


@pytest.fixture
def remote(
    write: Write, almaflow: Almaflow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Remote]:
    """A project with runs and ticks, and a `serve` of it."""
    monkeypatch.setattr(SystemClock, "now", lambda self: NOW)
    with served(write) as it:
        ticks = it.materialize(it.take())
        it.end(ticks[0], TickEnding.MERGED, TickCause.DOWNTIME, "A later.", merged_into=ticks[3].at)
        it.end(ticks[1], TickEnding.MISSED, TickCause.MAX_AGE, "No `serve` was running in time.")
        it.begin(ticks[3])
        run = it.by_hand()
        for number in range(3):
            it.store.add_event(run.id, "said", text=f"line {number}")
        it.store.pause("nightly", by="anna", note="we move", until=None)
        store = Store.open(bootstrap.open_project().store_url, clock=HandClock(NOW))
        site = Site(store, HandClock(NOW), tmp_path)
        site.project = bootstrap.open_project()
        connect_alma(site)
        with listening(site.app) as url:
            yield Remote(url, almaflow)
        store.close()


COMMANDS = [
    ["runs"],
    ["runs", "--limit", "1"],
    ["runs", "--workflow", "no-such"],
    ["runs", "--status", "queued"],
    ["show", "last"],
    ["show", "aaaaa"],
    ["show", "no-such"],
    ["why", "last"],
    ["why", "nightly"],
    ["why", "nigtly"],
    ["logs", "last"],
    ["next"],
    ["next", "nightly", "--count", "3", "--until", "2026-11-30"],
    ["ticks"],
    ["ticks", "nightly", "--ending", "missed"],
    ["ticks", "--since", "2026-10-31", "--until", "1d"],
    ["ticks", "--ending", "open"],
    ["workers"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("more", [[], ["--json"]], ids=["text", "json"])
def test_a_server_and_its_project_print_the_same(
    remote: Remote, command: list[str], more: list[str]
) -> None:
    here = remote.almaflow(*command, *more)
    there = remote.almaflow(*command, *more, "--server", remote.url)

    assert there == here


def test_lists_longer_than_a_page_arrive_whole(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_PAGE", "_LINES"):
        monkeypatch.setattr(f"almaflow.operations.remote_source.{name}", 2)

    for command in (["runs"], ["ticks"], ["logs", "last"], ["next", "--count", "7"]):
        here = remote.almaflow(*command, "--json")
        assert remote.almaflow(*command, "--json", "--server", remote.url).json == here.json


def test_verify_needs_the_store_itself(remote: Remote) -> None:
    assert remote.almaflow("ticks", "--verify", "--server", remote.url).code == 2


ALMA_COMMANDS = [
    ["jobs", "list"],
    ["jobs", "list", "--name", "export", "--type", "manual"],
    ["jobs", "show", "M44"],
    ["jobs", "show", "Export Bibliographic records"],
    ["jobs", "show", "no such / job"],
    ["profiles", "list"],
    ["profiles", "list", "--name", "bursar"],
    ["profiles", "show", "BURSAR"],
    ["profiles", "show", "nobody"],
    ["sets", "list"],
    ["sets", "list", "--content", "ITEM"],
    ["sets", "show", "nobody"],
]


@pytest.mark.parametrize("command", ALMA_COMMANDS, ids=" ".join)
@pytest.mark.parametrize("more", [[], ["--json"]], ids=["text", "json"])
def test_a_server_lists_what_is_in_alma(
    remote: Remote, command: list[str], more: list[str]
) -> None:
    here = remote.almaflow(*command, *more, "--simulate", "--institution", "main")
    there = remote.almaflow(*command, *more, "--server", remote.url, "--institution", "main")

    assert there.code == here.code
    # Which side found that Alma does not have it is part of the error for programs.
    assert there.out == here.out or here.code == 1


@pytest.mark.parametrize("command", [["jobs", "list"], ["sets", "show", "x"], ["run", "nightly"]])
def test_a_simulation_runs_here(remote: Remote, command: list[str]) -> None:
    assert remote.almaflow(*command, "--simulate", "--server", remote.url).code == 2


# --- the token ------------------------------------------------------------------------------------


Answer = Callable[[Request], Response]


@contextmanager
def answering(answer: Answer) -> Iterator[tuple[str, list[Request]]]:
    """Give a server that gives one answer, and the requests that it got."""
    asked: list[Request] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append(Request(scope))
        await answer(asked[-1])(scope, receive, send)

    with listening(app) as url:
        yield url, asked


def workers(request: Request) -> Response:
    return PlainTextResponse('{"timezone": "UTC"}' if "health" in request.url.path else "[]")


@pytest.mark.parametrize(
    ("arguments", "variable"),
    [((), "ALMAFLOW_TOKEN"), (("--token", "env:MINE"), "MINE"), (("--token", "file:t"), "")],
)
def test_a_token_is_read_from_where_it_is(
    almaflow: Almaflow,
    write: Write,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    variable: str,
) -> None:
    write("t", f"{TOKEN}\n")
    write(".netrc", "machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(Path(".netrc").absolute()))
    if variable:
        monkeypatch.setenv(variable, TOKEN)

    with answering(workers) as (url, asked):
        typed = almaflow("workers", "--json", "--server", url, *arguments)

    assert (typed.code, typed.json) == (0, [])
    assert [one.headers.get("authorization") for one in asked if "workers" in one.url.path] == [
        f"Bearer {TOKEN}"
    ]


def test_no_redirect_is_followed(almaflow: Almaflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALMAFLOW_TOKEN", TOKEN)

    with (
        answering(workers) as (elsewhere, asked),
        answering(lambda _: RedirectResponse(f"{elsewhere}/api/workers")) as (url, _),
    ):
        typed = almaflow("workers", "--server", url)

    assert (typed.code, typed.out, asked) == (1, "", [])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--server", "http://almaflow.example.org"), "https://"),
        (("--server", "almaflow.example.org"), "https://"),
        (("--server", "ftp://almaflow.example.org"), "https://"),
        (("--server", "https://"), "https://"),
        (("--server", "https://[::1"), "https://"),
        (("--server", "https://anna:pass-word-1@example.org"), "--token env:NAME"),
        (("--server", "https://example.org", "--token", TOKEN), "--token env:NAME"),
        (("--server", "https://example.org", "--token", "env:NOT_SET_HERE"), "NOT_SET_HERE"),
        (("--token", "env:HOME"), "--server"),
    ],
)
def test_a_wrong_address_or_token_is_refused_before_anything_is_sent(
    almaflow: Almaflow, arguments: tuple[str, ...], named: str
) -> None:
    typed = almaflow("runs", *arguments)

    assert (typed.code, typed.out) == (2, "")
    assert named in typed.err
    assert TOKEN not in typed.err
    assert "pass-word-1" not in typed.err


# --- what servers answer --------------------------------------------------------------------------


def refusal(status: int, error: object) -> Answer:
    return lambda _: Response(json.dumps({"error": error, "code": "c"}), status)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (refusal(401, "Who?"), 2),
        (refusal(403, "Not you."), 2),
        (refusal(404, "Gone."), 2),
        (refusal(422, "Wrong."), 2),
        (refusal(409, "Ended."), 1),
        (refusal(503, "Disk full."), 1),
        (refusal(500, "Defect."), 1),
        (refusal(500, 5), 1),
        (lambda _: PlainTextResponse("<html>"), 1),
        (lambda _: PlainTextResponse("{}"), 1),
        (lambda _: PlainTextResponse("[" * 100_000), 1),
        (lambda _: PlainTextResponse('{"timezone": "No/Where"}'), 1),
        (lambda _: PlainTextResponse("null", 204), 1),
        (lambda _: PlainTextResponse('{"runs": [{"id": 1}]}'), 1),
    ],
)
def test_whatever_a_server_answers_is_one_sentence(
    almaflow: Almaflow, answer: Answer, code: int
) -> None:
    with answering(answer) as (url, _):
        typed = almaflow("runs", "--server", url)

    assert (typed.code, typed.out) == (code, "")
    assert typed.err.startswith("Error: ")
    assert typed.err.count("\n") == 1


def test_an_answer_has_a_bound(almaflow: Almaflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("almaflow.operations.server_connection._LARGEST", 1000)

    with answering(lambda _: PlainTextResponse("[" + " " * 2000 + "]")) as (url, _):
        typed = almaflow("workers", "--server", url)

    assert typed.code == 1


def test_no_server_is_one_sentence(almaflow: Almaflow) -> None:
    with answering(workers) as (url, _):
        pass

    typed = almaflow("workers", "--server", url)

    assert (typed.code, typed.err.count("\n")) == (1, 1)
    assert "is no connection" in typed.err


def test_a_certificate_that_nobody_vouches_for_is_refused(
    almaflow: Almaflow, tmp_path: Path
) -> None:
    trustme = pytest.importorskip("trustme")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with tls_server(context) as port:
        typed = almaflow("workers", "--server", f"https://127.0.0.1:{port}")

    assert typed.code == 1
    assert "certificate" in typed.err


@contextmanager
def tls_server(context: ssl.SSLContext) -> Iterator[int]:
    """Give the port of a server that shakes hands, once."""
    import socket
    import threading

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def shake() -> None:
            connection, _ = listener.accept()
            # The client ends the handshake when it has seen the certificate.
            with connection, contextlib.suppress(OSError):
                context.wrap_socket(connection, server_side=True).recv(1)

        thread = threading.Thread(target=shake)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(timeout=10)


# --- actions --------------------------------------------------------------------------------------

SUMMARY = {
    "id": "20261102-120000-hhhhh",
    "workflow": "nightly",
    "path": "workflows/nightly.yaml",
    "institution": "main",
    "trigger": "manual",
    "status": "queued",
    "reason": "",
    "outcome": None,
    "error": "",
    "attempt": 1,
    "held": False,
    "worked_on": True,
    "requested_at": "2026-11-02T12:00:00+00:00",
    "scheduled_at": "2026-11-02T12:00:00+00:00",
    "started_at": None,
    "ended_at": None,
    "deadline_at": None,
}
REPLY = {
    "run": "r",
    "step": "sign",
    "approved": False,
    "comment": "no",
    "by": "anna via the API",
    "at": "2026-11-02T12:00:00+00:00",
    "worked_on": True,
}
EARLIER = {
    "step": "load",
    "job_id": "M48",
    "job_name": "Export",
    "institution": "main",
    "instance_id": None,
    "set_id": "59",
    "sent_at": "2026-11-02T12:00:00+00:00",
    "status": "",
    "outcome": None,
}
PREVIEW = {"run": "r", "attempt": 2, "start": None, "steps": ["load"], "submitted": [EARLIER]}
PAUSE = {"since": "2026-11-02T12:00:00+00:00", "until": None, "by": "anna", "note": "we move"}


@pytest.mark.parametrize(
    ("typed", "answers", "path", "body"),
    [
        (["cancel", "hhhhh"], {"cancel": SUMMARY}, "/api/runs/hhhhh/cancel", {}),
        (
            ["approve", "r", "sign", "--reject", "-m", "no"],
            {"approve": REPLY},
            "/api/runs/r/approve",
            {"approved": False, "step": "sign", "comment": "no"},
        ),
        (
            ["retry", "r", "--yes"],
            {"retry": PREVIEW, "POST": SUMMARY},
            "/api/runs/r/retry",
            {"attempt": 2, "start": None, "submit_again": True},
        ),
        (
            ["pause", "a/b", "--until", "3h", "--note", "we move"],
            {"pause": PAUSE},
            "/api/workflows/a%2Fb/pause",
            {"until": "3h", "note": "we move"},
        ),
        (["unpause", "nightly"], {"unpause": PAUSE}, "/api/workflows/nightly/unpause", {}),
        (
            ["run", "nightly", "-i", "month=2026-11", "-i", "n=3"],
            {"POST": {"run": SUMMARY, "created": True}},
            "/api/workflows/nightly/runs",
            {"inputs": {"month": "2026-11", "n": "3"}},
        ),
        (
            ["resolve", "r", "load", "--instance", " 4711 "],
            {"POST": SUMMARY},
            "/api/runs/r/resolve",
            {"step": "load", "instance": "4711"},
        ),
        (
            ["resolve", "r", "load", "--not-submitted", "--json"],
            {"POST": SUMMARY},
            "/api/runs/r/resolve",
            {"step": "load", "instance": None},
        ),
    ],
)
def test_an_action_is_sent_to_the_server(
    almaflow: Almaflow,
    typed: list[str],
    answers: dict[str, object],
    path: str,
    body: dict[str, object],
) -> None:
    sent: list[tuple[str, object]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        document: object = {"timezone": "UTC"}
        if request.method == "POST":
            sent.append((scope["raw_path"].decode(), await request.json()))
            document = answers.get("POST", next(iter(answers.values())))
        elif "health" not in request.url.path:
            document = next(iter(answers.values()))
        await JSONResponse(document, 202)(scope, receive, send)

    with listening(app) as url:
        done = almaflow(*typed, "--server", url)

    assert (done.code, done.err) == (0, "")
    assert sent == [(path, body)]


def test_jobs_are_not_submitted_again_without_a_yes(almaflow: Almaflow) -> None:
    def answer(request: Request) -> Response:
        return JSONResponse({"timezone": "UTC"} if "health" in request.url.path else PREVIEW)

    with answering(answer) as (url, asked):
        done = almaflow("retry", "r", "--server", url)

    assert (done.code, done.out) == (2, "")
    assert "load: job M48" in done.err
    assert {request.method for request in asked} == {"GET"}


def test_a_file_of_this_machine_is_not_run_by_a_server(almaflow: Almaflow) -> None:
    for name in ("nightly.yaml", "workflows/nightly", "./nightly.yml"):
        done = almaflow("run", name, "--server", "http://127.0.0.1:1")
        assert (done.code, done.err.count("\n")) == (2, 1)


def test_inputs_of_a_file_are_sent_as_json(almaflow: Almaflow, write: Write) -> None:
    write("in.yaml", "day: 2026-11-03\nn: 3\nnames: [a, b]\n")
    bodies: list[object] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        document: object = {"timezone": "UTC"}
        if request.method == "POST":
            bodies.append(await request.json())
            document = {"run": SUMMARY, "created": True}
        await JSONResponse(document, 202)(scope, receive, send)

    with listening(app) as url:
        done = almaflow("run", "nightly", "--inputs", "in.yaml", "--json", "--server", url)

    assert done.json["id"] == SUMMARY["id"]
    # As they are written: the server reads them as the types of its inputs.
    assert bodies == [{"inputs": {"day": "2026-11-03", "n": "3", "names": ["a", "b"]}}]


def test_a_run_is_queued_and_a_tick_skipped_on_the_server(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_KEY_IS_NEEDED", "l8xx0123456789abcdef")
    there = ("--server", remote.url)

    queued = remote.almaflow("run", "nightly", "--json", *there)
    assert (queued.code, queued.err) == (0, "")
    shown = remote.almaflow("show", queued.json["id"], "--json", *there).json
    remote.almaflow("unpause", "nightly", *there)
    skipped = remote.almaflow("skip-next", "nightly", "--note", "no staff", *there)
    coming = remote.almaflow("next", "nightly", "--json", *there).json
    refused = [
        remote.almaflow("skip-next", "nightly", "--entry", "no-such", *there),
        remote.almaflow("skip-next", "no-such", *there),
        remote.almaflow("run", "no-such", *there),
        remote.almaflow("run", "nightly", "-i", "odd=1", *there),
        remote.almaflow("resolve", "last", "x", "--not-submitted", "--json", *there),
    ]

    assert (queued.code, shown["workflow"], skipped.code) == (0, "nightly", 0)
    assert "no staff" in json.dumps(coming)
    assert {one.code for one in refused} == {2}


def test_actions_reach_the_store_of_the_server(remote: Remote) -> None:
    there = ("--server", remote.url)

    cancelled = remote.almaflow("cancel", "hhhhh", "--json", *there)
    paused = remote.almaflow("pause", "nightly", "--note", "again", *there)
    why = remote.almaflow("why", "nightly", "--json", *there).json
    resumed = remote.almaflow("unpause", "nightly", *there)
    refused = [
        remote.almaflow("approve", "hhhhh", *there),
        remote.almaflow("retry", "hhhhh", *there),
        remote.almaflow("unpause", "nightly", *there),
        remote.almaflow("cancel", "no-such", *there),
    ]

    assert (cancelled.code, paused.code, resumed.code) == (0, 0, 0)
    assert cancelled.json["run"] == "20261102-120000-hhhhh"
    assert why["timetable"]["pause"]["note"] == "again"
    assert why["timetable"]["pause"]["by"].endswith(" via the API")
    assert {one.code for one in refused} <= {1, 2}
    assert all(one.err.count("\n") == 1 for one in refused)
