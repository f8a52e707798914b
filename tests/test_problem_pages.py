"""Every code that the checker reports has a page, and the examples of the pages are true."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from almaflow import problem_pages
from almaflow.cli.render.problem_formats import ProblemFormat, format_problems
from almaflow.explain import explain
from almaflow.problem_pages import CodePage, code_pages, files_of
from almaflow.problems import Location, Problem, Severity
from tests.problem_examples import problems_of

LITERAL = [page for page in code_pages().values() if page.literal]


@pytest.mark.parametrize("page", LITERAL, ids=lambda page: page.code)
def test_the_wrong_example_has_its_problem_and_the_right_one_has_none(
    page: CodePage, tmp_path: Path
) -> None:
    wrong, right = tmp_path / "wrong", tmp_path / "right"
    wrong.mkdir()
    right.mkdir()

    problems = problems_of(page.code, files_of(page.wrong), wrong)

    assert {problem.code for problem in problems} == {page.code}
    assert {problem.severity for problem in problems} <= set(page.levels)
    assert problems_of(page.code, files_of(page.right), right) == []


def test_no_page_is_left_out_because_of_its_form() -> None:
    files = Path(problem_pages.__file__).parent.glob("*.md")
    headings = [
        code
        for file in files
        for code in re.findall(r"^## (.*)$", file.read_text("utf-8"), re.MULTILINE)
    ]

    assert sorted(headings) == sorted(code_pages())


def test_every_code_and_level_of_a_golden_file_has_a_page() -> None:
    shown = {
        found
        for file in Path(__file__).parent.rglob("*.out")
        for found in re.findall(
            r"^\S+?: (error|warning|note)\[([a-z0-9-]+)\]: ", file.read_text("utf-8"), re.MULTILINE
        )
    }
    pages = code_pages()

    assert len(shown) > 100
    assert not {code for _, code in shown} - pages.keys()
    assert not {(level, code) for level, code in shown if level not in pages[code].levels}


def test_a_page_says_what_why_and_how_to_ignore_it() -> None:
    text = explain("constant-condition")

    page = code_pages()["constant-condition"]
    assert page.title in text
    assert page.why.split(".")[0].split("\n")[0] in text
    assert all(line.strip() in text for line in (page.wrong + page.right).splitlines())
    assert "# almaflow: ignore[constant-condition]" in text
    assert "cannot be ignored" in explain("unknown-key")


def test_all_codes_are_listed() -> None:
    text = explain("codes")

    assert all(f"  {code} " in text for code in code_pages())
    assert "codes" in explain()


def test_sarif_and_json_carry_the_pages_of_their_problems() -> None:
    problems = [
        Problem(Location("w.yaml", 1, 1), "unknown-key", "A sentence."),
        Problem(Location("w.yaml", 2, 1), "no-set", "A sentence.", Severity.WARNING),
        Problem(Location("w.yaml", 3, 1), "unknown-key", "Another sentence."),
    ]

    sarif = json.loads(format_problems(problems, ProblemFormat.SARIF))
    plain = json.loads(format_problems(problems, ProblemFormat.JSON))
    github = format_problems(problems, ProblemFormat.GITHUB)

    rules = sarif["runs"][0]["tool"]["driver"]["rules"]
    pages = code_pages()
    assert [rule["id"] for rule in rules] == ["unknown-key", "no-set"]
    assert [rule["defaultConfiguration"]["level"] for rule in rules] == ["error", "warning"]
    assert rules[0]["shortDescription"]["text"] == pages["unknown-key"].title
    assert pages["no-set"].wrong in rules[1]["help"]["markdown"]
    assert plain["codes"]["no-set"]["right"] == pages["no-set"].right
    assert "title=unknown-key%3A A key is not known here." in github
