"""Standard streams that are closed, full or without a reader: commands do their work."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import pytest

from almaflow.cli import streams
from almaflow.clock import SystemClock
from almaflow.store import Store
from tests.cli.conftest import Write, environment

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs POSIX's processes")

FULL = "/dev/full" if Path("/dev/full").exists() else "gone"

# What is behind descriptors 0, 1 and 2.
STREAMS = {
    "stdout closed": (os.devnull, "closed", "kept"),
    "stdout full": (os.devnull, FULL, "kept"),
    "stdout without a reader": (os.devnull, "gone", "kept"),
    "stderr closed": (os.devnull, os.devnull, "closed"),
    "stderr full": (os.devnull, os.devnull, FULL),
    "both full": (os.devnull, FULL, FULL),
    "all closed": ("closed", "closed", "closed"),
}

COMMANDS = [
    "--version",
    "--help",
    "",
    "no-such-command",
    "run w",
    "run w --json",
    "run w --simulate",
    "run broken",
    "runs",
    "runs --json",
    "show last",
    "show last --json",
    "why last",
    "logs last",
    "logs -f last",
    "validate",
    "validate --format json",
    "plan w",
    "explain submit_job",
    "schema",
    "import-payload -",
    "resume last",
    "resume --all",
    "retry last",
    "cancel last",
    "approve last",
    "resolve last x --not-submitted",
    "next",
    "ticks",
    "pause w",
    "unpause w",
    "skip-next w",
    "doctor",
    "doctor --json",
    "install-service --user nobody",
    "prune --older-than 400d --dry-run",
    "jobs list --simulate",
    "sets list --simulate --json",
    "run --help",
]

# What is typed before each time a command is, for its exit code to be the same each time.
BEFORE = {"unpause w": "pause w"}

NOWHERE = (os.devnull, os.devnull, os.devnull)


@pytest.fixture(autouse=True)
def project(folder: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ALMA_API_KEY", "a-key-of-the-tests")
    write(
        "almaflow.yaml",
        """\
        default_institution: main
        institutions:
          main: {base_url: "http://127.0.0.1:9", api_key: "env:ALMA_API_KEY"}
        """,
    )
    write("workflows/w.yaml", "steps: [{notify: hello}]\n")
    write("broken.yaml", "steps: [{stop}]\n")
    return folder


def typed_apart(lines: Sequence[tuple[str, Sequence[str]]]) -> tuple[list[int], str]:
    """Type command lines with streams of their own; returns exit codes, and what stderr got."""
    given = json.dumps([[line.split(), list(behind)] for line, behind in lines])
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli.typed_apart"],
        input=given,
        capture_output=True,
        text=True,
        env=environment(),
        timeout=900,
        check=True,
    )
    return json.loads(done.stdout), done.stderr


def outcomes(folder: Path) -> list[str]:
    store = Store.open(f"sqlite:///{folder}/.almaflow/almaflow.db", clock=SystemClock())
    try:
        return [str(record.outcome) for record in store.runs()]
    finally:
        store.close()


@pytest.mark.slow  # several processes
def test_a_run_whose_output_is_lost_is_run_to_its_end(project: Path) -> None:
    codes, stderr = typed_apart([("run w", behind) for behind in STREAMS.values()])

    assert codes == [0] * len(STREAMS)
    assert outcomes(project) == ["succeeded"] * len(STREAMS)
    assert "Traceback" not in stderr


def test_a_command_whose_output_is_lost_says_so_where_it_can() -> None:
    codes, stderr = typed_apart([("explain --json", (os.devnull, FULL, "kept"))])

    assert codes == [0]
    if FULL == "/dev/full":
        assert stderr.startswith("The output could not be written: ")


def test_a_reader_that_has_left_is_not_told_about_it() -> None:
    codes, stderr = typed_apart([("explain", (os.devnull, "gone", "kept"))])

    assert (codes, stderr) == ([0], "")


def test_output_is_never_written_into_a_file_that_was_opened_in_the_place_of_a_stream(
    project: Path,
) -> None:
    codes, _ = typed_apart([("run w", ("closed", "closed", "closed")), ("runs --json", NOWHERE)])

    assert codes == [0, 0]
    database = project / ".almaflow" / "almaflow.db"
    assert database.read_bytes().startswith(b"SQLite format 3\0")
    assert outcomes(project) == ["succeeded"]


@pytest.mark.slow
@pytest.mark.longest
def test_the_exit_code_of_a_command_does_not_depend_on_its_streams() -> None:
    behind = [NOWHERE, *(STREAMS[name] for name in ("both full", "all closed"))]
    typed: list[tuple[str, Sequence[str]]] = [("run w", NOWHERE)]
    places: dict[str, list[int]] = {line: [] for line in COMMANDS}
    for line in COMMANDS:
        for streams_of_it in behind:
            typed += [(BEFORE[line], NOWHERE)] if line in BEFORE else []
            places[line].append(len(typed))
            typed.append((line, streams_of_it))

    codes = typed_apart(typed)[0]

    found = {line: [codes[at] for at in where] for line, where in places.items()}
    assert found == {line: [found[line][0]] * len(behind) for line in COMMANDS}
    assert 3 not in codes


# --- one stream ---------------------------------------------------------------------------------


def lenient(descriptor: int) -> TextIO:
    raw = io.FileIO(descriptor, "w", closefd=False)
    return streams._lenient(io.TextIOWrapper(io.BufferedWriter(raw)), descriptor)


def test_what_follows_a_write_that_failed_vanishes() -> None:
    reading, writing = os.pipe()
    stream = lenient(writing)
    stream.write("read")
    stream.flush()
    os.close(reading)

    for _ in range(3):
        stream.write("lost" * 5000)
        stream.flush()

    assert isinstance(streams.failure_of(stream), BrokenPipeError)
    os.close(writing)


def test_a_pipe_that_is_full_for_the_moment_is_waited_for() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    os.write(writing, b"x" * 65536)
    stream = lenient(writing)
    reader = subprocess.Popen(
        [sys.executable, "-c", "import sys; print(len(sys.stdin.read()))"],
        stdin=reading,
        stdout=subprocess.PIPE,
        text=True,
    )
    os.close(reading)

    stream.write("y" * 100_000)
    stream.flush()

    assert streams.failure_of(stream) is None
    os.close(writing)
    assert reader.communicate(timeout=60)[0] == "165536\n"


def test_a_stream_of_another_kind_is_left_as_it_is() -> None:
    other = io.StringIO()

    assert streams._lenient(other, 1) is other
    assert streams.failure_of(other) is None


def test_a_stream_without_python_s_own_writes_utf8_to_its_descriptor() -> None:
    reading, writing = os.pipe()
    stream = streams._lenient(None, writing)

    stream.write("Zürich \udc80")
    stream.flush()
    os.close(writing)

    with open(reading, "rb") as pipe:
        assert pipe.read() == "Zürich ?".encode()
    assert streams.failure_of(stream) is None


@pytest.mark.parametrize("is_open", [True, False])
def test_a_closed_descriptor_is_filled_with_the_null_device(is_open: bool) -> None:
    reading, writing = os.pipe()
    if not is_open:
        os.close(writing)
    try:
        streams._fill(writing)

        os.write(writing, b"text")
        assert os.get_inheritable(writing) == (not is_open)
    finally:
        os.close(writing)
    with open(reading, "rb") as pipe:
        assert pipe.read() == (b"text" if is_open else b"")


def test_a_descriptor_above_the_lowest_that_is_free_is_filled_as_well() -> None:
    lower = os.open(os.devnull, os.O_RDONLY)
    higher = os.dup(lower)
    os.close(lower)
    os.close(higher)

    streams._fill(higher)

    assert os.write(higher, b"text") == 4
    os.close(higher)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(lower)


def test_streams_that_the_parent_process_closed_are_there_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)

    streams.secure_streams()

    assert [sys.stdin.fileno(), sys.stdout.fileno(), sys.stderr.fileno()] == [0, 1, 2]
    assert [streams.failure_of(stream) for stream in (sys.stdout, sys.stderr)] == [None, None]


def test_a_standard_input_that_is_open_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    given = io.StringIO("text")
    monkeypatch.setattr(sys, "stdin", given)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", io.StringIO())

    streams.secure_streams()

    assert sys.stdin is given
