"""The control door: faults, clock, state and reset, for this machine only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

from almaflow.alma.simulator import SimulatedAlma, parse_scenario
from almaflow.alma.simulator.control import ControlDoor, MovableClock
from almaflow.alma.simulator.http import SimulatorServer
from tests.simulator.served import TEST
from tests.simulator.world import START

KEY = "a-key-of-main"
AUTHORIZED = {"Authorization": f"apikey {KEY}"}
DOOR = "/almaflow/simulator/"


def make() -> tuple[SimulatedAlma, MovableClock]:
    clock = MovableClock(lambda: START)
    alma = SimulatedAlma(clock)
    alma.add_institution("main", key=KEY)
    return alma, clock


@pytest.fixture
def url() -> Iterator[str]:
    door = ControlDoor(make)
    with SimulatorServer(door.alma, control=door) as server:
        yield server.url


def call(url: str, method: str, name: str, data: Any = None) -> Any:
    kind = {} if method == "GET" else {"Content-Type": "application/json"}
    body = None if data is None else json.dumps(data)
    return requests.request(method, url + DOOR + name, data=body, headers=kind, timeout=10)


def test_the_clock_is_read_and_advanced(url: str) -> None:
    before = datetime.fromisoformat(call(url, "GET", "clock").json()["now"])
    after = datetime.fromisoformat(call(url, "POST", "clock", {"advance": "2h"}).json()["now"])

    assert (before, after) == (START, START + timedelta(hours=2))


@pytest.mark.parametrize("data", [{"advance": "-1h"}, {"advance": "36500d", "x": 1}, {}, [], "x"])
def test_a_wrong_duration_is_refused(url: str, data: Any) -> None:
    assert call(url, "POST", "clock", data).status_code == 400


def test_the_clock_never_leaves_the_calendar(url: str) -> None:
    answers = [call(url, "POST", "clock", {"advance": "36500d"}).status_code for _ in range(4)]

    assert answers == [200, 200, 400, 400]


def test_a_fault_is_added_met_listed_and_removed(url: str) -> None:
    fault = {"kind": "status", "status": 503, "code": "X"}
    assert call(url, "POST", "faults", fault).status_code == 200

    struck = requests.get(url + TEST, headers=AUTHORIZED, timeout=10)
    (listed,) = call(url, "GET", "faults").json()["faults"]
    call(url, "PUT", "faults", {"faults": []})
    whole = requests.get(url + TEST, headers=AUTHORIZED, timeout=10)

    assert (struck.status_code, listed["met"], whole.status_code) == (503, 1, 200)


FAULTS = [
    {"kind": "reset", "call": "any"},
    {
        "kind": "status",
        "call": "write",
        "institution": "ma*",
        "path": "*/sets*",
        "nth": [1, 3],
        "from": "02:00",
        "for": "1d2h3m4s",
        "processed": False,
        "status": 503,
        "code": "X",
        "message": "a text",
        "delay": "90s",
        "another_run": True,
    },
    {"kind": "slow", "call": "submit", "from": "-3d", "delay": "0s"},
    {"kind": "hang", "call": "read", "from": "2026-03-02T01:00:00+01:00", "processed": True},
]


def test_faults_are_listed_as_they_can_be_sent_again(url: str) -> None:
    call(url, "PUT", "faults", {"faults": FAULTS})

    listed = call(url, "GET", "faults").json()
    again = call(url, "PUT", "faults", listed).json()

    plain = [{name: fault[name] for name in fault if name != "met"} for fault in listed["faults"]]
    written = [parse_scenario({"faults": [fault]}).faults[0] for fault in FAULTS]
    assert parse_scenario({"faults": plain}).faults == tuple(written)
    assert again == listed
    assert listed["faults"][1]["for"] == "1d2h3m4s"


def test_webhooks_are_set_listed_without_secrets_and_reset(url: str) -> None:
    webhook = {"url": "http://127.0.0.1:9/x", "secret": "not-to-be-shown", "duplicates": True}

    added = call(url, "POST", "webhooks", webhook)
    two = call(url, "PUT", "webhooks", {"webhooks": [webhook, {"url": "http://localhost:9/"}]})
    call(url, "POST", "reset", {})

    assert "not-to-be-shown" not in added.text + two.text
    assert [one["signed"] for one in two.json()["webhooks"]] == [True, False]
    assert call(url, "GET", "webhooks").json() == {"webhooks": []}


@pytest.mark.parametrize(
    "webhook",
    [
        {"url": "http://example.org/"},
        {"url": "http://127.0.0.1/", "secret": "env:NOT_SET_BY_TESTS"},
        {},
        [],
    ],
)
def test_a_wrong_webhook_is_refused_with_a_sentence(url: str, webhook: Any) -> None:
    answer = call(url, "POST", "webhooks", webhook)

    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")


def test_the_number_of_webhooks_has_a_limit(url: str) -> None:
    many = {"webhooks": [{"url": "http://127.0.0.1:9/"}] * 11}

    assert call(url, "PUT", "webhooks", many).status_code == 400


@pytest.mark.parametrize("fault", [{"kind": "nonsense"}, {"kind": "reset", "call": "x"}, {}, 1])
def test_a_wrong_fault_is_refused_with_a_sentence(url: str, fault: Any) -> None:
    answer = call(url, "POST", "faults", fault)

    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")


def test_the_number_of_faults_has_a_limit(url: str) -> None:
    many = {"faults": [{"kind": "reset"}] * 1000}
    assert call(url, "PUT", "faults", many).status_code == 200

    assert call(url, "POST", "faults", {"kind": "reset"}).status_code == 400


def test_the_state_counts_requests_without_keys(url: str) -> None:
    requests.get(url + TEST, headers=AUTHORIZED, timeout=10)

    answer = call(url, "GET", "state")

    assert KEY not in answer.text
    assert answer.json()["requests"]["by_status"] == {"200": 1}
    assert answer.json()["institutions"]["main"]["jobs"] > 10


def test_a_reset_brings_back_the_beginning_and_keeps_the_keys(url: str) -> None:
    call(url, "POST", "faults", {"kind": "reset"})
    call(url, "POST", "clock", {"advance": "2h"})

    call(url, "POST", "reset", {})

    assert call(url, "GET", "faults").json() == {"faults": []}
    assert call(url, "GET", "clock").json()["now"] == START.isoformat()
    assert requests.get(url + TEST, headers=AUTHORIZED, timeout=10).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/json", "Origin": "http://localhost"}, 403),
        ({"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "application/json", "X-Forwarded-For": "10.0.0.1"}, 403),
        ({"Content-Type": "application/json", "Host": "api-eu.hosted.exlibrisgroup.com"}, 403),
        ({"Content-Type": "application/json", "Host": "evil.example"}, 421),
    ],
)
def test_web_pages_and_proxies_are_refused(url: str, headers: dict[str, str], status: int) -> None:
    answer = requests.post(url + DOOR + "reset", data="{}", headers=headers, timeout=10)

    assert answer.status_code == status


def test_other_machines_are_refused() -> None:
    headers = {"host": "localhost"}

    reply = ControlDoor(make).handle("10.0.0.5", "GET", DOOR + "state", headers, b"")

    assert reply.status == 403


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b"\xff", b"x" * 300_000])
def test_a_body_that_is_not_json_or_too_large_is_refused(url: str, body: bytes) -> None:
    kind = {"Content-Type": "application/json"}
    answer = requests.post(url + DOOR + "faults", data=body, headers=kind, timeout=10)

    assert answer.status_code in (400, 413)


def test_without_the_option_there_is_no_door() -> None:
    alma, _ = make()
    with SimulatorServer(alma) as server:
        answer = call(server.url, "GET", "state")

    assert answer.status_code in (401, 400, 403, 404)
