"""Every fault that the wire and Alma may show × every write, over HTTP on this machine.

The simulator knows the truth: how often each write took effect. Time is virtual but for what a
request itself takes.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest.mock import patch

from almaflow.alma import calls, evidence
from almaflow.alma.http import HttpTransport
from almaflow.alma.simulator import SimulatedAlma
from almaflow.alma.simulator.http import SimulatorServer
from almaflow.alma.transport import ConnectionLost, Transport, WireRequest, WireResponse
from almaflow.settings import Project, find_project
from almaflow.store import MarkerHabit
from tests.harness import START, Played, Stage
from tests.secrets_found import secrets_found

KEY = r'l8xx"proof\7+/=%<k>y'
SECRET = r'Sw0rd"fish\\ü/+&=% 1'

SETTINGS = """\
institutions: {main: {region: eu, api_key: env:PROOF_KEY}}
secrets: {ftp: env:PROOF_FTP}
"""

# What a call may take that meets a fault which never answers (seconds of real time).
IMPATIENCE = 0.3

# --- faults ---------------------------------------------------------------------------------------

# Words that quote what was sent, as hosts in front of others do.
_ECHO = {"message": f"cannot do it for {KEY} with {SECRET}"}

FAULTS: Mapping[str, dict[str, Any]] = {
    "answer dropped": {"kind": "lose_answer"},
    "reset": {"kind": "reset"},
    "hang": {"kind": "hang"},
    "hang, not taken": {"kind": "hang", "processed": False},
    "429": {"kind": "status", "status": 429, **_ECHO},
    **{
        f"{status}{'' if processed else ', not taken'}": {
            "kind": "status", "status": status, "processed": processed, **_ECHO
        }
        for status in (500, 502, 503, 504)
        for processed in (True, False)
    },
    "ROUTING_ERROR": {"kind": "routing_error", **_ECHO},
    "ROUTING_ERROR, shown late": {"kind": "routing_error", "delay": "4m"},
    "ROUTING_ERROR, not taken": {"kind": "routing_error", "processed": False},
    "HTML": {"kind": "html", "processed": True, **_ECHO},
    "HTML, not taken": {"kind": "html", **_ECHO},
    "truncated": {"kind": "truncated"},
    "garbage": {"kind": "garbage"},
    "NaN": {"kind": "nan"},
    "NaN, not taken": {"kind": "nan", "processed": False},
    "nested": {"kind": "nested"},
    "close": {"kind": "close"},
    "reset behind the answer": {"kind": "reset_after"},
    "counted late": {"kind": "late_count", "delay": "4s"},
    "empty": {"kind": "empty"},
    "drip": {"kind": "drip", "delay": "1m"},
    "error list in 200": {"kind": "error_list_in_200", "processed": True, **_ECHO},
    "error list in 200, not taken": {"kind": "error_list_in_200", **_ECHO},
}  # fmt: skip
_NEVER_ANSWER = frozenset({"hang", "drip"})

# --- writes ---------------------------------------------------------------------------------------

_IDS = [f"99{number:09}1000" for number in range(1, 10)]

LIBRARY: dict[str, Any] = {
    "sets": [
        {"id": "1001000", "name": "one", "content": "BIB_MMS", "members": _IDS[:5]},
        {"id": "1002000", "name": "two", "content": "BIB_MMS", "members": _IDS[3:9]},
        {
            "id": "1003000",
            "name": "logical",
            "content": "BIB_MMS",
            "query": 'BIB_MMS where BIB_MMS ((all CONTAIN "y"))',
            "members": 12,
        },
    ],
    "members": [{"query": '*"x"*', "count": 7}],
    "jobs": [{"job": "*", "duration": "2m"}],
}


@dataclass(frozen=True)
class Write:
    """A kind of write: *call* is its endpoint, *steps* the workflow that makes it once.

    *effects* tells how often it has taken effect in Alma.
    """

    call: str
    steps: str
    effects: Callable[[Case], int]


def _job(case: Case) -> int:
    """Count the runs that were asked for; the step must have followed the one there is."""
    runs = [one.instance_id for one in case.stage.submissions]
    told = case.played.steps.get("x", {}).get("instance_id")
    return len(runs) if told in runs else 0


def _made(members: int) -> Callable[[Case], int]:
    def effects(case: Case) -> int:
        count = case.stage.alma.sets("main").get("new", -1)
        told = case.played.steps.get("x", {}).get("member_count")
        return case.made.count("new") if count == members == told else 0

    return effects


def _members(name: str, ids: list[str]) -> Callable[[Case], int]:
    def effects(case: Case) -> int:
        main = case.stage.alma.institution("main")
        there = next(one for one in main.sets.values() if one.name == name)
        return int(sorted(there.members) == sorted(ids))

    return effects


def _gone(name: str) -> Callable[[Case], int]:
    return lambda case: int(name not in case.stage.alma.sets("main"))


def _new(origin: str) -> str:
    return f"{{id: x, create_set: {{name: new, content: BIB_MMS, {origin}}}}}"


_LOAD = "{id: load, run_profile: {import: {name: Vendor MARC records weekly}}}"
_RUN = '{run: "{{ steps.load.instance_id }}", population: SINGLE_MATCHES}'
_ADD = _new(f"members: {json.dumps(_IDS[:3])}")
_UPDATE = '{id: x, update_set: {id: "1001000", WHAT}}'

WRITES: Mapping[str, Write] = {
    "submit manual": Write(
        "submit",
        '{id: x, submit_job: {job: M44, set: "1001000", '
        'parameters: {password: "{{ secrets.ftp }}"}}}',
        _job,
    ),
    "submit profile": Write("submit", "{id: x, run_profile: {integration: FUNDS}}", _job),
    "create logical": Write(
        "create_set", _new("query: 'BIB_MMS where BIB_MMS ((all CONTAIN \"x\"))'"), _made(7)
    ),
    "create itemized": Write("create_set", _ADD, _made(3)),
    "create from_set": Write("create_set", _new('from_set: "1003000"'), _made(12)),
    "create from_run": Write("create_set", f"{_LOAD}, {_new(f'from_run: {_RUN}')}", _made(85)),
    "create combine": Write(
        "create_set", _new('combine: {operator: or, sets: ["1001000", "1002000"]}'), _made(9)
    ),
    "replace set": Write(
        "create_set",
        "{id: x, create_set: {name: two, content: BIB_MMS, if_exists: replace, "
        f"members: {json.dumps(_IDS[:3])}}}}}",
        lambda case: case.made.count("two") * _members("two", _IDS[:3])(case),
    ),
    "add members": Write("add_members", _ADD, _members("new", _IDS[:3])),
    "add to members": Write(
        "add_members",
        _UPDATE.replace("WHAT", f"add: {json.dumps(_IDS[2:8])}"),
        _members("one", _IDS[:8]),
    ),
    "remove members": Write(
        "delete_members",
        _UPDATE.replace("WHAT", f"remove: {json.dumps(_IDS[2:7])}"),
        _members("one", _IDS[:2]),
    ),
    "replace members": Write(
        "replace_members",
        _UPDATE.replace("WHAT", f"replace: {json.dumps(_IDS[3:8])}"),
        _members("one", _IDS[3:8]),
    ),
    "delete set": Write("delete_set", '{id: x, delete_set: "1001000"}', _gone("one")),
}

# --- a case ---------------------------------------------------------------------------------------


class Impatient:
    """Waits only shortly for the answer to a write, until one was lost."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self._until_lost = True

    async def exchange(self, request: WireRequest) -> WireResponse:
        if request.method != "GET" and self._until_lost:
            request = replace(request, timeout=IMPATIENCE)
        try:
            return await self._inner.exchange(request)
        except ConnectionLost:
            self._until_lost = False
            raise

    def close(self) -> None:
        self._inner.close()


