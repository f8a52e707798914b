"""The command line itself: what it costs, what it explains, what it says to mistyped commands."""

from __future__ import annotations

import subprocess
import sys

import pytest

from almaflow import __version__
from almaflow.cli.app import CommandLine, _examples
from almaflow.cli.command_list import COMMANDS, SECTIONS, Command
from almaflow.workflow import KINDS
from tests.cli.conftest import Almaflow, Write, environment


def modules_after(*arguments: str, **variables: str) -> set[str]:
    """Return the modules that a process has imported after one command line."""
    script = (
        "import sys; from almaflow.__main__ import main\n"
        f"sys.argv[1:] = {list(arguments)!r}\n"
        "code = main()\n"
        "print('\\n' + ' '.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=environment(**variables),
    )
    return set(done.stderr.splitlines()[-1].split())


NEVER_AT_START = {
    *("almaflow.alma.client", "almaflow.alma.simulator", "almaflow.connectors", "almaflow.engine"),
    *("almaflow.scheduler", "anyio", "apscheduler", "asyncio", "defusedxml", "email", "filelock"),
    *("holidays", "icalendar", "importlib.metadata", "jinja2", "prometheus_client", "psycopg"),
    *("requests", "rich", "sqlalchemy", "ssl", "xml.etree"),
    *("almaflow.settings.serving", "almaflow.job_trigger", "almaflow.model_problems"),
    *("almaflow.check.partial_documents", "almaflow.timetable.foreign_schedules"),
}
"""What no command imports that only reads files and the store, if its files do not ask for it."""

MODELS = {"pydantic", "pydantic_core", "yaml", "almaflow.document", "almaflow.settings.models"}
"""What reads files, and so no command that only reads the store while the settings are the same."""

STEPS = "almaflow.steps."
"""What the names of the kinds' modules begin with."""


def kinds_in(modules: set[str]) -> set[str]:
    return {key for key in KINDS if f"{STEPS}{key}" in modules}


def test_the_version_costs_no_more_than_the_interpreter() -> None:
    modules = modules_after("--version")

    assert not modules & {"typer", "pydantic", "asyncio", "inspect", "almaflow.cli.app"}


def test_help_imports_no_command() -> None:
    modules = modules_after("--help")

    assert not modules & {"pydantic", "rich", "sqlite3", "almaflow.workflow_loader"}
    assert modules & NEVER_AT_START == set()


def test_validate_pays_for_neither_store_nor_engine_nor_http(write: Write) -> None:
    file = write("w.yaml", "steps: [{wait: 1m}, {get: {path: /conf/sets}}]")

    modules = modules_after("validate", str(file))

    assert "almaflow.workflow_loader" in modules
    assert not modules & {"almaflow.store", "almaflow.alma.calls", "almaflow.clock", "sqlite3"}
    assert modules & NEVER_AT_START == set()
    assert kinds_in(modules) == {"wait", "get"}


def test_a_payload_is_read_for_a_file_that_names_one(write: Write) -> None:
    write("job.xml", "<job><parameters/></job>")
    file = write("w.yaml", "steps: [{submit_job: {job: M44, payload: job.xml, set: '1'}}]")

    modules = modules_after("validate", str(file))

    assert {"almaflow.alma.payload", "defusedxml"} <= modules


def test_runs_pays_for_what_it_shows_only(write: Write) -> None:
    write("almaflow.yaml", "timezone: UTC")
    modules_after("runs")  # makes the store, and keeps what the settings say of it

    modules = modules_after("runs")

    assert "almaflow.store" in modules
    assert not modules & {"almaflow.check", "almaflow.expressions", "almaflow.workflow", "cronsim"}
    assert not modules & MODELS
    assert modules & NEVER_AT_START == set()


@pytest.mark.parametrize("command", [["next"], ["next", "w"]])
def test_next_pays_for_what_it_shows_only(write: Write, command: list[str]) -> None:
    write("almaflow.yaml", "timezone: UTC")
    write("workflows/w.yaml", "schedule: [{cron: '0 2 * * *'}]\nsteps: [{wait: 1m}]")

    modules = modules_after(*command)
    again = modules_after(*command)

    assert "almaflow.timetable.cron" in modules
    assert not modules & {"almaflow.alma.calls", "almaflow.plan", "almaflow.runs"}
    assert modules & NEVER_AT_START == set()
    assert kinds_in(modules) == {"wait"}
    assert "almaflow.timetable.cron" in again
    assert not again & {*MODELS, "almaflow.workflow", "almaflow.workflow_loader"}


def test_show_pays_for_what_it_shows_only(write: Write) -> None:
    write("almaflow.yaml", "institutions: {main: {region: eu, api_key: env:ALMA_KEY}}")
    write("workflows/w.yaml", "steps: [{wait: 0s}]")
    modules_after("run", "w", ALMA_KEY="l8xx0123456789abcdef0123456789abcdef")
    modules_after("show", "last")  # keeps what the settings say of the store

    modules = modules_after("show", "last")

    assert "almaflow.runs.views" in modules
    assert not modules & {"almaflow.check", "almaflow.plan", "almaflow.workflow", "cronsim"}
    assert not modules & MODELS
    assert modules & NEVER_AT_START == set()
    assert kinds_in(modules) == set()


