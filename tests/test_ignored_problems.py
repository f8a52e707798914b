"""`# almaflow: ignore[code]`: where it counts, and what is said about one that does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from almaflow.check.ignored_problems import ignores_of
from almaflow.document import parse_document
from almaflow.document.comments import comments
from almaflow.problems import Severity
from tests.linted import problems_in

NO_SET = "    submit_job: {job: M44}"


def codes(folder: Path, text: str) -> list[str]:
    return [problem.code for problem in problems_in(folder, {"w.yaml": text})]


def test_comments_are_those_of_yaml_and_not_of_its_texts() -> None:
    text = (
        "# head\n"
        'a: "x # no"   # one\n'
        "b: |  # two\n  text # no\n  # no\n# three\n"
        "c: >-\n    folded # no\n  # four\n"
        "d: [1, # five\n  2]\n"
        "e: plain # six\n"
        "f: 'a\n  # no'\n"
        "g: x#no\n"
        '"h # no": 1 # seven'
    )
    document = parse_document(text, "w.yaml")

    found = list(comments(document, document.root))

    words = ["head", "one", "two", "three", "four", "five", "six", "seven"]
    assert [one.text for one in found] == [f"# {word}" for word in words]
    assert [one.alone for one in found] == [word in ("head", "three", "four") for word in words]


@pytest.mark.parametrize(
    "text",
    [
        f"steps:\n  - id: a\n{NO_SET}  # almaflow: ignore[no-set]\n",
        f"steps:\n  - id: a\n    # almaflow: ignore[no-set]\n{NO_SET}\n",
        f"steps:\n  - id: a\n    # almaflow: ignore[no-set] why\n    # more\n\n{NO_SET}\n",
        f"# almaflow: ignore[no-set]\nsteps:\n  - id: a\n{NO_SET}\n",
        f"# A headline.\n#almaflow:ignore[ no-set ]\n---\nsteps:\n  - id: a\n{NO_SET}\n",
        f"\ufeffsteps:\r\n  - id: a\r\n{NO_SET}  # almaflow: ignore[no-set]\r\n",
    ],
)
def test_a_comment_hides_a_warning_of_its_line_the_next_or_the_file(
    text: str, tmp_path: Path
) -> None:
    assert codes(tmp_path, text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f"steps:\n  # almaflow: ignore[no-set]\n  - id: a\n{NO_SET}\n",
            ["unused-ignore", "no-set"],
        ),
        (
            f"steps:\n  - id: a\n{NO_SET}  # almaflow: ignore[no-set, space-at-end]\n",
            ["unused-ignore"],
        ),
        (f"steps:\n  - id: a\n{NO_SET}  # almaflow: ignore[no-sett]\n", ["no-set", "bad-ignore"]),
        (f"steps:\n  - id: a\n{NO_SET}  # almaflow: ignore\n", ["no-set", "bad-ignore"]),
        (f"steps:\n  - id: a\n{NO_SET}  # almaflow: ignroe[no-set]\n", ["no-set", "bad-ignore"]),
        (
            f"steps:\n  - id: 'a'\n    name: 'x # almaflow: ignore[no-set]'\n{NO_SET}\n",
            ["no-set"],
        ),
        ("steps:\n  - wait: 1m  # almaflow: ignore[unknown-key]\n", ["bad-ignore"]),
        (
            "steps:\n  - wiat: 1m  # almaflow: ignore[unknown-key]\n",
            ["unknown-key", "bad-ignore"],
        ),
        ("steps:\n  - wait: 1m  # almaflow: see the handbook\n", []),
    ],
)
def test_what_a_comment_does_not_hide_is_still_reported(
    text: str, expected: list[str], tmp_path: Path
) -> None:
    assert codes(tmp_path, text) == expected


def test_an_error_is_not_hidden_and_the_reason_is_given(tmp_path: Path) -> None:
    job = 'submit_job: {job: M44, payload: no.xml, set: "1"}'
    text = f"steps:\n  - {job}  # almaflow: ignore[no-such-file]\n"

    problems = problems_in(tmp_path, {"w.yaml": text})

    assert [one.code for one in problems] == ["no-such-file", "bad-ignore"]
    assert [one.severity for one in problems] == [Severity.ERROR, Severity.WARNING]


def test_a_problem_within_a_folded_text_is_hidden_from_above(tmp_path: Path) -> None:
    text = (
        "steps:\n  # almaflow: ignore[constant-condition]\n"
        "  - check: >-\n      'a' != 'b'\n      and 'c' != 'd'\n"
    )

    assert codes(tmp_path, text) == []


def test_a_lint_is_hidden_as_other_warnings_are(tmp_path: Path) -> None:
    text = 'steps:\n  - submit_job: {job: M18, set: "1"}COMMENT\n'

    with_comment = text.replace("COMMENT", "  # almaflow: ignore[no-expect]")

    assert codes(tmp_path, text.replace("COMMENT", "")) == ["no-expect"]
    assert codes(tmp_path, with_comment) == []


def test_an_unused_comment_can_itself_be_ignored(tmp_path: Path) -> None:
    text = "# almaflow: ignore[unused-ignore]\nsteps:\n  - wait: 1m  # almaflow: ignore[no-set]\n"

    assert codes(tmp_path, text) == []


@pytest.mark.parametrize(
    "comments", ["# almaflow: ignore[no-set]\n" * 30_000, f"# almaflow: ignore[{'a ' * 200_000}]\n"]
)
def test_of_very_many_codes_the_first_thousand_count(comments: str, tmp_path: Path) -> None:
    text = f"{comments}steps:\n  - wait: 1m\n"

    assert len(ignores_of(parse_document(text, "w.yaml"))) == 1_000
    assert "bad-ignore" in codes(tmp_path, text)


def test_a_file_without_the_word_is_not_searched() -> None:
    assert ignores_of(parse_document("steps: [{wait: 1m}]", "w.yaml")) == []