class HttpStage(Stage):
    """A stage whose Alma is spoken to over a socket."""

    def __init__(
        self,
        folder: Path,
        server: SimulatorServer,
        scenario: Any,
        *,
        impatient: bool = False,
        alma_ahead: timedelta = timedelta(),
    ) -> None:
        connection = {"settle": timedelta(minutes=5)}
        super().__init__(
            folder, scenario, settings=SETTINGS, connection=connection, alma_ahead=alma_ahead
        )
        self.key = KEY
        self._server = server
        self._impatient = impatient
        server._server.alma = self.alma
        self.alma.link_base = server.url

    @cached_property
    def project(self) -> Project:
        # Read once: there are hundreds of cases.
        return find_project(self.folder)

    def transport(self) -> Transport:
        transport = HttpTransport(self._server.url)
        return Impatient(transport) if self._impatient else transport


@dataclass
class Case:
    """One fault and one write, played."""

    fault: str
    write: str
    stage: Stage
    played: Played
    made: list[str]
    """The names of the sets that were made through the API, in order."""
    texts: list[str | bytes]
    """Everything that the run left behind for people and programs to see."""

    @property
    def effects(self) -> int:
        """How often the write took effect."""
        return WRITES[self.write].effects(self)

    @property
    def foreign(self) -> bool:
        """Whether the step took the run of another API user for its own."""
        told = self.played.steps.get("x", {}).get("instance_id")
        return told is not None and told not in {one.instance_id for one in self.stage.submissions}

    @property
    def leaks(self) -> list[str]:
        """The secrets in what it left behind, by name."""
        return secrets_found({"key": KEY, "ftp": SECRET}, self.texts)

    def __str__(self) -> str:
        played = self.played
        return f"{self.write} × {self.fault}: {played.outcome} {played.record.error}".strip()