@pytest.mark.parametrize(("step", "is_loaded"), [("wait: 1m", False), ("check: 1 < 2", True)])
def test_jinja2_is_imported_by_the_first_expression(
    write: Write, step: str, is_loaded: bool
) -> None:
    file = write("w.yaml", f"steps: [{{{step}}}]")

    modules = modules_after("validate", str(file))

    assert ("jinja2" in modules) == is_loaded


def test_the_version_is_told_wherever_the_option_stands(almaflow: Almaflow) -> None:
    assert almaflow("--version").out == f"almaflow {__version__}\n"
    assert almaflow("--version", "--version").out == f"almaflow {__version__}\n"


def test_the_process_prints_everything_and_does_what_is_due_at_its_exit() -> None:
    script = (
        "import atexit, sys; from almaflow.__main__ import run_process\n"
        "atexit.register(print, 'registered', file=sys.stderr)\n"
        "sys.argv[1:] = ['explain', 'no_such_step']\n"
        "run_process()"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment(),
    )

    assert done.returncode == 2
    assert "no_such_step" in done.stderr
    assert done.stderr.endswith("registered\n")


def test_help_lists_every_command_under_its_heading(almaflow: Almaflow) -> None:
    typed = almaflow("--help")

    assert typed.code == 0
    for section in SECTIONS:
        assert f"\n{section}:\n" in typed.out
    for command in COMMANDS.values():
        assert f"  {command.name} " in typed.out
        assert command.summary in typed.out


def test_without_a_command_help_is_shown_as_a_mistake(almaflow: Almaflow) -> None:
    typed = almaflow()

    assert (typed.code, typed.out) == (2, "")
    assert typed.err.startswith("Usage: almaflow")


@pytest.mark.parametrize("command", COMMANDS.values(), ids=lambda command: command.name)
def test_every_command_explains_itself_with_examples(almaflow: Almaflow, command: Command) -> None:
    name = command.name

    typed = almaflow(name, "--help")

    assert typed.code == 0
    assert typed.out.startswith(f"Usage: almaflow {name}")
    assert f"Examples:\n    almaflow {name}" in typed.out
    assert "list[" not in typed.out
    assert all(len(line) <= 80 for line in typed.out.splitlines() if "almaflow" not in line)


def test_a_command_completes_from_its_first_letters(
    almaflow: Almaflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_ALMAFLOW_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "almaflow sim")
    monkeypatch.setenv("COMP_CWORD", "1")

    typed = almaflow()

    assert typed.out.split() == ["simulator"]


@pytest.mark.parametrize(
    ("typed_in", "told"),
    [
        (
            ["vlidate"],
            "There is no command named `vlidate`; did you mean `validate`? See `almaflow --help`.",
        ),
        (["xyz"], "There is no command named `xyz`. See `almaflow --help`."),
        (
            ["--jsn"],
            "`almaflow` has no option `--jsn`. See `almaflow --help`.",
        ),
        (
            ["run", "--simulat", "x.yaml"],
            "`almaflow run` has no option `--simulat`; did you mean `--simulate`? See "
            "`almaflow run --help`.",
        ),
        (
            ["run", "--simulate", "--scenario", "x.scenario.yaml", "x.yaml"],
            "`almaflow run` has no option `--scenario`; it is written without one: `almaflow run "
            "FILE SCENARIO`. See `almaflow run --help`.",
        ),
        (
            ["run"],
            "`almaflow run` needs FILE: A workflow file, or the name of a workflow. See "
            "`almaflow run --help`.",
        ),
        (
            ["show"],
            "`almaflow show` needs RUN: Any unique part of the run's id, or `last`. See "
            "`almaflow show --help`.",
        ),
        (
            ["jobs"],
            "`almaflow jobs` needs a command: `list` or `show`. See `almaflow jobs --help`.",
        ),
        (
            ["validate", "--format", "xml"],
            "`--format` of `almaflow validate`: 'xml' is not one of 'text', 'json', 'sarif', "
            "'github'. See `almaflow validate --help`.",
        ),
        (
            ["run", "x.yaml", "a", "b"],
            "Got unexpected extra argument(s) (b). A name or a value with spaces needs quotes. See "
            "`almaflow run --help`.",
        ),
        (["run", "x.yaml", "-i"], "Option '-i' requires an argument. See `almaflow run --help`."),
    ],
)
def test_a_mistyped_command_line_gets_one_sentence(
    almaflow: Almaflow, typed_in: list[str], told: str
) -> None:
    typed = almaflow(*typed_in)

    assert (typed.code, typed.out, typed.err) == (2, "", f"Error: {told}\n")


def test_a_command_line_lists_every_command_in_order() -> None:
    commands = CommandLine(name="almaflow")

    assert commands.list_commands(None) == list(COMMANDS)
    assert commands.get_command(None, "no-such-command") is None


def test_examples_keep_their_lines_and_a_command_may_have_none() -> None:
    assert list(_examples(["almaflow a", "almaflow b"]))[2:] == ["  almaflow a", "  almaflow b"]
    assert list(_examples([])) == []
