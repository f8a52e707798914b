"""From exception to message and exit code: whatever happens, nobody sees a traceback."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from almaflow.alma.errors import AlmaMessage, AlmaRefused
from almaflow.cli import error_handler
from almaflow.errors import DocumentsInvalid, RequestWrong, StoreError
from almaflow.problems import Location, Problem
from tests.cli.conftest import Almaflow, Write, environment

Raise = Callable[[BaseException], None]

PROBLEM = Problem(
    Location("w.yaml", 2, 5, 4), "unknown-key", "`stap` is unknown.", line_text="    stap: 1"
)


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch) -> Raise:
    """Let `almaflow explain` raise what a test wants."""

    def let(error: BaseException) -> None:
        def fail(*_: object) -> str:
            raise error

        monkeypatch.setattr("almaflow.explain.explain", fail)

    return let


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (RequestWrong("No such thing."), 2, "Error: No such thing.\n"),
        (StoreError("The disk is full."), 1, "Error: The disk is full.\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "x.json"),
            1,
            "Error: The system refused: x.json: No space left on device. Free some space on "
            "that disk, then run the command again.\n",
        ),
        (OSError("odd"), 1, "Error: The system refused: odd.\n"),
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
        (EOFError(), 130, "\nInterrupted.\n"),
        (
            DocumentsInvalid([PROBLEM]),
            2,
            "w.yaml:2:5: error[unknown-key]: `stap` is unknown.\n"
            "    2 |     stap: 1\n      |     ^^^^\n",
        ),
        (
            ExceptionGroup("tasks", [ExceptionGroup("more", [RequestWrong("Wrapped.")])]),
            2,
            "Error: Wrapped.\n",
        ),
        (SystemExit(4), 4, ""),
        (SystemExit("odd"), 1, ""),
    ],
)
def test_an_error_becomes_its_message_and_code(
    almaflow: Almaflow, raising: Raise, error: BaseException, code: int, told: str
) -> None:
    raising(error)

    typed = almaflow("explain")

    assert (typed.code, typed.out, typed.err) == (code, "", told)


def test_json_is_one_document_in_the_error_case_too(almaflow: Almaflow, raising: Raise) -> None:
    raising(DocumentsInvalid([PROBLEM]))

    typed = almaflow("explain", "--json")

    assert typed.code == 2
    error = typed.json["error"]
    assert (error["kind"], error["exit_code"]) == ("DocumentsInvalid", 2)
    assert error["problems"][0]["line"] == 2
    assert "error[unknown-key]" in typed.err


def test_json_tells_almas_own_words(almaflow: Almaflow, raising: Raise) -> None:
    message = AlmaMessage("402216", "Invalid job id", "E01-1")
    raising(AlmaRefused("Refused.", http_status=400, messages=[message], advice="Look."))

    typed = almaflow("explain", "--json")

    assert typed.code == 1
    assert typed.json["error"] == {
        "kind": "AlmaRefused",
        "message": "Refused. Look.",
        "exit_code": 1,
        "http_status": 400,
        "alma": [{"code": "402216", "message": "Invalid job id", "tracking_id": "E01-1"}],
    }


def test_json_tells_of_an_interruption(almaflow: Almaflow, raising: Raise) -> None:
    raising(KeyboardInterrupt())

    typed = almaflow("explain", "--json")

    assert typed.code == 130
    assert typed.json["error"]["kind"] == "Interrupted"


def test_a_mistyped_option_is_json_too(almaflow: Almaflow) -> None:
    typed = almaflow("runs", "--limit", "many", "--json")

    assert typed.code == 2
    assert typed.json["error"]["message"].startswith("`--limit` of `almaflow runs` takes ")


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["show", "--json"], True),
        (["validate", "--format", "json"], True),
        (["validate", "--format=json"], True),
        (["validate", "--format", "text", "json"], False),
        (["run", "--", "--json"], False),
    ],
)
def test_who_wants_json_is_seen_before_the_command_line_is_read(
    arguments: list[str], wanted: bool
) -> None:
    assert error_handler.wants_json(arguments) is wanted


def test_a_defect_writes_a_report_and_shows_no_traceback(
    almaflow: Almaflow, raising: Raise, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_KEY", "l8xxsecret0123456789")
    write(
        "almaflow.yaml",
        "institutions: {main: {region: eu, api_key: env:THE_KEY}}\n",
    )
    raising(ZeroDivisionError("divided by l8xxsecret0123456789"))

    typed = almaflow("explain", "--json", "l8xxsecret0123456789")

    assert typed.code == 3
    assert "Traceback" not in typed.err + typed.out
    report = Path(typed.json["error"]["report"])
    text, mode = report.read_text("utf-8"), stat.S_IMODE(report.stat().st_mode)
    report.unlink()
    assert os.name == "nt" or mode == 0o600
    assert str(report) in typed.err
    assert "ZeroDivisionError: divided by ***" in text
    assert "almaflow explain --json ***" in text
    assert "l8xxsecret" not in text + typed.err + typed.out


def test_of_several_errors_at_once_a_defect_counts(almaflow: Almaflow, raising: Raise) -> None:
    raising(
        BaseExceptionGroup("tasks", [ExceptionGroup("", [ZeroDivisionError()]), RequestWrong("x")])
    )

    typed = almaflow("explain", "--json")

    assert typed.code == 3
    Path(typed.json["error"]["report"]).unlink()


def test_a_defect_that_cannot_be_reported_is_told(
    almaflow: Almaflow, raising: Raise, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    raising(ZeroDivisionError("by nothing"))

    typed = almaflow("explain")

    assert typed.code == 3
    assert typed.err == (
        "Error: This is a defect of almaflow (ZeroDivisionError: by nothing), and no report about "
        "it could be written: No space left on device. Please report it.\n"
    )


def test_broken_settings_do_not_hide_another_error(
    almaflow: Almaflow, raising: Raise, write: Write
) -> None:
    write("almaflow.yaml", "institutions: [\n")
    raising(StoreError("The disk is full."))

    assert almaflow("explain").err == "Error: The disk is full.\n"


@pytest.mark.skipif(os.name == "nt", reason="pipes of Windows break otherwise")
def test_nobody_reading_any_more_is_quiet() -> None:
    read, written = os.pipe()
    os.close(read)

    done = subprocess.run(
        [sys.executable, "-m", "almaflow", "explain"],
        stdout=written,
        stderr=subprocess.PIPE,
        env=environment(),
        timeout=60,
        check=False,
    )

    os.close(written)
    assert done.stderr == b""
    assert done.returncode in (0, 1)


def test_redirected_output_is_utf_8_on_every_system(write: Write) -> None:
    write("w.yaml", "name: Größe ✓\nsteps: [{wait: 1m}]\n")

    done = subprocess.run(
        [sys.executable, "-m", "almaflow", "validate", "-v", "w.yaml"],
        capture_output=True,
        env=environment(LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"),
        timeout=60,
        check=True,
    )

    assert "Größe ✓" in done.stdout.decode("utf-8")


def test_the_module_runs_as_the_command_does() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "almaflow", "explain", "nothing", "--json"],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["kind"] == "RequestWrong"


def test_a_working_folder_that_was_deleted_is_named_as_the_cause(
    almaflow: Almaflow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    typed = almaflow("runs")

    assert (typed.code, typed.out) == (1, "")
    assert "The working folder no longer exists." in typed.err
    assert almaflow("--help").code == 0


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), ""),
        (None, ""),
    ],
)
def test_lost_output_is_reported_unless_its_reader_has_gone(
    almaflow: Almaflow, monkeypatch: pytest.MonkeyPatch, failure: OSError | None, told: str
) -> None:
    monkeypatch.setattr(error_handler, "failure_of", lambda _: failure)

    typed = almaflow("explain")

    assert typed.code == 0
    assert told in typed.err
    assert bool(typed.err) == bool(told)


@pytest.mark.parametrize(("options", "kind"), [((), None), (("--json",), "Interrupted")])
def test_a_command_that_ends_as_interrupted_is_one_document_in_json(
    almaflow: Almaflow, raising: Raise, options: tuple[str, ...], kind: str | None
) -> None:
    raising(typer.Exit(130))

    typed = almaflow("explain", *options)

    assert typed.code == 130
    assert (typed.json["error"]["kind"] if typed.out else None) == kind


@pytest.mark.parametrize(
    ("error", "arguments", "told"),
    [
        (typer.BadParameter("Odd"), [], "Odd. See `almaflow --help`."),
        (typer.BadParameter("Odd!"), ["run", "x"], "Odd! See `almaflow run --help`."),
        (typer.BadParameter("Odd?"), ["no-such"], "Odd? See `almaflow --help`."),
        (typer.BadParameter("Value error, odd"), ["runs"], "odd. See `almaflow runs --help`."),
        (
            SimpleNamespace(option_name="--lmit", possibilities=None),
            ["runs"],
            "`almaflow runs` has no option `--lmit`. See `almaflow runs --help`.",
        ),
        (
            SimpleNamespace(option_name="-q", possibilities=None),
            ["runs"],
            "`almaflow runs` has no option `-q`. See `almaflow runs --help`.",
        ),
    ],
)
def test_a_usage_error_without_a_context_is_one_sentence(
    error: object, arguments: list[str], told: str
) -> None:
    assert error_handler.usage_message(error, arguments) == told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("worker", "--concurrency", "0"), "takes a whole number from 1 to 100000."),
        (("worker", "--concurrency", "many"), "takes a whole number from 1 to 100000."),
        (("serve", "--metrics", "1.5"), "takes a whole number from 1 to 65535."),
        (("simulator", "--speed", "0"), "takes a number from 0.001 to 1000000."),
        (("new", "--max", "0"), "takes a whole number of 1 or more."),
    ],
)
def test_a_number_that_an_option_does_not_take_is_met_with_those_that_it_takes(
    almaflow: Almaflow, arguments: tuple[str, ...], told: str
) -> None:
    typed = almaflow(*arguments)

    assert typed.code == 2
    assert f"`{arguments[1]}` of `almaflow {arguments[0]}` {told}" in typed.err


def test_no_settings_are_imported_to_learn_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "almaflow.settings")

    error_handler._know_secrets()

    assert "almaflow.settings" not in sys.modules
