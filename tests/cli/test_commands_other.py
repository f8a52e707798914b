"""`schema`, `explain` and `simulator` in this process, and what commands print."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from almaflow.alma.simulator.http import SimulatorServer
from almaflow.cli.render import terminal
from tests.cli.conftest import Almaflow, Write

Serving = Callable[[Callable[[SimulatorServer], None]], None]


class Stream(io.StringIO):
    """A stream that a test chooses to be a terminal; it keeps how it was configured."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal
        self.options: dict[str, object] = {}

    def isatty(self) -> bool:
        return self.terminal

    def reconfigure(self, **options: object) -> None:
        self.options = options


# --- schema -----------------------------------------------------------------------------------


def test_schemas_are_printed_as_json(almaflow: Almaflow) -> None:
    workflow, project = almaflow("schema"), almaflow("schema", "--project")

    assert (workflow.code, project.code) == (0, 0)
    assert "steps" in workflow.json["properties"]
    assert "institutions" in project.json["properties"]


def test_schemas_are_written_into_a_folder_that_is_made(almaflow: Almaflow, folder: Path) -> None:
    typed = almaflow("schema", "--output", "made/schemas")

    files = sorted((folder / "made" / "schemas").iterdir())
    names = ["catalog", "project", "scenario", "tests", "workflow"]
    assert [one.name for one in files] == [f"{name}.schema.json" for name in names]
    assert sorted(typed.out.splitlines()) == [f"Wrote {one.relative_to(folder)}." for one in files]
    assert all("$schema" in json.loads(one.read_text(encoding="utf-8")) for one in files)


def test_written_schemas_are_told_as_json(almaflow: Almaflow, folder: Path) -> None:
    written = almaflow("schema", "-o", "schemas", "--json").json["written"]

    assert len(written) == 5
    assert all((folder / one).is_file() for one in written)


def test_schemas_are_not_written_over_a_file(almaflow: Almaflow, write: Write) -> None:
    write("schemas", "mine")

    typed = almaflow("schema", "-o", "schemas")

    assert (typed.code, typed.out) == (2, "")
    assert "schemas is a file. Specify a folder." in typed.err


def test_one_schema_and_both_is_a_contradiction(almaflow: Almaflow) -> None:
    typed = almaflow("schema", "-o", "schemas", "--project")

    assert typed.code == 2
    assert "Use only one of `--output` and `--project`." in typed.err


# --- explain ----------------------------------------------------------------------------------


def test_a_kind_of_step_is_explained(almaflow: Almaflow) -> None:
    typed = almaflow("explain", "find_set")

    assert typed.code == 0
    assert typed.out.startswith("find_set\n\nFind a set by its id or exact name")


def test_an_explanation_as_json_is_the_same_text(almaflow: Almaflow) -> None:
    typed = almaflow("explain", "submit_job.expect", "--json")

    assert typed.json["topic"] == "submit_job.expect"
    assert typed.json["text"] + "\n" == almaflow("explain", "submit_job.expect").out


def test_explain_without_a_topic_says_what_there_is(almaflow: Almaflow) -> None:
    typed = almaflow("explain")

    assert typed.code == 0
    assert "submit_job" in typed.out


def test_what_does_not_exist_is_not_explained(almaflow: Almaflow) -> None:
    typed = almaflow("explain", "find_sets")

    assert typed.code == 2
    assert "`find_set`" in typed.err


# --- simulator --------------------------------------------------------------------------------


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    """Let the simulator do something of the test's instead of serving."""
    before = signal.getsignal(signal.SIGTERM)

    def replace(act: Callable[[SimulatorServer], None]) -> None:
        monkeypatch.setattr(SimulatorServer, "serve_forever", act)

    yield replace
    signal.signal(signal.SIGTERM, before)


def ctrl_c(_: SimulatorServer) -> None:
    raise KeyboardInterrupt


def test_the_simulator_greets_and_ends_on_ctrl_c(almaflow: Almaflow, serving: Serving) -> None:
    serving(ctrl_c)

    typed = almaflow("simulator", "--port", "0", "--institution", "north", "--institution", "o-2")

    lines = typed.out.splitlines()
    assert (typed.code, typed.err) == (0, "")
    assert lines[0].startswith("The simulated Alma listens on http://127.0.0.1:")
    assert "      api_key: env:ALMA_API_KEY_NORTH" in lines
    assert "      api_key: env:ALMA_API_KEY_O_2" in lines
    assert lines[-2:] == ["", "The simulator has stopped; its library is discarded."]


