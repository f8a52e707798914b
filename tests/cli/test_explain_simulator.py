"""`almaflow explain simulator`: everything that there is, and examples that work as they are."""

from __future__ import annotations

import re
import shlex

import pytest
import requests

from almaflow.alma.simulator import FaultKind, SimulatedAlma
from almaflow.alma.simulator.control import ControlDoor, MovableClock
from almaflow.alma.simulator.http import SimulatorServer
from almaflow.alma.simulator.keys import AREAS
from almaflow.alma.simulator.scenario_calls import CALLS
from almaflow.cli.app import loaded
from almaflow.cli.command_list import COMMANDS
from almaflow.cli.simulator_page import page
from tests.cli.conftest import Almaflow
from tests.simulator.world import START


def test_the_page_is_shown_and_listed(almaflow: Almaflow) -> None:
    shown, listed = almaflow("explain", "simulator"), almaflow("explain")

    assert (shown.code, shown.out) == (0, page())
    assert "\n  simulator " in listed.out
    assert almaflow("explain", "simulatr").code == 2
    assert almaflow("explain", "simulator.x").code == 2


def test_the_page_fits_a_terminal() -> None:
    assert max(map(len, page().splitlines())) <= 100


def test_the_page_has_every_option_kind_of_fault_call_and_area() -> None:
    words = set(re.findall(r"[\w-]+", page()))
    options = {
        option
        for parameter in loaded(COMMANDS["simulator"]).params
        for option in parameter.opts
        if option.startswith("--")
    }

    assert {*FaultKind, *CALLS, *AREAS} <= words
    assert options - words - {"--allow-remote", "--help"} == set()


def make() -> tuple[SimulatedAlma, MovableClock]:
    clock = MovableClock(lambda: START)
    alma = SimulatedAlma(clock)
    alma.add_institution("main", key="my-own-key")
    return alma, clock


def test_the_examples_work_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "a-secret-of-listeners")
    commands = re.findall(r"^  (curl (?:.*\\\n)?.*)", page(), re.M)
    door = ControlDoor(make)
    reached = set()
    with SimulatorServer(door.alma, control=door) as server:
        for command in commands:
            words = shlex.split(command.replace("\\\n", " "))
            method, body = (
                ("POST", words[words.index("--json") + 1]) if "--json" in words else ("GET", None)
            )
            method = words[words.index("-X") + 1] if "-X" in words else method
            url = next(word for word in words if word.startswith("http://127.0.0.1:8080/"))
            answer = requests.request(
                method,
                url.replace("http://127.0.0.1:8080", server.url),
                data=body,
                headers={"Content-Type": "application/json"} if body else {},
                timeout=10,
            )
            assert answer.status_code == 200, (command, answer.text)
            reached.add((method, url.rpartition("/")[2]))

    assert set(door._actions) <= reached
