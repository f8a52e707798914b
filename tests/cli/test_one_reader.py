"""Every way to a payload, members, a calendar, inputs and a scenario reads them alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Almaflow
from tests.problem_examples import LINTS

PAYLOAD = """<?xml version="1.0" encoding="{encoding}"?>
<job><parameters>
<parameter><name>note</name><value>Gr\u00f6\u00dfe</value></parameter>
</parameters></job>
"""
WORKFLOW = (
    "name: x\nsteps: [{submit_job: {job: M50215, payload: p.xml, set: '38205478040009276'}}]\n"
)

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252")


def sent_by(planned: Any) -> Any:
    """Return the body of the last request that a plan of one step has."""
    [step] = planned["steps"]
    return [one["body"] for one in step["requests"] if one["body"]][-1]


@pytest.fixture
def place(folder: Path) -> Path:
    (folder / "w.yaml").write_text(WORKFLOW, "utf-8")
    return folder


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_payload_is_read_alike_whatever_reads_it(
    almaflow: Almaflow, place: Path, encoding: str
) -> None:
    text = PAYLOAD.format(encoding=encoding.removesuffix("-sig"))
    (place / "p.xml").write_bytes(text.encode(encoding))

    imported = almaflow("import-payload", "p.xml", "--json")
    checked = almaflow("validate", "w.yaml")
    planned = almaflow("plan", "w.yaml", "--json")

    assert imported.json["submit_job"]["parameters"] == {"note": "Größe"}
    assert checked.code == 0
    body = sent_by(planned.json)
    assert {"name": {"value": "note"}, "value": "Größe"} in body["parameter"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<job>\xff</job>", "byte 0xff at position 5 is not UTF-8"),
        (PAYLOAD.format(encoding="UTF-8").encode("utf-16-le"), "without a byte order mark"),
        (PAYLOAD.format(encoding="punycode").encode(), "unknown encoding punycode"),
        (b'[{"name": "a", "value": "\\ud83d"}]', "contains half of a character"),
        (b"SQLite format 3\0", "it is an SQLite database"),
        (b"<job>\0</job>", "NUL character at position 5"),
    ],
)
def test_a_payload_that_cannot_be_read_is_refused_whatever_reads_it(
    almaflow: Almaflow, place: Path, content: bytes, reason: str
) -> None:
    (place / "p.xml").write_bytes(content)

    imported = almaflow("import-payload", "p.xml")
    checked = almaflow("validate", "w.yaml")
    planned = almaflow("plan", "w.yaml")
    played = almaflow("run", "w.yaml", "--simulate")

    codes = [one.code for one in (imported, checked, planned, played)]
    assert codes == [2, 1, 2, 2]
    assert reason in imported.err
    assert reason in checked.out
    assert reason in planned.err
    assert reason in played.err


MEMBERS = (
    "name: x\nsteps: [{create_set: {name: n, content: ITEM, id_type: BARCODE, "
    "members: {file: ids.csv, column: Gr\u00f6\u00dfe}}}]\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_members_are_read_in_each_encoding(almaflow: Almaflow, folder: Path, encoding: str) -> None:
    (folder / "w.yaml").write_text(MEMBERS, "utf-8")
    (folder / "ids.csv").write_bytes("Größe;x\r\n1;a\r\n2;b\r\n".encode(encoding))

    checked = almaflow("validate", "w.yaml", "--json")
    planned = almaflow("plan", "w.yaml", "--json")

    assert {one["code"] for one in checked.json["problems"]} <= LINTS
    assert sent_by(planned.json)["members"]["member"] == [{"id": "1"}, {"id": "2"}]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("Größe\n1\n".encode("latin-1"), "byte 0xf6 at position 2 is not UTF-8"),
        (b"title\n1\n", "no column"),
        (b"x" * (32 * 1024 * 1024 + 1), "larger than 32 MiB"),
        pytest.param(
            "Größe\n".encode() + b"1\n" * 500_001,
            "more than 500,000 members",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_members_that_cannot_be_read_are_a_warning_and_fail_the_step(
    almaflow: Almaflow, folder: Path, content: bytes, reason: str
) -> None:
    (folder / "w.yaml").write_text(MEMBERS, "utf-8")
    (folder / "ids.csv").write_bytes(content)

    checked = almaflow("validate", "w.yaml", "--strict")
    played = almaflow("run", "w.yaml", "--simulate", "--json")

    assert (checked.code, played.code) == (1, 1)
    assert reason in checked.out
    assert reason in played.json["steps"][0]["error"]


INPUTS = "name: x\ninputs: {s: {type: string}}\nsteps: [{notify: '{{ inputs.s }}'}]\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_two_escapes_of_one_character_are_that_character(
    almaflow: Almaflow, folder: Path, encoding: str
) -> None:
    (folder / "w.yaml").write_text(INPUTS, "utf-8")
    (folder / "in.json").write_bytes('{"s": "\\ud83d\\ude00ö"}'.encode(encoding))

    played = almaflow("run", "w.yaml", "--simulate", "--json", "--inputs", "in.json")

    assert played.code == 0
    assert played.json["inputs"] == {"s": "\U0001f600ö"}


@pytest.mark.parametrize("text", ['"\\ud83d"', '"\\ude00\\ud83d"', '"\\ud83d \\ude00"'])
def test_half_of_a_character_is_refused_in_inputs_and_scenarios(
    almaflow: Almaflow, folder: Path, text: str
) -> None:
    (folder / "w.yaml").write_text(INPUTS, "utf-8")
    (folder / "in.json").write_text(f'{{"s": {text}}}', "utf-8")
    (folder / "s.scenario.yaml").write_text(f'{{"other_runs": [{{"job": {text}}}]}}', "utf-8")

    given = almaflow("run", "w.yaml", "--simulate", "--inputs", "in.json")
    played = almaflow("run", "w.yaml", "--simulate", "s.scenario.yaml", "-i", "s=a")

    assert (given.code, played.code) == (2, 2)
    assert "half of a character" in given.err
    assert "half of a character" in played.err


def test_a_list_on_the_command_line_holds_whole_characters(
    almaflow: Almaflow, folder: Path
) -> None:
    (folder / "w.yaml").write_text(INPUTS.replace("string", "list").replace(".s }}", ".s[0] }}"))

    whole = almaflow("run", "w.yaml", "--simulate", "--json", "-i", r's=["\ud83d\ude00"]')
    half = almaflow("run", "w.yaml", "--simulate", "--json", "-i", r's=["\ud83d"]')

    assert (whole.code, half.code) == (0, 2)
    assert whole.json["inputs"] == {"s": ["\U0001f600"]}


def test_a_scenario_may_be_utf_16_and_a_workflow_may_not(almaflow: Almaflow, place: Path) -> None:
    (place / "n.yaml").write_text("steps: [{notify: a}]\n", "utf-8")
    scenario = json.dumps({"jobs": []}).encode("utf-16")
    (place / "n.scenario.yaml").write_bytes(scenario)
    (place / "other.yaml").write_bytes(WORKFLOW.encode("utf-16"))

    played = almaflow("run", "n.yaml", "--simulate")
    refused = almaflow("validate", "other.yaml")

    assert played.code == 0
    assert refused.code == 1
    assert "not-utf-8" in refused.out
