"""Keys that are not known where they are: words of other tools, and letters that look alike."""

from __future__ import annotations

import pytest

from almaflow.authoring.workflow_tests.models import WorkflowTests
from almaflow.document import parse_document
from almaflow.foreign_words import advice_of, normal
from almaflow.lookalikes import latin, look_alike_advice, mixed_word
from almaflow.model_fields import fields_of, models_in
from almaflow.settings.models import Settings
from almaflow.workflow import Workflow
from almaflow.yaml_in_line import in_line

WITH_ADVICE = [
    model
    for file in (Workflow, Settings, WorkflowTests)
    for model in models_in(file)
    if advice_of(model)
]


@pytest.mark.parametrize("model", WITH_ADVICE, ids=lambda model: model.__name__)
def test_advice_is_about_words_that_are_no_keys_and_can_be_filled_in(model: type) -> None:
    known = {normal(key) for key in fields_of(model)}
    for key, word in advice_of(model).items():
        assert key == normal(key)
        assert key not in known, key
        assert word.sentence.format(key=key, value="VALUE", bare="VALUE", whole="VALUE").endswith(
            "."
        )


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("continue-on-error", "continue_on_error"),
        ("continueOnError", "continue_on_error"),
        ("Submit Job", "submit_job"),
        ("API_KEY", "api_key"),
        ("ENV", "env"),
    ],
)
def test_a_key_is_recognised_in_the_spelling_of_each_tool(written: str, words: str) -> None:
    assert normal(written) == words


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("ѕtеps", "steps"),
        ("ｍｏｎｔｈ", "month"),
        ("Μοnth", "Month"),
        ("𝗌𝗍𝖾𝗉", "step"),
        ("a–b", "a-b"),
        ("größe", "größe"),
        ("недељни", "нeдeљни"),
    ],
)
def test_letters_that_look_latin_become_latin(text: str, plain: str) -> None:
    assert latin(text) == plain


def test_a_name_with_such_a_letter_is_explained_only_when_the_latin_one_is_known() -> None:
    assert "character 2 is the Cyrillic letter U+0435" in look_alike_advice("tеst", ["test"])
    assert look_alike_advice("tеst", ["rest"]) == ""
    assert look_alike_advice("test", ["test"]) == ""


@pytest.mark.parametrize("text", ["", "Reserve", "Резерв", "α-amylase", "Größe 5 µm", "Резерв set"])
def test_words_of_one_alphabet_are_fine(text: str) -> None:
    assert mixed_word(text) == ""


def test_a_word_of_two_alphabets_is_named() -> None:
    assert mixed_word("The Rеserve set").startswith("In `Rеserve`, character 2 is the Cyrillic")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("text", "text"),
        ("0012", "0012"),
        ('"0012"', '"0012"'),
        ("'a, b'", '"a, b"'),
        ("10m", "10m"),
        ("10 minutes", "10 minutes"),
        ("'2026-12-24'", '"2026-12-24"'),
        ("'a \"b\", c'", "'a \"b\", c'"),
        ("[a, 1, {b: true}]", "[a, 1, {b: true}]"),
        ("'{{ steps.a.set_id }}'", '"{{ steps.a.set_id }}"'),
        ("|\n  a\n  b\n", "…"),
        ("x" * 100, "…"),
        (f"[{', '.join(['long-entry'] * 20)}]", "[…]"),
    ],
)
def test_a_value_is_repeated_as_yaml_has_it_in_braces(value: str, shown: str) -> None:
    assert in_line(parse_document(f"key: {value}", "w").value(("key",))) == shown
