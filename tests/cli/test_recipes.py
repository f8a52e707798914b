"""The recipes of the cookbook and the examples: checked, and run on the simulated Alma."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from almaflow import docs
from almaflow.cli.commands import docs as command
from tests.cli.conftest import ROOT, Almaflow, Tty

COOKBOOK = docs.HERE / "cookbook"
RECIPES = [recipe.name for recipe in docs.recipes()]
# A warning of a recipe that a project can avoid and the cookbook's almaflow.yaml cannot.
EXPECTED = {"after-import": ["no-webhook"]}
EXAMPLES = sorted(
    file
    for file in (ROOT / "workflows").glob("*.yaml")
    if not {".scenario", ".tests"} & set(file.suffixes)
)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_valid_and_plans_and_runs(almaflow: Almaflow, folder: Path, name: str) -> None:
    shutil.copytree(COOKBOOK, folder, dirs_exist_ok=True)
    file = f"{name}.yaml"

    typed = almaflow("validate", file, "--json")
    assert typed.code == 0
    assert [one["code"] for one in typed.json["problems"]] == EXPECTED.get(name, [])
    typed = almaflow("plan", file, "--json")
    assert (typed.code, typed.json["simulated_outcome"]) == (0, "succeeded")
    typed = almaflow("run", file, "--simulate", "--json")
    assert [step for step in typed.json["steps"] if step["outcome"] == "failed"] == []
    assert (typed.code, typed.json["outcome"]) == (0, "succeeded")


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_runs_without_its_scenario(almaflow: Almaflow, folder: Path, file: Path) -> None:
    shutil.copytree(file.parent, folder / "w", ignore=shutil.ignore_patterns("*.scenario.yaml"))

    typed = almaflow("run", f"w/{file.name}", "--simulate", "--json")

    assert [step for step in typed.json["steps"] if step["outcome"] == "failed"] == []
    assert typed.code == 0


def test_a_recipe_is_printed_to_be_copied(almaflow: Almaflow) -> None:
    typed = almaflow("docs", "recycle-bin", "--yaml")

    assert typed.code == 0
    assert typed.out == (COOKBOOK / "recycle-bin.yaml").read_text("utf-8")


def test_without_a_page_all_pages_and_recipes_are_listed(almaflow: Almaflow) -> None:
    typed = almaflow("docs")

    assert typed.code == 0
    for page in (*docs.pages(), *docs.recipes()):
        assert f"  {page.name} " in typed.out


def test_a_page_goes_to_a_pipe_as_markdown(almaflow: Almaflow) -> None:
    assert almaflow("docs", "handbook").out == docs.find_page("handbook").text
    assert almaflow("docs", "handbook", "--json").json["name"] == "handbook"


def test_a_search_names_page_and_heading(almaflow: Almaflow) -> None:
    typed = almaflow("docs", "--search", "webhook secret", "--json")

    assert {"web-page"} <= {hit["page"] for hit in typed.json}
    assert "web-page: Alma's reports" in almaflow("docs", "--search", "webhook secret").out
    assert almaflow("docs", "--search", "nowhere-to-be-found").code == 0


def test_all_pages_can_be_written_into_a_folder(almaflow: Almaflow, folder: Path) -> None:
    typed = almaflow("docs", "--output", "site", "--json")

    assert len(typed.json) == len(docs.files())
    assert (folder / "site" / "cookbook" / "recycle-bin.yaml").exists()
    (folder / "file").write_text("")
    assert almaflow("docs", "-o", "file").code == 2


@pytest.mark.parametrize(
    "words", [("no-such",), ("--yaml",), ("handbook", "--yaml"), ("handbook", "--search", "key")]
)
def test_a_wrong_request_is_answered_with_the_next_move(
    almaflow: Almaflow, words: tuple[str, ...]
) -> None:
    typed = almaflow("docs", *words)

    assert typed.code == 2
    assert "almaflow docs" in typed.err or "Use one of" in typed.err


# --- on a terminal ----------------------------------------------------------------------------


def terminal(monkeypatch: pytest.MonkeyPatch) -> Tty:
    """Put a terminal in the place of stdout; pytest's own stdout would replace a fixture's."""
    made = Tty()
    monkeypatch.setattr("sys.stdout", made)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return made


@pytest.mark.parametrize(("no_color", "has_colours"), [("", True), ("1", False)])
def test_a_short_page_is_formatted_for_a_terminal(
    monkeypatch: pytest.MonkeyPatch, no_color: str, has_colours: bool
) -> None:
    tty = terminal(monkeypatch)
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("LINES", "9999")

    command._print_page(docs.find_page("handbook"), as_json=False)

    plain = re.sub(r"\x1b\[[0-9;]*m", "", tty.getvalue())
    assert ("\x1b[" in tty.getvalue()) is has_colours
    assert "](" not in plain
    assert docs.find_page("handbook").title in plain
    assert plain != docs.find_page("handbook").text


def test_a_page_longer_than_the_terminal_opens_in_the_pager(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tty = terminal(monkeypatch)
    paged: list[str] = []
    monkeypatch.setattr("pydoc.pager", paged.append)
    monkeypatch.setenv("LINES", "10")
    monkeypatch.setenv("LESS", "X")

    command._print_page(docs.find_page("handbook"), as_json=False)

    assert tty.getvalue() == ""
    [text] = paged
    assert text.count("\n") > 10
    assert os.environ["LESS"] == "X"


def test_pages_are_listed_as_json_and_written_as_lines(almaflow: Almaflow, folder: Path) -> None:
    listed = almaflow("docs", "--json").json
    assert [one["name"] for one in listed["pages"]] == [page.name for page in docs.pages()]
    assert [one["name"] for one in listed["recipes"]] == [one.name for one in docs.recipes()]

    written = almaflow("docs", "--output", "site")

    assert (written.code, written.out) == (0, f"Wrote {len(docs.files())} files into site.\n")
