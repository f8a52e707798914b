from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from almaflow.cli.render import terminal
from almaflow.cli.render.problem_formats import ProblemFormat, format_problems, problem_lines
from almaflow.cli.render.terminal import emit_lines
from almaflow.problems import Location, Problem, Severity

PROBLEMS = [
    Problem(
        Location("workflows/with draw.yaml", 24, 7, 9),
        "unknown-key",
        "`parmeters` is not a key of submit_job; did you mean `parameters`?",
        Severity.ERROR,
        "      parmeters:",
    ),
    Problem(Location("/srv/a,b.yaml"), "odd", "100 %:\nlook", Severity.WARNING),
]


def picture(line: str, column: int, length: int) -> list[str]:
    problem = Problem(Location("f", 3, column, length), "c", "M.", Severity.ERROR, line)
    return list(problem_lines([problem]))[1:]


def test_text_for_people_has_the_place_the_message_and_the_line_with_a_caret() -> None:
    assert format_problems(PROBLEMS, ProblemFormat.TEXT) == (
        "workflows/with draw.yaml:24:7: error[unknown-key]: `parmeters` is not a key of "
        "submit_job; did you mean `parameters`?\n"
        "   24 |       parmeters:\n"
        "      |       ^^^^^^^^^\n"
        "/srv/a,b.yaml:1:1: warning[odd]: 100 %: look"
    )


def test_colours_come_only_on_a_terminal_that_shows_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    printed: list[str] = []
    monkeypatch.setattr("typer.echo", lambda text, err, color: printed.append(text))
    for colours in (True, False):
        monkeypatch.setattr(terminal, "has_colours", lambda stream, answer=colours: answer)
        emit_lines(problem_lines(PROBLEMS, colours=True))
    coloured, plain = printed

    assert "\x1b[31m\x1b[1merror[unknown-key]\x1b[0m" in coloured
    assert "\x1b[33m\x1b[1mwarning[odd]\x1b[0m" in coloured
    assert "\x1b[31m^^^^^^^^^\x1b[0m" in coloured
    assert plain == format_problems(PROBLEMS, ProblemFormat.TEXT)


def test_the_caret_stays_in_place_after_tabs_and_wide_and_combining_characters() -> None:
    assert picture("\ta: x", 5, 1) == ["    3 | \ta: x", "      | \t   ^"]
    assert picture("漢字: 値x", 5, 2) == ["    3 | 漢字: 値x", "      |       ^^^"]
    assert picture("e\u0301: x", 5, 1) == ["    3 | e\u0301: x", "      |    ^"]
    assert picture("a:", 3, 1) == ["    3 | a:", "      |   ^"]


def test_what_would_move_the_cursor_is_not_shown() -> None:
    assert picture("a: \x1b[2J\u202ex", 10, 1) == [
        "    3 | a: \\x1b[2J\\u202ex",
        "      |                  ^",
    ]


def test_a_long_line_is_cut_around_the_place() -> None:
    line = "a" * 300 + "here" + "b" * 300

    source, carets = picture(line, 301, 4)

    assert source == "    3 | …" + "a" * 60 + "here" + "b" * 96 + "…"
    assert source[carets.index("^") : carets.rindex("^") + 1] == "here"
    assert picture(line, 1, 4)[0] == "    3 | " + "a" * 160 + "…"
    assert picture(line, 604, 1)[0] == "    3 | …" + "b" * 61


def test_a_problem_without_a_source_line_has_no_picture() -> None:
    assert picture("", 1, 1) == []
    assert picture("  ", 1, 1) == []


def test_json_is_one_document() -> None:
    document = json.loads(format_problems(PROBLEMS, ProblemFormat.JSON))

    assert (document["errors"], document["warnings"]) == (1, 1)
    assert document["problems"][0] == {
        "file": "workflows/with draw.yaml",
        "line": 24,
        "column": 7,
        "length": 9,
        "severity": "error",
        "code": "unknown-key",
        "message": "`parmeters` is not a key of submit_job; did you mean `parameters`?",
        "line_text": "      parmeters:",
        "fix": "",
    }


def test_sarif_has_rules_levels_and_regions() -> None:
    document = json.loads(format_problems([*PROBLEMS, PROBLEMS[0]], ProblemFormat.SARIF))

    (run,) = document["runs"]
    assert document["version"] == "2.1.0"
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["tool"]["driver"]["name"] == "almaflow"
    known, unknown = run["tool"]["driver"]["rules"]
    assert known["id"] == "unknown-key"
    assert known.keys() > {"shortDescription", "fullDescription", "help", "defaultConfiguration"}
    assert unknown == {"id": "odd", "shortDescription": {"text": "Odd"}}
    assert [result["ruleIndex"] for result in run["results"]] == [0, 1, 0]
    assert run["results"][0] == {
        "ruleId": "unknown-key",
        "ruleIndex": 0,
        "level": "error",
        "message": {"text": "`parmeters` is not a key of submit_job; did you mean `parameters`?"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "workflows/with%20draw.yaml"},
                    "region": {
                        "startLine": 24,
                        "startColumn": 7,
                        "endColumn": 16,
                        "snippet": {"text": "      parmeters:"},
                    },
                }
            }
        ],
    }
    physical = run["results"][1]["locations"][0]["physicalLocation"]
    assert run["results"][1]["level"] == "warning"
    assert physical["artifactLocation"]["uri"] == "file:///srv/a%2Cb.yaml"
    assert "snippet" not in physical["region"]


def test_a_certain_fix_is_offered_in_sarif() -> None:
    location = Location("w.yaml", 2, 3, 9)
    problem = Problem(location, "unknown-key", "No.", line_text="  parmeters:", fix="parameters")

    document = json.loads(format_problems([problem], ProblemFormat.SARIF))

    (fix,) = document["runs"][0]["results"][0]["fixes"]
    (replacement,) = fix["artifactChanges"][0]["replacements"]
    assert replacement == {
        "deletedRegion": {"startLine": 2, "startColumn": 3, "endColumn": 12},
        "insertedContent": {"text": "parameters"},
    }


def test_github_gets_annotations_with_everything_escaped() -> None:
    assert format_problems(PROBLEMS, ProblemFormat.GITHUB).splitlines() == [
        "::error file=workflows/with draw.yaml,line=24,col=7,endColumn=16,title=unknown-key"
        "%3A A key is not known here.::`parmeters` is not a key of submit_job; did you mean "
        "`parameters`?",
        "::warning file=/srv/a%2Cb.yaml,line=1,col=1,endColumn=2,title=odd::100 %25:%0Alook",
    ]


def test_no_problems_are_written_as_nothing_or_as_an_empty_document() -> None:
    assert format_problems([], ProblemFormat.TEXT) == ""
    assert format_problems([], ProblemFormat.GITHUB) == ""
    assert json.loads(format_problems([], ProblemFormat.JSON))["problems"] == []
    assert json.loads(format_problems([], ProblemFormat.SARIF))["runs"][0]["results"] == []


@given(st.text(max_size=400), st.integers(1, 400), st.integers(1, 400))
def test_any_source_line_gives_a_picture_of_two_lines(line: str, column: int, length: int) -> None:
    shown = picture(line.replace("\n", " "), column, length)

    assert len(shown) in (0, 2)
    assert not any(unicodedata.category(it) == "Cc" and it != "\t" for it in "".join(shown))
