"""`almaflow import-payload`: the wizard's payload as YAML, the same parameters again."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from almaflow.alma.payload import merge_parameters
from almaflow.alma.wire import JobParameter
from almaflow.cli.commands.import_payload import step_lines, step_of
from almaflow.document import parse_document
from almaflow.expressions import parse_template, render_text
from almaflow.field_types import Template
from almaflow.model_validation import validate
from almaflow.operations.pasted_steps import quoted
from almaflow.steps.submit_job import SubmitJob
from almaflow.workflow import Workflow
from tests.cli.conftest import Almaflow, Write

PAYLOAD = """\
<job>
  <parameters>
    <parameter><name>task_ExportParams_outputFormat_string</name><value>CSV</value></parameter>
    <parameter><name>task_Null</name><value>Null</value></parameter>
    <parameter><name>empty</name><value/></parameter>
    <parameter><name>set_id</name><value>38205477390009276</value></parameter>
    <parameter><name>job_name</name><value>Export Items - via API</value></parameter>
  </parameters>
</job>
"""


def sent_by(lines: list[str]) -> list[JobParameter]:
    """Return what the step in YAML submits, `set` and `job_name` filled in."""
    text = "steps:\n" + "\n".join(f"  {line}" for line in lines) + "\n"
    step = validate(parse_document(text, "w.yaml"), Workflow).steps[0].kind
    assert isinstance(step, SubmitJob)

    def worked_out(template: Template) -> str:
        return render_text(parse_template(template.text), {})

    if isinstance(step.parameters, dict):
        pairs = list(step.parameters.items())
    else:
        pairs = [(one.name, one.value) for one in step.parameters]
    parameters = [JobParameter(name, worked_out(value)) for name, value in pairs]
    set_id, name = (
        worked_out(value) if isinstance(value, Template) else None
        for value in (step.set, step.job_name)
    )
    names = [one.name for one in parameters]
    if name is None and names.count("job_name"):
        # A run's name comes from the parameters; repeated ones are told apart only here.
        return parameters if set_id is None else merge_parameters([], parameters, set_id, "")
    return merge_parameters([], parameters, set_id, name)


def test_a_payload_becomes_a_step_ready_to_paste(almaflow: Almaflow, write: Write) -> None:
    write("payload.xml", PAYLOAD)

    typed = almaflow("import-payload", "payload.xml", "--job", "M48")

    assert (typed.code, typed.err) == (0, "")
    assert typed.out == (
        "- submit_job:\n"
        "    job: M48\n"
        "    parameters:\n"
        "      task_ExportParams_outputFormat_string: CSV\n"
        '      task_Null: "Null"\n'
        '      empty: ""\n'
        '    set: "38205477390009276"\n'
        "    job_name: Export Items - via API\n"
    )


def test_repeated_names_become_a_list_in_order(
    almaflow: Almaflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = [
        {"name": {"value": "library"}, "value": "MAIN"},
        {"name": {"value": "library"}, "value": "LAW"},
        {"name": {"value": "set_id"}, "value": ""},
    ]
    pasted = json.dumps({"parameter": parameters}).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(pasted)))

    typed = almaflow("import-payload", "-")

    assert typed.code == 0
    assert typed.out == (
        "- submit_job:\n"
        "    job: JOB_ID\n"
        "    parameters:\n"
        "      - {name: library, value: MAIN}\n"
        "      - {name: library, value: LAW}\n"
        '      - {name: set_id, value: ""}\n'
    )
    assert "name its job: replace JOB_ID" in typed.err
    assert "replace `set_id` by `set: " in typed.err


def test_a_payload_without_parameters_is_a_job_alone(almaflow: Almaflow, write: Write) -> None:
    write("payload.json", "{}")

    typed = almaflow("import-payload", "payload.json", "--job", "M1", "--json")

    assert typed.json == {"submit_job": {"job": "M1"}}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "payload:1:1: error[bad-payload]: The payload is empty."),
        (b"hello", "payload:1:1: error[bad-payload]: The payload is neither XML nor JSON."),
        (b"{\n  oops", "payload:2:3: error[bad-payload]: The payload is not valid JSON:"),
        (b"<job>\n<oops", "payload:2:"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><job/>', "payload:"),
        (b" " * 1_100_000, "Error: payload cannot be read: it is larger than 1 MiB."),
    ],
)
def test_what_is_no_payload_is_told_with_its_place(
    almaflow: Almaflow, folder: Path, content: bytes, told: str
) -> None:
    (folder / "payload").write_bytes(content)

    typed = almaflow("import-payload", "payload")

    assert (typed.code, typed.out) == (2, "")
    assert typed.err.startswith(told)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nope.xml"], "nope.xml cannot be read: No such file or directory."),
        (["."], ". cannot be read: it is a folder, not a file."),
        (
            ["/dev/null"],
            "/dev/null cannot be read: it is a device, not a regular file. Use `-` to read the "
            "payload from standard input.",
        ),
        (
            ["p.xml", "--job", "44"],
            "`44` is not a valid job id: use a letter (M, S or O) and digits, such as M44. "
            "`almaflow jobs list` shows the ids.",
        ),
    ],
)
def test_what_cannot_be_read_is_told(almaflow: Almaflow, arguments: list[str], told: str) -> None:
    typed = almaflow("import-payload", *arguments)

    assert (typed.code, typed.err) == (2, f"Error: {told}\n")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("CSV", "CSV"),
        ("two words", "two words"),
        ("Null", '"Null"'),
        ("NO", '"NO"'),
        ("1e3", '"1e3"'),
        ("a: b", '"a: b"'),
        (" a", '" a"'),
        ("\x7f\u2028", '"\\u007f\\u2028"'),
        ("\U000e0001", '"\\U000e0001"'),
    ],
)
def test_quotes_stand_where_yaml_needs_them(text: str, written: str) -> None:
    assert quoted(text) == written


# What Alma can hold: no surrogates. Names are not empty, and have no blanks around them.
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ["{{ x }}", "{% if %}", "{# no #}", "{{", "}}", "{{{", "null", "~", "#", "- a", "'", '"', "\\"]
)
_NAMES = st.sampled_from(["set_id", "job_name", "a", "b.c", "task x", "yes", "1"])


@given(st.lists(st.builds(JobParameter, _NAMES, _TEXT), max_size=6))
def test_the_step_submits_what_the_payload_says(parameters: list[JobParameter]) -> None:
    # An empty name in the payload is none: the step then gives the run a name of its own.
    assume(all(one.value for one in parameters if one.name == "job_name"))
    # A set_id of white space alone is refused when the step is checked.
    assume(all(not one.value or one.value.strip() for one in parameters if one.name == "set_id"))
    lines = list(step_lines(step_of(parameters, "M1")))

    sent = sent_by(lines)

    # An id loses the spaces around it.
    assert (
        sent
        == [
            JobParameter(one.name, one.value.strip()) if one.name == "set_id" else one
            for one in parameters
        ]
        or sent == parameters
    )


PANEL = "POST https://api-eu.hosted.exlibrisgroup.com/almaws/v1/conf/jobs/{}?op=run\n" + PAYLOAD


def test_the_id_of_the_job_is_that_of_the_url(almaflow: Almaflow, write: Write) -> None:
    write("panel.txt", PANEL.format("M48"))

    alone = almaflow("import-payload", "panel.txt")
    agreeing = almaflow("import-payload", "panel.txt", "--job", "M48")
    other = almaflow("import-payload", "panel.txt", "--job", "M44")

    assert (alone.code, alone.err) == (0, "")
    assert "    job: M48\n" in alone.out
    assert agreeing.out == alone.out
    assert (other.code, other.out) == (2, "")
    assert "M44" in other.err
    assert "M48" in other.err


def test_a_scheduled_job_is_offered_as_a_profile(almaflow: Almaflow, write: Write) -> None:
    write("job.json", '{"id": "S7009990", "name": "Import of users", "link": ""}')

    typed = almaflow("import-payload", "job.json")

    assert (typed.code, typed.out) == (0, "- submit_job:\n    job: S7009990\n")
    assert "run_profile" in typed.err


@pytest.mark.parametrize(
    "names", [("set_id", "a"), ("job_name", "a"), ("a", "job_name", "set_id"), ("set_id", "b", "c")]
)
def test_an_unusual_order_is_kept_in_a_list(names: tuple[str, ...]) -> None:
    parameters = [JobParameter(name, str(number)) for number, name in enumerate(names)]

    step = step_of(parameters, "M1")

    assert step["submit_job"]["parameters"] == [
        {"name": one.name, "value": one.value} for one in parameters
    ]
    assert sent_by(list(step_lines(step))) == parameters


def test_the_line_breaks_of_an_editor_are_warned_of(almaflow: Almaflow, write: Write) -> None:
    write("p.xml", PAYLOAD.replace("CSV", "\n      CSV\n    ").replace("Null<", "Null\nand<"))

    typed = almaflow("import-payload", "p.xml", "--job", "M48")

    assert typed.code == 0
    assert "task_ExportParams_outputFormat_string" in typed.err
    assert "task_Null" not in typed.err
