"""Webhooks: the challenge, signed events, how Alma repeats them, and odd listeners."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from almaflow.alma.simulator.http import SimulatorServer
from almaflow.alma.simulator.request_log import LoggedRequest
from almaflow.alma.simulator.scenario_webhooks import Webhook, WebhookRefused
from almaflow.alma.simulator.webhooks import Webhooks, challenge_request, is_answer
from tests.certificates import make_certificate
from tests.simulator.world import World

SECRET = "a-secret-of-listeners"
# Seconds of real time in which something on this machine has happened.
SOON = 10.0


class Listener:
    """A listener on this machine; *statuses* are of its responses to events, 200 after them."""

    def __init__(self, *, context: Any = None) -> None:
        self.events: queue.Queue[tuple[dict[str, str], bytes]] = queue.Queue()
        self.challenges: queue.Queue[str] = queue.Queue()
        self.statuses: list[int] = []
        self.returned: Callable[[str], bytes] = lambda text: json.dumps(
            {"challenge": text}
        ).encode()
        self.released = threading.Event()
        self.released.set()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        scheme = "http"
        if context is not None:
            scheme = "https"
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{scheme}://127.0.0.1:{self.server.server_address[1]}/alma?at=lib"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                listener.challenges.put(self.path)
                text = parse_qs(urlsplit(self.path).query)["challenge"][0]
                self._answer(200, listener.returned(text))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                listener.events.put((headers, body))
                listener.released.wait(SOON)
                self._answer(listener.statuses.pop(0) if listener.statuses else 200, b"")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("location", "http://127.0.0.1:1/elsewhere")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Keep quiet."""

        return Handler

    def event(self) -> Any:
        return json.loads(self.events.get(timeout=SOON)[1])


@contextmanager
def listening(**more: Any) -> Iterator[Listener]:
    listener = Listener(**more)
    thread = threading.Thread(target=listener.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        listener.released.set()
        listener.server.shutdown()
        listener.server.server_close()
        thread.join()


class Yard:
    """A world with a listener, and webhooks that look often."""

    def __init__(self, stack: ExitStack, scenario: Any = None, **more: Any) -> None:
        self.world = World(scenario)
        self.listener = stack.enter_context(listening())
        self.log: list[LoggedRequest] = []
        self.webhooks = Webhooks(
            lambda: self.world.alma, log=self.log.append, look=0.005, patience=5.0
        )
        stack.callback(self.webhooks.stop)
        self.webhooks.start()
        self.webhooks.add(Webhook(url=self.listener.url, **more))

    def state(self) -> Any:
        return self.webhooks.listed()[0]

    def wait_for(self, **values: Any) -> Any:
        until = monotonic() + SOON
        while True:
            state = self.state()
            if all(state[name] == value for name, value in values.items()):
                return state
            assert monotonic() < until, state
            threading.Event().wait(0.002)

    def run(self, name: str = "mine") -> str:
        """Let a job begin, as users of the API do, and return the id of its instance."""
        return self.world.submit("M48", set_id=self.world.new_set(name))


@pytest.fixture
def yard() -> Iterator[Yard]:
    with ExitStack() as stack:
        yield Yard(stack, secret=SECRET)


# --- the challenge --------------------------------------------------------------------------------


def test_the_challenge_keeps_other_parameters_and_comes_before_events(yard: Yard) -> None:
    yard.wait_for(active=True)

    path = yard.listener.challenges.get(timeout=SOON)
    assert parse_qs(urlsplit(path).query).keys() == {"at", "challenge"}
    assert yard.listener.events.empty()


@pytest.mark.parametrize(
    "returned",
    [
        lambda text: b"",
        lambda text: b"ok",
        lambda text: json.dumps({"challenge": "x"}).encode(),
        lambda text: json.dumps([text]).encode(),
        lambda text: b"[" * 60_000,
        lambda text: b"\xff\xfe",
    ],
)
def test_without_the_challenge_there_are_no_events(returned: Callable[[str], bytes]) -> None:
    with ExitStack() as stack:
        yard = Yard(stack)
        yard.listener.returned = returned
        yard.webhooks.replace([Webhook(url=yard.listener.url)])
        while not yard.state()["last_error"]:
            threading.Event().wait(0.002)

        assert not yard.state()["active"]


def test_the_challenge_may_be_answered_as_it_is() -> None:
    assert is_answer(b" a&b\n", "a&b")
    assert is_answer(b'{"challenge": "a&b"}', "a&b")
    assert challenge_request("http://127.0.0.1/x?a=1", "a&b").url.endswith("?a=1&challenge=a%26b")


# --- events ---------------------------------------------------------------------------------------


def test_the_end_of_a_job_is_an_event_with_a_signature_over_its_bytes(yard: Yard) -> None:
    yard.wait_for(active=True)
    run = yard.run()
    yard.world.wait(hours=3)

    headers, body = yard.listener.events.get(timeout=SOON)
    event = json.loads(body)

    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).digest()
    assert headers["x-exl-signature"] == base64.b64encode(digest).decode()
    assert (event["id"], event["action"]) == (run, "JOB_END")
    assert event["institution"]["value"] == "01MAIN_INST"
    shown = yard.world.run(run)
    assert event["time"] == shown["end_time"]
    assert event["job_instance"]["status"]["value"] == "COMPLETED_NO_BULKS"
    assert event["job_instance"]["link"] == f"/almaws/v1/conf/jobs/M48/instances/{run}"
    assert "bib" not in event
    yard.wait_for(delivered=1, waiting=0)
    assert SECRET not in json.dumps(yard.state())


