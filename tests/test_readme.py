"""Every command of the README, word for word, on the simulator.

A block of YAML is a file, and the commands of the first workflow are typed in the folder of these
files, to a simulated Alma in the place of the real one.
"""

from __future__ import annotations

import gc
import re
import shlex
import shutil
import textwrap
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from almaflow.__main__ import main
from almaflow.alma import http
from almaflow.alma.simulator import SimulatedAlma, parse_scenario
from almaflow.alma.transport import InProcessTransport
from almaflow.cli.app import loaded
from almaflow.cli.command_list import COMMANDS
from almaflow.clock import SystemClock

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")

# What the wizard of Alma shows for the job of the first workflow.
PAYLOAD = """\
<job><parameters>
  <parameter><name>task_ExportBibParams_outputFormat_string</name><value>MARC21_XML</value></parameter>
  <parameter><name>set_id</name><value>6543210000041</value></parameter>
  <parameter><name>job_name</name><value>Export</value></parameter>
</parameters></job>
"""
SCENARIO: dict[str, Any] = {
    "sets": [{"id": "6543210000041", "name": "My titles", "content": "BIB_MMS", "members": 3}],
    "jobs": [{"job": "*", "duration": "1s"}],
}


@dataclass(frozen=True)
class Block:
    """A block between fences: its language, empty for commands, and its text."""

    language: str
    text: str


BLOCKS = [
    Block(language, textwrap.dedent(text))
    for language, text in re.findall(r"^[ \d.]*```(\w*)\n(.*?)^ *```$", README, re.M | re.S)
]
LINES = [
    line
    for block in BLOCKS
    if not block.language
    for line in block.text.splitlines()
    if not line.startswith(("pip ", "30 2 ", "*/5 "))
]
IN_TEXT = re.findall(r"`(almaflow [^`]+)`", " ".join(README.split()))
CRONTAB = re.findall(r"^[*\d].* (almaflow .*)$", README, re.M)


def words(line: str) -> list[str]:
    """Return the arguments of a command line, without its remark."""
    return shlex.split(line, comments=True)[1:]


@pytest.fixture
def type_line(capsys: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    def typed(line: str) -> str:
        code = main(words(line))
        gc.enable()  # a short command does not collect garbage
        captured = capsys.readouterr()
        assert code == 0, (line, captured.err)
        return captured.out

    return typed


@pytest.fixture
def first_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimulatedAlma:
    """The folder of the first workflow, and an Alma whose jobs have ended when they are polled."""
    settings, workflow = [block.text for block in BLOCKS if block.language == "yaml"][:2]
    began = datetime.now(UTC)
    alma = SimulatedAlma(
        lambda: began + (datetime.now(UTC) - began) * 1000, parse_scenario(SCENARIO)
    )

    async def pass_quickly(*_: object) -> None:
        await anyio.lowlevel.checkpoint()

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("ALMA_API_KEY", alma.add_institution("main", environment="sandbox"))
    monkeypatch.setattr(http, "HttpTransport", lambda *_: InProcessTransport(alma.handle))
    monkeypatch.setattr(SystemClock, "sleep_until", pass_quickly)
    Path("almaflow.yaml").write_text(settings, "utf-8")
    Path("export.yaml").write_text(workflow, "utf-8")
    Path("export.xml").write_text(PAYLOAD, "utf-8")
    return alma


@pytest.mark.usefixtures("first_folder")
def test_the_first_workflow_is_written_checked_run_and_shown(
    type_line: Callable[[str], str],
) -> None:
    shown = {line: type_line(line) for line in [*LINES, *IN_TEXT] if is_of_the_first_workflow(line)}

    assert len(shown) == 8
    out = {" ".join(words(line)[:2]): text for line, text in shown.items()}
    assert "M44" in out["jobs list"]
    assert "My titles" in out["sets list"]
    assert "outputFormat_string: MARC21_XML" in out["import-payload export.xml"]
    assert "succeeded" in out["show last"]


def is_of_the_first_workflow(line: str) -> bool:
    return "export." in line or line.startswith(
        ("almaflow jobs", "almaflow sets", "almaflow show last")
    )


@pytest.mark.usefixtures("first_folder")
def test_the_run_of_the_first_workflow_submits_one_job(
    first_folder: SimulatedAlma, type_line: Callable[[str], str]
) -> None:
    type_line("almaflow run export.yaml")

    (submission,) = first_folder.submissions()
    assert submission.job_id == "M44"
    assert ("set_id", "6543210000041") in [tuple(one) for one in submission.parameters]


def test_the_two_commands_run_an_example_and_the_tests(
    monkeypatch: pytest.MonkeyPatch, type_line: Callable[[str], str]
) -> None:
    first, second = (block.text.strip() for block in BLOCKS[:2])
    monkeypatch.chdir(ROOT)
    project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]

    assert first.startswith("pip install . && ")
    assert "succeeded" in type_line(first.partition(" && ")[2])
    assert second == "pip install -e '.[dev]' && pytest"
    extras = {*re.findall(r"almaflow\[(\w+)\]", README), "dev"}
    assert extras <= set(project["optional-dependencies"])


@pytest.mark.parametrize(
    "file",
    sorted(
        file.name
        for file in (ROOT / "workflows").iterdir()
        if file.suffix in (".yaml", ".yml") and not file.name.endswith(".scenario.yaml")
    ),
)
def test_each_file_next_to_the_examples_is_a_workflow_or_a_scenario(
    monkeypatch: pytest.MonkeyPatch, type_line: Callable[[str], str], file: str
) -> None:
    monkeypatch.chdir(ROOT)
    assert "Simulated: nothing was sent" in type_line(f"almaflow run workflows/{file} --simulate")


def test_the_language_at_a_glance_is_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, type_line: Callable[[str], str]
) -> None:
    (text,) = (block.text for block in BLOCKS if block.text.startswith("name: withdraw-items"))
    monkeypatch.chdir(tmp_path)
    Path("withdraw-items.yaml").write_text(text, "utf-8")
    Path("discarded.csv").write_text("barcode\n39031000000011\n", "utf-8")
    shutil.copy(ROOT / "workflows" / "payloads" / "withdraw.xml", "withdraw.xml")

    assert "problem" not in type_line("almaflow validate --strict withdraw-items.yaml")


@pytest.mark.parametrize(
    "line", sorted({*IN_TEXT, *CRONTAB, *(one for one in LINES if one.startswith("almaflow "))})
)
def test_each_command_is_understood_as_it_is_written(line: str) -> None:
    name, *arguments = [word.strip("[]") for word in words(line) if word != "--help"]
    command = loaded(COMMANDS["run" if name == "COMMAND" else name])
    if all(word.startswith("-") for word in arguments):
        # Only an option is mentioned.
        arguments += ["x" for one in command.params if one.param_type_name == "argument"]

    # It raises what it does not understand.
    command.make_context(name, arguments)
