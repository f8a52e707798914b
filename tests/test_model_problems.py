from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

import pytest
from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from almaflow.document import parse_document
from almaflow.errors import DocumentsInvalid
from almaflow.field_types import AlmaId, Duration, Flag, Model, Number, Text, Whole
from almaflow.model_validation import validate


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


def _even(text: str) -> str:
    if len(text) % 2:
        raise ValueError("an even number of letters is needed")
    return text


class Wait(Model):
    short: ClassVar[str | None] = "for"

    for_: Annotated[Duration | None, Field(alias="for")] = None
    until: Text | None = None


class Job(Model):
    job: AlmaId
    parameters: dict[str, Text] | list[Wait] = {}
    attempts: Annotated[Whole, Field(ge=1, le=3)] = 1
    share: Annotated[Number, Field(gt=0.5, lt=2.5)] = 1
    finite: Annotated[Number, Field(allow_inf_nan=False)] = 1
    flag: Flag = False
    on_failure: Literal["stop", "continue"] = "stop"
    colour: Colour = Colour.RED
    code: Annotated[Text | None, Field(pattern="^[A-Z]$", description="One letter")] = None
    bare: Annotated[Text | None, Field(pattern="^[A-Z]$")] = None
    label: Annotated[Text, Field(min_length=1, max_length=5)] = "x"
    few: Annotated[list[Text], Field(max_length=2)] = []
    pair: Annotated[list[Text] | None, Field(min_length=2)] = None
    even: Annotated[Text, AfterValidator(_even)] = "xx"
    strict: Annotated[str, Field(min_length=2)] = "xx"
    count: int = 0

    @model_validator(mode="after")
    def _not_both(self) -> Job:
        if self.code and self.bare:
            raise PydanticCustomError(
                "several_codes", "Only one of `code` and `bare`.", {"key": "bare"}
            )
        return self


class Step(Model):
    id: Text | None = None
    submit_job: Job | None = None
    wait: Wait | None = None


class Workflow(Model):
    shows_values = True

    name: Text
    steps: Annotated[list[Step], Field(min_length=1)] = []
    jobs: dict[str, Job] = {}
    matrix: list[list[Wait]] = []


def problems(text: str, model: type[Model] = Workflow) -> list[str]:
    document = parse_document(text, "w")
    with pytest.raises(DocumentsInvalid) as caught:
        validate(document, model)
    return [str(problem) for problem in caught.value.problems]


def test_a_document_that_fits_becomes_the_model() -> None:
    document = parse_document("name: 0012\nsteps:\n  - wait: 10m\n", "w")

    workflow = validate(document, Workflow)

    assert workflow.name == "0012"
    assert workflow.steps[0].wait == Wait.model_validate({"for": "10m"})


def test_other_data_may_stand_for_the_documents_own() -> None:
    document = parse_document("name: x\n", "w")

    assert validate(document, Workflow, {"name": "y"}).name == "y"


def test_all_problems_come_at_once_sorted_each_at_its_place() -> None:
    assert problems(
        "steps:\n"
        "  - submit_jb: 1\n"
        "  - submit_job: {parmeters: 1, zzz: 3}\n"
        "  - wait: 10x\n"
        "jobs: {a: {}}\n"
        "nam: x\n"
    ) == [
        "w:2:5: error[unknown-key]: `submit_jb` is not a key of an entry of steps; did you mean "
        "`submit_job`?",
        "w:3:18: error[unknown-key]: `parmeters` is not a key of submit_job; did you mean "
        "`parameters`?",
        "w:3:32: error[unknown-key]: `zzz` is not a key of submit_job; did you mean `job`, which "
        "is missing?",
        "w:4:11: error[bad-duration]: `10x` is not a valid duration. Write a number and a "
        "unit, such as `90s`, `10m`, `4h` or `2d`, or several, such as `1h30m`.",
        "w:5:8: error[missing-key]: `a` needs the key `job`.",
        "w:6:1: error[unknown-key]: `nam` is not a key here; did you mean `name`?",
    ]