def test_events_without_a_secret_are_not_signed() -> None:
    with ExitStack() as stack:
        yard = Yard(stack)
        yard.wait_for(active=True)
        yard.run()
        yard.world.wait(hours=3)

        headers, _ = yard.listener.events.get(timeout=SOON)

    assert "x-exl-signature" not in headers


def test_every_job_that_ends_is_an_event_in_the_order_of_ends() -> None:
    with ExitStack() as stack:
        scenario = {
            "other_runs": [
                {"job": "M44", "at": "1m", "by": "jdoe", "duration": "2h"},
                {"job": "M18", "at": "2m", "by": "System", "duration": "10m"},
            ],
            "alma": {"nulls": "legacy"},
        }
        yard = Yard(stack, scenario)
        yard.wait_for(active=True)
        yard.world.wait(hours=6)

        events = [yard.listener.event() for _ in range(2)]

    assert [event["job_instance"]["job_info"]["id"] for event in events] == ["M18", "M44"]
    assert [event["bib"] for event in events] == [None, None]
    assert all("/jobs/M0/" in event["job_instance"]["link"] for event in events)


def test_runs_that_ended_before_the_listener_was_active_are_no_events() -> None:
    with ExitStack() as stack:
        yard = Yard(stack)
        yard.webhooks.replace(())
        yard.run("first")
        yard.world.wait(hours=3)
        yard.webhooks.replace([Webhook(url=yard.listener.url)])
        yard.wait_for(active=True)
        second = yard.run("second")
        yard.world.wait(hours=3)

        assert yard.listener.event()["id"] == second


def test_duplicates_can_be_asked_for() -> None:
    with ExitStack() as stack:
        yard = Yard(stack, duplicates=True)
        yard.wait_for(active=True)
        run = yard.run()
        yard.world.wait(hours=3)

        assert [yard.listener.event()["id"] for _ in range(2)] == [run, run]


def test_an_institution_can_be_left_out() -> None:
    with ExitStack() as stack:
        yard = Yard(stack, institution="other")
        yard.world.alma.add_institution("other")
        yard.wait_for(active=True)
        yard.run()
        yard.world.wait(hours=3)
        other = yard.world.alma.institution("other")
        other.start_run(
            other.jobs["M44"], yard.world.now, name="x", submitted_by="jdoe", duration=timedelta(1)
        )
        yard.world.wait(days=2)

        assert yard.listener.event()["institution"]["value"] == "01OTHER_INST"


# --- responses of listeners -----------------------------------------------------------------------


def test_errors_of_the_server_are_repeated_after_one_three_and_six_hours(yard: Yard) -> None:
    yard.wait_for(active=True)
    yard.listener.statuses = [500, 503, 502, 599]
    yard.run()
    yard.world.wait(hours=3)
    bodies = [yard.listener.events.get(timeout=SOON)]
    for hours in (1, 3, 6):
        yard.wait_for(waiting=1)
        yard.world.wait(hours=hours, seconds=-10)
        assert yard.listener.events.empty()
        yard.world.wait(seconds=10)
        bodies.append(yard.listener.events.get(timeout=SOON))

    yard.wait_for(waiting=0, failed=1, delivered=0)
    assert len({body for _, body in bodies}) == 1
    assert len({headers["x-exl-signature"] for headers, _ in bodies}) == 1


@pytest.mark.parametrize(
    ("status", "field"),
    [(200, "delivered"), (204, "delivered"), (302, "refused"), (401, "refused")],
)
def test_other_responses_settle_the_event(yard: Yard, status: int, field: str) -> None:
    yard.wait_for(active=True)
    yard.listener.statuses = [status]
    yard.run()
    yard.world.wait(hours=3)

    yard.wait_for(waiting=0, **{field: 1})
    assert yard.listener.events.qsize() == 1


