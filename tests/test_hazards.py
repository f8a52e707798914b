"""API keys, invisible characters and very many problems in files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from almaflow.cli.render.problem_formats import ProblemFormat, format_problems
from almaflow.document import parse_document
from almaflow.problems import (
    MORE_PROBLEMS,
    MOST_PROBLEMS,
    Location,
    Problem,
    Severity,
    at_most,
    has_errors,
)
from almaflow.settings import Project, Settings
from almaflow.workflow_loader import load_paths

KEY = "l8xx0123456789abcdef0123456789abcdef01"
CODED = "\\u006c" + KEY[1:]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def problems_of(text: str, **files: str) -> list[Problem]:
    for name, content in files.items():
        Path(name.replace("_", ".")).write_text(content, "utf-8")
    Path("w.yaml").write_text(text, "utf-8")
    return load_paths([Path("w.yaml")], Project(Path.cwd(), Settings(), None))[1]


def shown(problems: Sequence[Problem]) -> str:
    return "\n".join(format_problems(problems, style) for style in ProblemFormat)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        (f"steps:\n  - fail: see {KEY}\n", 2, 15),
        (f"steps:\n  - fail: see {KEY.upper()}\n", 2, 15),
        (f"steps: [{{wait: 1m}}]\n# {KEY}\n", 2, 3),
        (f"steps: [{{wait: 1m}}]\nvars: {{{KEY}: 1}}\n", 2, 8),
        (f"steps: [{{wait: 1m}}]\nvars:\n  a: {KEY}\n  b: [\n", 3, 6),
        (f"steps: [{{wait: 1m}}]\ndescription: >\n  a {KEY[:20]}\n  {KEY[20:]}\n", 3, 5),
        (f'steps: [{{wait: 1m}}]\ndescription: "a {CODED}"\n', 2, 14),
        (f'steps: [{{wait: 1m}}]\n"{CODED}": x\n', 2, 1),
        (f"%FOO {KEY}\n---\nsteps: [{{wait: 1m}}]\n", 1, 6),
        (f'steps: [{{get: "https://alma/almaws/v1/conf/libraries?apikey={KEY}"}}]\n', 1, 61),
        (f"steps: [{{get: /conf/libraries%3Fapikey%3D{KEY}}}]\n", 1, 42),
    ],
)
def test_a_key_in_a_workflow_is_an_error_at_its_place_and_shown_nowhere(
    text: str, line: int, column: int
) -> None:
    problems = problems_of(text)

    found = [one.location for one in problems if one.code == "alma-key"]
    assert [(one.line, one.column) for one in found] == [(line, column)]
    assert has_errors(problems)
    assert "23456789abcdef" not in shown(problems).casefold()


def test_the_path_to_write_is_shown_for_an_address_with_a_key() -> None:
    address = f"https://api-eu.hosted.exlibrisgroup.com/almaws/v1/conf/libraries?apikey={KEY}"

    [problem] = problems_of(f"steps: [{{get: '{address}'}}]\n")

    assert problem.code == "alma-key"
    assert "`/conf/libraries`" in problem.message


def test_a_key_in_a_payload_is_found_where_it_is() -> None:
    parameter = "<parameter><name>a</name><value>{}</value></parameter>"
    job = f"<job>\n<parameters>{parameter}</parameters></job>"
    step = 'steps:\n  - submit_job: {job: M44, payload: p.xml, set: "12"}\n'

    plain = problems_of(step, p_xml=job.format(KEY))
    coded = problems_of(step, p_xml=job.format(KEY.replace("l", "&#108;")))

    assert [(one.code, str(one.location)) for one in plain] == [("alma-key", "p.xml:2:45")]
    assert [(one.code, one.location.line) for one in coded] == [("alma-key", 2)]
    assert "23456789abcdef" not in shown([*plain, *coded])


def test_a_key_in_a_member_file_is_found_where_it_is() -> None:
    members = "create_set: {name: x, content: ITEM, members: {file: m.csv, column: id}}"

    problems = problems_of(f"steps:\n  - {members}\n", m_csv=f"id\n12\n{KEY}\n")

    assert [(one.code, str(one.location)) for one in problems] == [("alma-key", "m.csv:3:1")]


def test_a_message_that_is_cut_within_a_key_does_not_show_its_beginning() -> None:
    problem = Problem(Location("w.yaml"), "bad-value", f"`see {KEY[:20]}…` is wrong.")

    assert problem.message == "`see ***…` is wrong."


@pytest.mark.parametrize(
    "character",
    ["\u202e", "\u2066", "\u200f", "\u061c", "\u200b", "\ufeff", "\u2028", "\U000e0041"],
)
def test_a_character_that_deceives_a_reader_is_a_warning_wherever_it_is(character: str) -> None:
    for text in (
        f"steps: [{{wait: 1m}}]  # x {character}# y {character}\n",
        f"steps: [{{wait: 1m}}]\ndescription: 'x {character}'\n",
    ):
        problems = problems_of(text)

        assert [(one.code, one.severity) for one in problems] == [
            ("deceptive-character", Severity.WARNING)
        ]
        picture = format_problems(problems, ProblemFormat.TEXT)
        assert character not in picture


def test_languages_that_are_written_with_joiners_or_from_the_right_are_no_warning() -> None:
    assert problems_of("steps: [{wait: 1m}]\ndescription: می\u200cخواهم שלום\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "steps:\n" + "- {wait: 1m, k: 1}\n" * 1000,
        "steps:\n" + '- {chek: "true"}\n' * 1000,
        "steps:\n" + '- {check: "steps.x.y == 1"}\n' * 1000,
        "steps: [{wait: 1m}]\n" * 1001,
        "steps: [{wait: 1m}]\nvars:\n" + "".join(f"  v{n}: !x 1\n" for n in range(1000)),
        "steps: [{wait: 1m}]\n" + "# \u202e\n" * 1000,
        "steps: [{wait: 1m}]\n" + f"# {KEY}\n" * 1000,
    ],
)
def test_of_very_many_problems_the_first_are_shown_and_the_others_counted(text: str) -> None:
    problems = problems_of(text)

    assert len(problems) == MOST_PROBLEMS + 1
    assert problems[-1].code == MORE_PROBLEMS
    assert problems[-1].more == 1000 - MOST_PROBLEMS


def test_warnings_never_displace_an_error() -> None:
    warnings = [Problem(Location("w", line), "x", "x", Severity.WARNING) for line in range(1, 1000)]
    error = Problem(Location("w", 2000), "y", "y")

    shown = at_most([*warnings, error], left_out=5)

    assert error in shown
    assert len(shown) == MOST_PROBLEMS + 1
    assert shown[-1].more == 1000 + 5 - MOST_PROBLEMS


def test_a_line_without_end_is_not_repeated_in_every_problem() -> None:
    steps = ", ".join(['{chek: "true"}'] * 1000)

    problems = problems_of(f"steps: [{steps}]\n")

    assert {one.line_text for one in problems} == {""}
    assert len(json.dumps([one.message for one in problems])) < 1_000_000


def test_a_value_without_end_is_not_quoted_whole() -> None:
    (problem,) = problems_of(f"steps: [{{wait: 1m}}]\ntimezone: {'x' * 100_000}\n")

    assert len(problem.message) < 3000


def test_findings_are_part_of_the_document() -> None:
    document = parse_document(f"a: {KEY}\n", "f.yaml")

    assert [one.code for one in document.findings] == ["alma-key"]