def test_a_problem_carries_its_source_line() -> None:
    document = parse_document("name: x\nnone: y\n", "w")

    with pytest.raises(DocumentsInvalid) as caught:
        validate(document, Workflow)

    assert caught.value.problems[0].line_text == "none: y"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("attempts: 7", "15: error[bad-value]: `attempts` must be 3 or less, not `7`."),
        ("attempts: 0", "15: error[bad-value]: `attempts` must be 1 or more, not `0`."),
        (
            "attempts: '2'",
            "15: error[wrong-type]: A whole number is expected here. Write `2` without quotes.",
        ),
        ("attempts: .5", "15: error[wrong-type]: A whole number is expected here."),
        ("share: 0.5", "12: error[bad-value]: `share` must be more than 0.5, not `0.5`."),
        ("share: 3", "12: error[bad-value]: `share` must be less than 2.5, not `3`."),
        ("finite: .nan", "13: error[bad-value]: This should be a finite number."),
        (
            "flag: yes",
            "11: error[wrong-type]: `true` or `false` is expected here, not `yes`. Write `true`.",
        ),
        (
            "on_failure: stopp",
            "17: error[bad-value]: `stopp` is not one of `stop` or `continue`; did you mean "
            "`stop`?",
        ),
        (
            "on_failure: {a: b}",
            "17: error[bad-value]: A mapping is not one of `stop` or `continue`.",
        ),
        ("colour: blue", "13: error[bad-value]: `blue` is not one of `red` or `green`."),
        ("code: ab", "11: error[bad-value]: `ab` does not fit `code`: One letter."),
        (
            "bare: ab",
            "11: error[bad-value]: `ab` does not fit `bare`: it must match the pattern ^[A-Z]$.",
        ),
        ("label: ''", "12: error[bad-value]: `label` must not be empty."),
        ("label: abcdefg", "12: error[bad-value]: `label` must have at most 5 characters."),
        ("strict: a", "13: error[bad-value]: `strict` must have at least 2 characters."),
        ("few: [a, b, c]", "10: error[bad-value]: `few` must have at most 2 entries."),
        ("pair: [a]", "11: error[bad-value]: `pair` must have at least 2 entries."),
        (
            "pair: a",
            "11: error[wrong-type]: A list (lines that begin with `- `) is expected here, "
            "not text.",
        ),
        ("few: [[a]]", "11: error[wrong-type]: Text is expected here, not a list. Write `a`."),
        ("even: abc", "11: error[bad-value]: An even number of letters is needed."),
        ("strict: 12", "13: error[wrong-type]: Text is expected here, not a number."),
        ("strict: true", "13: error[wrong-type]: Text is expected here, not `true` or `false`."),
        (
            "strict: [a]",
            "13: error[wrong-type]: Text is expected here, not a list. Write `strict: a`.",
        ),
        ("strict: {}", "13: error[wrong-type]: Text is expected here, not a mapping."),
        ("count: abc", "12: error[wrong-type]: A whole number is expected here, not text."),
    ],
)
def test_what_does_not_fit_is_said_in_plain_words(line: str, said: str) -> None:
    (problem,) = problems(f"name: x\njobs:\n  a:\n    {line}\n    job: M1\n")

    assert problem == f"w:4:{said}"


def test_an_id_that_reads_as_another_number_is_refused() -> None:
    assert problems("name: x\njobs: {a: {job: 1.5}}\n") == [
        "w:2:17: error[id-unquoted]: `1.5` reads as a number with a fraction or exponent, but an "
        "id is expected. Put it in quotes if it is an id."
    ]


def test_a_long_value_is_cut_in_a_message() -> None:
    (problem,) = problems(f"name: x\njobs: {{a: {{job: M1, on_failure: {'x' * 100}}}}}")

    assert f"`{'x' * 60}…` is not one of" in problem