def test_a_listener_that_says_nothing_is_asked_again_later() -> None:
    with ExitStack() as stack:
        yard = Yard(stack)
        yard.webhooks.stop()
        yard.webhooks = Webhooks(lambda: yard.world.alma, look=0.005, patience=0.2)
        stack.callback(yard.webhooks.stop)
        yard.webhooks.start()
        yard.webhooks.add(Webhook(url=yard.listener.url))
        yard.wait_for(active=True)
        yard.listener.released.clear()
        run = yard.run()
        yard.world.wait(hours=3)
        state = yard.wait_for(waiting=1)
        while not state["last_error"]:
            state = yard.state()
        yard.listener.released.set()
        yard.world.wait(hours=1)

        assert [yard.listener.event()["id"] for _ in range(2)] == [run, run]
        yard.wait_for(delivered=1, waiting=0)


def test_a_listener_that_comes_later_is_found() -> None:
    with ExitStack() as stack:
        yard = Yard(stack)
        yard.webhooks.replace([Webhook(url="http://127.0.0.1:1/nobody")])
        while not yard.state()["last_error"]:
            threading.Event().wait(0.002)

        assert not yard.state()["active"]


def test_a_listener_may_use_tls(tmp_path: Path) -> None:
    world = World()
    with (
        listening(context=make_certificate(tmp_path / "server.pem")) as listener,
        ExitStack() as stack,
    ):
        webhooks = Webhooks(lambda: world.alma, [Webhook(url=listener.url)], look=0.005)
        stack.callback(webhooks.stop)
        webhooks.start()

        assert listener.challenges.get(timeout=SOON)


# --- limits, and the end --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.org/x", "http://10.0.0.5/", "https://localhost.evil.example/"),
        *("http://0.0.0.0:9000/", "http://169.254.169.254/latest", "http://[fd00::5]/"),
        *("ftp://127.0.0.1/", "127.0.0.1:9000", "http://", "http://127.0.0.1:0/", ""),
        *("http://user:word@127.0.0.1/", "http://127.0.0.1:99999/", "http://127.0.0.1/a b"),
        *("http://127.0.0.1/a\r\nX: y", "http://127.0.0.1/#x", "http://example.org@127.0.0.1/"),
    ],
)
def test_a_webhook_leads_to_this_machine_only(url: str) -> None:
    with pytest.raises(ValidationError):
        Webhook(url=url)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:9000",
        "https://[::1]:9000/x?y=z",
        "http://127.0.0.2/",
        "http://a.localhost/",
    ],
)
def test_every_spelling_of_this_machine_is_allowed(url: str) -> None:
    assert Webhook(url=url).url == url


def test_there_are_not_many_webhooks(yard: Yard) -> None:
    webhook = Webhook(url=yard.listener.url)

    with pytest.raises(WebhookRefused):
        yard.webhooks.replace([webhook] * 11)

    assert len(yard.webhooks.listed()) == 1


def test_a_secret_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    webhook = Webhook(url="http://127.0.0.1:9000/", secret="env:SECRET_OF_TESTS")

    with pytest.raises(WebhookRefused, match="SECRET_OF_TESTS"):
        webhook.secret_bytes()
    monkeypatch.setenv("SECRET_OF_TESTS", SECRET)

    assert webhook.secret_bytes() == SECRET.encode()
    assert SECRET not in repr(webhook)


def test_the_threads_end_with_the_server_also_while_a_listener_is_silent(yard: Yard) -> None:
    with SimulatorServer(yard.world.alma, webhooks=yard.webhooks):
        yard.webhooks.replace([Webhook(url=yard.listener.url)])
        yard.wait_for(active=True)
        yard.listener.released.clear()
        yard.run()
        yard.world.wait(hours=3)
        yard.listener.event()
        began = monotonic()

    assert monotonic() - began < 4
    assert "almaflow-webhook" not in {thread.name for thread in threading.enumerate()}


def test_requests_to_listeners_are_logged_without_their_parameters(yard: Yard) -> None:
    yard.wait_for(active=True)
    yard.run()
    yard.world.wait(hours=3)
    yard.wait_for(delivered=1)

    plain = yard.listener.url.partition("?")[0]
    assert [(entry.method, entry.target, entry.status) for entry in yard.log] == [
        ("GET", plain, 200),
        ("POST", plain, 200),
    ]
