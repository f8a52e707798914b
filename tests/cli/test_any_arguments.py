"""Whatever is typed, no command ends with exit code 3."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import hypothesis
import pytest
from hypothesis import strategies as st

from almaflow.__main__ import main
from almaflow.alma.simulator.http import SimulatorServer
from almaflow.cli import interrupt
from almaflow.cli.app import loaded
from almaflow.cli.command_list import COMMANDS
from almaflow.cli.commands import install_service
from almaflow.virtual_time import VirtualTimeLoop
from tests.examples import examples
from tests.harness import Stage

# Seconds after which a command that waits for Ctrl-C gets it.
PATIENCE = 0.01

WORKFLOW = """\
name: nightly
inputs:
  n: {type: integer, default: 1}
schedule:
  - {id: night, cron: "30 2 * * *"}
steps:
  - id: first
    get: /conf/general
  - id: sure
    approve: {message: Go on?, timeout: 1h}
"""

# Nothing listens there, so a command that wants Alma is refused quickly.
SETTINGS = """\
store: sqlite:///store.db
workflows: .
institutions:
  main: {base_url: "http://127.0.0.1:9", api_key: env:KEY_OF_ANY_ARGUMENTS}
"""

ODD = (
    *("", " ", "-", "--", "---", "=", "x=", "=x", "n=1", "n=x", "n=\udcff", "last", "0", "-1"),
    *("1e309", "nan", "inf", "1" * 30, "9" * 5000, "0x10", "1_0", "\u0661", "true", "null"),
    *(".", "..", "~", "/dev/null", "/dev/full", "/nowhere/x.yaml", "\\\\?\\C:", "C:\\a"),
    *("nightly", "nightly.yaml", "almaflow.yaml", "store.db", "x.json", "text", "json", "sarif"),
    *("2026-10-24", "2026-10-24T02:30", "0001-01-01", "9999-12-31", "9999-12-31T23:59", "02:30"),
    *("1h", "2d", "999999999d", "9" * 40 + "d", "-1h", "0s", "1e3d", "24:00", "2026-02-30"),
    *("first", "sure", "nightly/first", "a/../b", "*", "[", "(", "(?", "%", "%s", "{}", "{{ x }}"),
    *(
        "\udcff",
        "\ud83d",
        "a\udc80b",
        "\x00",
        "a\x00b",
        "\x1b[2J",
        "\r\n",
        "\u202e",
        "\uffff",
        "\t",
    ),
    *("x" * 300, "x" * 5000, "/".join(["x"] * 3000), "🙂", "\u0130", "e\u0301", "sqlite://", "'"),
)

texts = st.sampled_from(ODD) | st.text(max_size=30).filter(lambda text: not text.startswith("/"))
numbers = st.integers(-(10**25), 10**25).map(str) | st.floats().map(str)


def _commands() -> dict[str, list[Any]]:
    """Return the parameters of each command, by the words that call it."""
    found: dict[str, list[Any]] = {}
    for name, command in COMMANDS.items():
        made = loaded(command)
        inner = getattr(made, "commands", None)
        if inner is None:
            found[name] = made.params
        else:
            found |= {f"{name} {word}": one.params for word, one in inner.items()}
    return found


PARAMETERS = _commands()


@st.composite
def command_lines(draw: st.DrawFn, words: str) -> list[str]:
    """Draw a command line that is right in its form, more or less."""
    pieces: list[list[str]] = []
    for param in PARAMETERS[words]:
        if param.param_type_name == "argument":
            pieces += [[draw(texts)] for _ in range(draw(st.integers(0, 2)))]
        elif draw(st.booleans()):
            option = draw(st.sampled_from([*param.opts, *param.secondary_opts]))
            value = draw(texts | numbers)
            form = [option] if param.is_flag else [option, value]
            pieces.append(draw(st.sampled_from([form, form, form, [f"{option}={value}"]])))
    pieces += [[text] for text in draw(st.lists(texts, max_size=2))]
    order = draw(st.permutations(pieces))
    return [*words.split(), *(word for piece in order for word in piece)]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a run that waits for a person and one that has ended."""
    folder = tmp_path_factory.mktemp("project")
    stage = Stage(folder, durable=True)
    stage.run("name: ended\nsteps:\n  - stop: done\n")
    (folder / "nightly.yaml").write_text(WORKFLOW, "utf-8")
    (folder / "x.json").write_text('{"n": 2}', "utf-8")
    store = f"sqlite:///{stage.store_file.name}"
    (folder / "almaflow.yaml").write_text(SETTINGS.replace("sqlite:///store.db", store), "utf-8")
    return folder


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let Ctrl-C end what goes on for ever, and nothing be written outside the folder."""
    on_signals = interrupt._on_signals

    def soon(stop: Callable[[int], None]) -> None:
        on_signals(stop)
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualTimeLoop):
            loop.call_later(PATIENCE, stop, signal.SIGINT)

    def interrupted(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(interrupt, "_on_signals", soon)
    monkeypatch.setattr(SimulatorServer, "serve_forever", interrupted)
    # An editor ends it; there is no other way out.
    monkeypatch.setattr("pygls.lsp.server.LanguageServer.start_io", interrupted)
    monkeypatch.setattr(install_service, "UNITS", tmp_path)
    monkeypatch.setenv("KEY_OF_ANY_ARGUMENTS", "k" * 20)


@contextlib.contextmanager
def _standing_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _typed(arguments: list[str]) -> tuple[int, str]:
    """Run a command line; returns its exit code and what it said on stderr."""
    out, err = io.StringIO(), io.StringIO()
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.MonkeyPatch.context() as patch,
        ):
            patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
            code = main(arguments)
    finally:
        gc.enable()
    return code, err.getvalue()


@pytest.mark.parametrize("words", sorted(PARAMETERS))
@hypothesis.settings(max_examples=examples(8))
@hypothesis.given(data=st.data())
@pytest.mark.usefixtures("impatient")
def test_no_command_line_ends_in_a_defect(words: str, project: Path, data: st.DataObject) -> None:
    arguments = data.draw(command_lines(words))

    with tempfile.TemporaryDirectory(dir=project) as below, _standing_in(Path(below)):
        code, said = _typed(arguments)

    assert code in (0, 1, 2, 130), said
    assert "Traceback" not in said


@hypothesis.settings(max_examples=examples(60))
@hypothesis.given(arguments=st.lists(texts, max_size=4))
@pytest.mark.usefixtures("impatient")
def test_no_arbitrary_words_end_in_a_defect(project: Path, arguments: list[str]) -> None:
    with tempfile.TemporaryDirectory(dir=project) as below, _standing_in(Path(below)):
        code, said = _typed(arguments)

    assert code in (0, 1, 2, 130), said


@pytest.mark.parametrize(
    "arguments",
    [
        ["why", "\udcff"],
        ["run", "\udcff"],
        ["run", "nightly", "-i", "n=\ud83d"],
        ["show", "a\0b"],
        ["show", "x" * 200_000],
        ["runs", "-n", "99999999999999999999"],
        ["ticks", "-n", "99999999999999999999"],
        ["next", "-n", "99999999999999999999"],
        ["simulator", "--speed", "nan"],
        ["simulator", "--speed", "inf"],
        [""],
        ["show", ""],
    ],
)
@pytest.mark.usefixtures("impatient")
def test_what_no_command_can_use_is_a_wrong_request(project: Path, arguments: list[str]) -> None:
    with _standing_in(project):
        code, said = _typed(arguments)

    assert code == 2
    assert said.startswith("Error: ")


@pytest.mark.usefixtures("impatient")
def test_a_byte_that_is_not_utf_8_is_shown_escaped(project: Path) -> None:
    with _standing_in(project):
        _, said = _typed(["why", "m\udcfcnchen"])

    assert "m\\xfcnchen" in said
