"""The pages and recipes: complete, true to the commands there are, and found by their words."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest
from pydantic import Field

from almaflow import docs
from almaflow.cli.app import loaded
from almaflow.cli.command_list import COMMANDS
from almaflow.docs import language
from almaflow.docs.language import language_page
from almaflow.errors import RequestWrong
from almaflow.field_types import Model
from almaflow.model_fields import fields_of
from almaflow.steps.wait_for_run import WaitForRun

ALL = [*docs.pages(), *docs.recipes()]
IDS = [page.name for page in ALL]


@pytest.mark.parametrize("page", ALL, ids=IDS)
def test_a_page_has_a_title_and_begins_with_a_sentence(page: docs.DocPage) -> None:
    assert page.text.startswith(f"# {page.title}\n\n")
    assert page.title
    assert page.summary.endswith((".", ":"))


@pytest.mark.parametrize("page", ALL, ids=IDS)
def test_a_page_links_only_to_files_that_are_there(page: docs.DocPage) -> None:
    folder = docs.HERE / "pages"
    for address in re.findall(r"\]\(([^)]+)\)", page.text):
        assert ":" in address or (folder / address).exists(), address


@cache
def options_of(command: str) -> frozenset[str]:
    """Return the options of a command, and of the commands in it."""
    made = loaded(COMMANDS[command])
    commands = [made, *getattr(made, "commands", {}).values()]
    return frozenset(name for one in commands for option in one.params for name in option.opts)


@pytest.mark.parametrize("page", ALL, ids=IDS)
def test_a_page_names_only_commands_and_options_that_exist(page: docs.DocPage) -> None:
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", page.text, re.M | re.S)
    blocks = [block for language, block in fenced if not language]
    prose = re.sub(r"^```.*?^```$", "", page.text, flags=re.M | re.S)
    code = [" ".join(text.split()) for text in re.findall(r"`([^`]+)`", prose)]
    lines = [*code, *(line for block in blocks for line in block.splitlines())]
    for line in re.findall(r"(?:^|&& )almaflow ([a-z].*)", "\n".join(lines), re.M):
        name, *words = line.split()
        assert name in COMMANDS, line
        known = options_of(name)
        for option in (word.split("=")[0] for word in words if word.startswith("-")):
            assert option in {*known, "--help"}, line


def test_the_reference_is_what_the_models_say() -> None:
    """Write it anew: `python -m almaflow.docs.language`."""
    assert docs.find_page("language").text == language_page()


def test_the_cookbook_lists_every_recipe_once_with_its_title() -> None:
    listed = re.findall(
        r"^- \[([a-z-]+)\]\(\S+\):\s+([^-#]+?)(?=\n- |\n\n|\n$|\Z)", _cookbook(), re.M
    )
    titles = {name: " ".join(title.split()) for name, title in listed}

    assert len(listed) == len(titles) == 20
    assert titles == {it.name: it.title[0].lower() + it.title[1:] for it in docs.recipes()}


def _cookbook() -> str:
    return docs.find_page("cookbook").text


@pytest.mark.parametrize("name", ["recycle-bin", "cookbook/recycle-bin.yaml", "Recycle-Bin"])
def test_a_recipe_is_found_by_its_name_and_by_its_file(name: str) -> None:
    assert docs.find_page(name).name == "recycle-bin"


def test_a_page_that_does_not_exist_is_answered_with_one_that_does() -> None:
    with pytest.raises(RequestWrong, match="did you mean `handbook`"):
        docs.find_page("hanbook")


def test_the_text_of_a_recipe_is_its_file() -> None:
    file = docs.HERE / "cookbook" / "set-size.yaml"

    assert docs.recipe_text("set-size") == file.read_text("utf-8")
    with pytest.raises(RequestWrong):
        docs.recipe_text("handbook")


def test_a_search_finds_the_sections_that_have_all_words() -> None:
    hits = docs.search(["LEASE frozen"])

    assert ("promises", "Two processes never work on the same run") in {
        (hit.page, hit.heading) for hit in hits
    }
    assert docs.search(["nowhere-to-be-found"]) == []


@pytest.mark.parametrize("words", [[], [""], ["a"]])
def test_a_search_needs_a_word(words: list[str]) -> None:
    with pytest.raises(RequestWrong):
        docs.search(words)


def test_every_file_of_the_documentation_is_listed() -> None:
    names = {file.relative_to(docs.HERE).as_posix() for file in docs.files()}

    assert {"pages/handbook.md", "cookbook/data/moved.csv", "cookbook/almaflow.yaml"} <= names
    assert all(Path(docs.HERE / name).is_file() for name in names)


class Deep(Model):
    """Fields that hold themselves."""

    deeper: Annotated[Deep | None, Field(description="One more.")] = None
    must: Annotated[int, Field(description="A number.")]


def test_a_model_inside_of_itself_is_listed_once_and_required_fields_first() -> None:
    lines = list(language._entries(fields_of(Deep), depth=0, above=()))

    keys = [line.split("`")[1] for line in lines]
    assert keys == ["must", "deeper", "must", "deeper"]
    assert lines[0].startswith("- `must`: ")
    assert "; required. A number." in lines[0]
    assert lines[2].startswith("  - `must`: ")


def test_fields_below_the_deepest_level_are_left_out() -> None:
    lines = list(language._entries(fields_of(Deep), depth=language._DEEPEST - 1, above=()))

    assert [line.split("`")[1] for line in lines] == ["must", "deeper"]


class Named(Model):
    """Keys of one's own besides a field."""

    named: ClassVar[Any] = int
    named_as: ClassVar[str] = "How many."

    own: Annotated[int, Field(description="A number.")] = 0


def test_keys_of_ones_own_come_after_the_fields() -> None:
    lines = list(language._model(Named, 0, (Named,)))

    assert lines[0].startswith("- `own`: ")
    assert lines[1].startswith("- a name of your own: ")
    assert lines[1].endswith(". How many.")


def test_a_kind_without_an_example_has_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    with_example = language._kind("wait_for_run", WaitForRun)
    monkeypatch.setattr(WaitForRun, "example", "")

    assert "```yaml" in with_example
    assert "```" not in language._kind("wait_for_run", WaitForRun)
