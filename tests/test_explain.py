from __future__ import annotations

import textwrap

import pytest

from almaflow.document import parse_document
from almaflow.errors import RequestWrong
from almaflow.explain import explain
from almaflow.expressions.filters import FILTERS
from almaflow.model_validation import validate
from almaflow.problem_pages.texts import WIDTH
from almaflow.settings import Settings
from almaflow.steps.base import StepBase
from almaflow.workflow import Workflow, kinds
from almaflow.workflow_loader import load_text

# What the examples refer to: steps before them, of the kinds that have the outputs.
BEFORE = """\
inputs: {libraries: {type: list}}
steps:
  - {id: titles, find_set: {name: Titles}}
  - {id: withdraw, submit_job: {job: M157, set: "1"}}
  - {id: sync, run_profile: {integration: SIS}}
"""


def example_in(text: str) -> str:
    """Return the example that an explanation shows."""
    lines = text.partition("Example:\n")[2].splitlines()
    end = next(number for number, line in enumerate(lines) if not line.startswith("  "))
    return textwrap.dedent("\n".join(lines[:end])) + "\n"


@pytest.mark.parametrize("kind", kinds())
def test_the_example_of_every_kind_is_valid(kind: str) -> None:
    example = example_in(explain(kind))
    others = [
        f"  - {{id: {name}, find_set: {{name: x}}}}\n"
        for name in ("discarded", "report", "items", "unused")
        if f"id: {name}" not in example
    ]

    loaded = load_text(BEFORE + "".join(others) + textwrap.indent(example, "  "), "example.yaml")

    assert kind in {step.kind.key for step in loaded.workflow.steps}
    assert loaded.warnings == ()


def test_the_examples_of_whole_files_are_valid() -> None:
    workflow = load_text(example_in(explain("workflow")), "example.yaml")
    settings = validate(parse_document(example_in(explain("project")), "almaflow.yaml"), Settings)

    assert workflow.warnings == ()
    assert list(settings.institutions) == ["main"]


@pytest.mark.parametrize("kind", kinds())
def test_a_kind_is_explained_with_all_its_fields_and_outputs(kind: str) -> None:
    text = explain(kind)

    model = kinds()[kind]
    for name, field in model.model_fields.items():
        assert f"  {field.alias or name}: " in text
        assert " ".join((field.description or "").split()[:4]) in text
    for output in model.outputs:
        assert f"  {output} " in text


@pytest.mark.parametrize(
    "topic",
    [
        *(None, "workflow", "project", "step", "expressions", "step.retry", "institutions.limits"),
        *(field.alias or name for name, field in Workflow.model_fields.items()),
        *(
            f"{kind}.{field.alias or name}"
            for kind, model in kinds().items()
            for name, field in model.model_fields.items()
        ),
    ],
)
def test_every_topic_has_a_text_that_fits_a_terminal(topic: str | None) -> None:
    text = explain(topic)

    assert text.endswith("\n")
    assert max(len(line) for line in text.splitlines()) <= WIDTH
    assert "None" not in text
    assert "typing" not in text


def test_without_a_topic_everything_there_is_to_explain_is_listed() -> None:
    text = explain()

    for topic in (*kinds(), "workflow", "inputs", "schedule", "notify", "expressions", "step"):
        assert f"\n  {topic} " in text


def test_what_is_common_to_all_steps_is_explained_without_the_kinds() -> None:
    text = explain("step")

    for name, field in StepBase.model_fields.items():
        assert f"  {field.alias or name}: " in text
    assert "submit_job:" not in text


def test_a_field_is_explained_with_type_default_and_what_stands_in_it() -> None:
    text = explain("submit_job.job")

    assert text.startswith("submit_job.job\n\nThe job: its id, its name, or both.\n")
    assert "Takes: a mapping, or its `id` alone\nRequired." in text
    assert "  name: text\n      The name of the job in Alma" in text
    assert "Example of submit_job:" in text


def test_a_field_inside_a_field_is_explained() -> None:
    assert "Takes: an expression that is true or false" in explain("submit_job.expect.that")
    assert "Default: 1d" in explain("timeout")
    assert "Default: true" in explain("submit_job.wait")
    assert "`production` or `sandbox`" in explain("institutions.environment")


def test_names_that_a_file_chooses_itself_are_explained() -> None:
    text = explain("parallel")

    assert (
        "Fields:\n  <name>: a list; each entry is a step\n      A branch: a name of your "
        "choice, and its steps in order.\n"
    ) in text


def test_a_word_with_two_meanings_is_explained_twice() -> None:
    text = explain("notify")

    assert "Send a message to a channel" in text
    assert "Who is notified of the outcome of the run." in text
    assert "Fields:\n  on: a list" in text


def test_names_functions_and_filters_of_expressions_are_listed() -> None:
    text = explain("expressions")

    for word in (*FILTERS, "months(n)", "steps.x.y", "secrets.x", "undefined", "startswith"):
        assert word in text


@pytest.mark.parametrize(
    ("topic", "message"),
    [
        ("sumbit_job", "no topic `sumbit_job`; did you mean `submit_job`\\? Run"),
        ("zebra", "no topic `zebra`\\. Run `almaflow explain` for"),
        ("submit_job.jbo", r"`submit_job` has no field `jbo`; did you mean `job`\?"),
        (
            "submit_job.expect.zebra",
            r"`submit_job.expect` has no field `zebra`\. Its fields are `message`",
        ),
        ("submit_job.payload.x", r"`submit_job.payload` has no field `x`\."),
        ("notify.message.x.y", r"`notify.message` has no field `x`\."),
        ("expressions.x", "no topic `expressions`"),
    ],
)
def test_what_does_not_exist_is_a_wrong_request(topic: str, message: str) -> None:
    with pytest.raises(RequestWrong, match=message):
        explain(topic)