def play(
    folder: Path,
    server: SimulatorServer,
    fault: str,
    write: str,
    *,
    another_run: bool = False,
    habit: MarkerHabit | None = None,
    alma_ahead: timedelta = timedelta(),
) -> Case:
    """Run the workflow of *write* while its call meets *fault* once.

    With *another_run* another API user starts the same job under the same name at that instant.
    *habit* is what Alma was seen to do to names before.
    """
    expired = FAULTS[fault] | {"another_run": another_run}
    scenario = LIBRARY | {"faults": [{**expired, "call": WRITES[write].call, "nth": 1}]}
    impatient = expired["kind"] in _NEVER_ANSWER
    with _small_and_quick(), _log() as log:
        stage = HttpStage(folder, server, scenario, impatient=impatient, alma_ahead=alma_ahead)
        if habit is not None:
            stage.open_store().note_habit("main", "M44", habit)
        made = _watch_sets(stage.alma)
        played = stage.run(f"steps: [{WRITES[write].steps}]")
    return Case(fault, write, stage, played, made, list(_left_behind(stage, played, log)))


@contextmanager
def _small_and_quick() -> Iterator[None]:
    """Let three members be two batches, and a lost combination be looked for less long."""
    environment = {"PROOF_KEY": KEY, "PROOF_FTP": SECRET}
    with (
        patch.object(calls, "MEMBERS_IN_ONE_CALL", 2),
        patch.object(evidence, "COMBINING", timedelta(minutes=30)),
        patch.dict(os.environ, environment),
    ):
        yield


@contextmanager
def _log() -> Iterator[list[str]]:
    """Keep whatever a library logs, however unimportant."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    root, handler = logging.getLogger(), Keep()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


def _watch_sets(alma: SimulatedAlma) -> list[str]:
    """Return a list that gets the name of each set that is made from now on."""
    alma.add_institution("main", key=KEY)
    main = alma.institution("main")
    made: list[str] = []
    add = main.add_set

    def add_set(name: str, *arguments: Any, **more: Any) -> Any:
        made.append(name)
        return add(name, *arguments, **more)

    main.add_set = add_set  # type: ignore[method-assign]
    return made


def _left_behind(stage: Stage, played: Played, log: list[str]) -> Iterator[str | bytes]:
    store: Any = stage.open_store()
    yield store._database._connection.driver.serialize()
    yield "\n".join(log)
    yield json.dumps([[one.text, one.data] for one in played.heard], ensure_ascii=False)
    yield f"{played.record} {played.journal} {played.log}"


# --- the whole matrix -----------------------------------------------------------------------------


@dataclass
class Figures:
    """What the matrix came to."""

    faults: int = len(FAULTS)
    writes: int = len(WRITES)
    cases: int = 0
    doubles: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)

    def count(self, case: Case) -> None:
        self.cases += 1
        if case.effects > 1:
            self.doubles.append(str(case))
        if case.effects < 1:
            self.lost.append(str(case))
        if case.played.outcome != "succeeded":
            self.wrong.append(str(case))
        if case.leaks:
            self.leaks.append(f"{case}: {', '.join(case.leaks)}")

    def __str__(self) -> str:
        return (
            f"{self.faults} faults × {self.writes} writes = {self.cases} cases over HTTP: "
            f"{len(self.doubles)} doubles, {len(self.lost)} lost, {len(self.wrong)} ended wrong, "
            f"{len(self.leaks)} secrets shown"
        )


def play_all(folder: Path) -> Figures:
    """Play the whole matrix."""
    figures = Figures()
    with serving() as server:
        for number, (fault, write) in enumerate((f, w) for f in FAULTS for w in WRITES):
            here = folder / str(number)
            here.mkdir()
            figures.count(play(here, server, fault, write))
    return figures


@contextmanager
def serving() -> Iterator[SimulatorServer]:
    """Serve whichever Alma a stage brings."""
    with SimulatorServer(SimulatedAlma(lambda: START)) as server:
        yield server