def test_the_simulator_as_json_prints_nothing_but_the_document(
    almaflow: Almaflow, serving: Serving
) -> None:
    serving(ctrl_c)

    typed = almaflow("simulator", "--port", "0", "--json")

    (main,) = typed.json["institutions"]
    assert typed.json["url"].startswith("http://127.0.0.1:")
    assert main["name"] == "main"
    assert main["key"].startswith("l8xx")


def test_the_system_ends_the_simulator_as_ctrl_c_does(almaflow: Almaflow, serving: Serving) -> None:
    def terminated(_: SimulatorServer) -> None:
        signal.raise_signal(signal.SIGTERM)

    serving(terminated)

    typed = almaflow("simulator", "--port", "0")

    assert typed.code == 0
    assert typed.out.endswith("The simulator has stopped; its library is discarded.\n")


def test_a_server_that_stops_by_itself_says_no_farewell(
    almaflow: Almaflow, serving: Serving
) -> None:
    serving(lambda server: None)

    typed = almaflow("simulator", "--port", "0")

    assert typed.code == 0
    assert "has ended" not in typed.out


def test_the_time_of_a_scenario_begins_where_it_says(
    almaflow: Almaflow, write: Write, serving: Serving
) -> None:
    write("s.yaml", "starts_at: 2026-11-01T02:00:00+01:00\n")
    seen = []

    def look(server: SimulatorServer) -> None:
        seen.append(server._server.alma.now())
        raise KeyboardInterrupt

    serving(look)

    typed = almaflow("simulator", "--port", "0", "--scenario", "s.yaml")

    assert typed.code == 0
    assert f"{seen[0]:%Y-%m-%d %H}" in ("2026-11-01 02", "2026-11-01 01")


def test_a_port_that_is_taken_names_another_move(
    almaflow: Almaflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(*_: object, **__: object) -> None:
        raise OSError(98, "Address already in use")

    monkeypatch.setattr(SimulatorServer, "__init__", taken)

    typed = almaflow("simulator", "--port", "8080")

    assert (typed.code, typed.out) == (2, "")
    assert "cannot listen on 127.0.0.1, port 8080: Address already in use" in typed.err


# --- what commands print ----------------------------------------------------------------------


def test_redirected_output_is_utf8_and_a_terminal_keeps_its_encoding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file, screen = Stream(terminal=False), Stream(terminal=True)
    monkeypatch.setattr(sys, "stdout", file)
    monkeypatch.setattr(sys, "stderr", screen)

    terminal.prepare_streams()

    assert file.options == {"encoding": "utf-8", "errors": "replace"}
    assert screen.options == {"errors": "replace"}


def test_an_encoding_that_somebody_chose_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    file = Stream(terminal=False)
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    monkeypatch.setattr(sys, "stdout", file)
    monkeypatch.setattr(sys, "stderr", io.StringIO())

    terminal.prepare_streams()

    assert file.options == {"errors": "replace"}


def test_colours_are_for_terminals_whose_owner_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, file = Stream(terminal=True), Stream(terminal=False)
    monkeypatch.setenv("TERM", "xterm")

    assert terminal.has_colours(screen)
    assert not terminal.has_colours(file)
    monkeypatch.setenv("TERM", "dumb")
    assert not terminal.has_colours(screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not terminal.has_colours(screen)


def test_colours_are_painted_when_a_line_is_printed_and_only_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    printed: list[str] = []
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("typer.echo", lambda text, err, color: printed.append(text))

    for on_a_terminal in (True, False):
        monkeypatch.setattr(sys, "stdout", Stream(terminal=on_a_terminal))
        terminal.emit(terminal.coloured("well \x1b[31mred", "green", bold=True))

    assert printed == ["\x1b[32m\x1b[1mwell \\x1b[31mred\x1b[0m", "well \\x1b[31mred"]
    assert terminal.coloured("", "green") == ""


def test_only_a_terminal_has_a_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.get_terminal_size", lambda *_, **__: os.terminal_size((72, 24)))

    assert terminal.columns_of(Stream(terminal=True)) == 72
    assert terminal.columns_of(Stream(terminal=False)) is None