def test_a_models_own_check_is_placed_at_the_key_it_names() -> None:
    (problem,) = problems("name: x\njobs: {a: {job: M1, code: A, bare: B}}\n")

    assert problem == "w:2:30: error[several-codes]: Only one of `code` and `bare`."


def test_a_value_of_several_forms_is_judged_by_the_form_that_was_meant() -> None:
    assert problems("name: x\njobs: {a: {job: M1, parameters: {k: [v]}}}") == [
        "w:2:37: error[wrong-type]: Text is expected here, not a list."
    ]
    assert problems("name: x\njobs: {a: {job: M1, parameters: [{until: x, unti: y}]}}") == [
        "w:2:45: error[unknown-key]: `unti` is not a key of an entry of parameters; did you mean "
        "`until`?"
    ]
    assert problems("name: x\njobs: {a: {job: M1, parameters: text}}") == [
        "w:2:33: error[wrong-type]: A mapping (`key: value` lines) is expected here, not text."
    ]


def test_a_forgotten_blank_is_told_where_a_mapping_is_expected() -> None:
    assert problems("name: x\nsteps:\n  - id: a\n  - wait:10m\n") == [
        "w:4:5: error[yaml-missing-blank]: A space is missing after `wait:`, so YAML reads key and "
        "value as one text. Write `wait: 10m`."
    ]


def test_a_forgotten_blank_after_a_hyphen_is_told_where_a_list_is_expected() -> None:
    assert problems("name: x\nsteps:\n  -id: a\n  -wait: 10m\n") == [
        "w:3:3: error[wrong-type]: A list is expected here. Write a space after each `-`."
    ]


def test_text_or_a_list_where_the_file_should_be_a_mapping_is_refused() -> None:
    assert problems("- a\n") == [
        "w:1:1: error[wrong-type]: A mapping (`key: value` lines) is expected here. This is a "
        "list. A workflow begins with keys in the first column, such as `name: nightly` and "
        "`steps:`, and the list of steps is below `steps:`."
    ]


def test_a_list_in_a_list_is_named_by_the_key_around_it() -> None:
    assert problems("name: x\nmatrix: [[{unti: a}]]\n") == [
        "w:2:12: error[unknown-key]: `unti` is not a key of an entry of matrix; did you mean "
        "`until`?"
    ]


def test_nothing_where_a_list_should_be_is_called_nothing() -> None:
    assert problems("name: x\nmatrix:\n  -\n") == [
        "w:3:4: error[wrong-type]: A list (lines that begin with `- `) is expected here, not "
        "nothing."
    ]


class Keyed(Model):
    secrets: dict[Annotated[str, Field(pattern="^[a-z]+$")], Text]


def test_a_key_that_does_not_fit_is_placed_at_the_key() -> None:
    (problem,) = problems("secrets: {a: x, B1: y}", Keyed)

    assert problem.startswith("w:1:17: error[bad-value]: `B1` does not fit `B1`")


class Rare(Model):
    when: Annotated[bytes, Field(max_length=3)] = b""


def test_errors_without_a_sentence_of_their_own_have_no_jargon_either() -> None:
    assert problems("when: [a]\n", Rare) == [
        "w:1:7: error[bad-value]: This should be a valid bytes."
    ]


def test_the_cause_is_not_kept_because_it_holds_the_values() -> None:
    document = parse_document("name: [x]", "w")

    with pytest.raises(DocumentsInvalid) as caught:
        validate(document, Workflow)

    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_each_unknown_key_is_told_but_one_mistake_only_once() -> None:
    two = problems("name: x\njobs: {a: {job: M1, zzz: 1, yyy: 2}}")
    renamed = problems("nam: x\njobs: {a: {job: M1}}")

    assert len(two) == 2
    assert [one.partition(": error")[2][:13] for one in renamed] == ["[unknown-key]"]
