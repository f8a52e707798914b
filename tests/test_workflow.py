from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module, metadata
from pathlib import Path
from typing import Annotated, ClassVar

import pytest
from pydantic import Field

import almaflow.steps
from almaflow.document import parse_document
from almaflow.errors import DocumentsInvalid
from almaflow.expressions import TEXT
from almaflow.field_types import Plain, Template
from almaflow.model_validation import validate
from almaflow.steps.added_kinds import ENTRY_POINTS
from almaflow.steps.base import Kind, StepBase
from almaflow.workflow import MOST_DECLARED, Workflow, _make_step, kinds


def workflow(text: str) -> Workflow:
    return validate(parse_document(text, "workflow.yaml"), Workflow)


def step(text: str) -> StepBase:
    return workflow(f"steps:\n  - {text}\n").steps[0]


@pytest.mark.parametrize("key", kinds())
def test_a_kind_is_one_file_with_docstring_and_example(key: str) -> None:
    kind = kinds()[key]

    assert kind.key == key
    assert kind.__module__ == f"almaflow.steps.{key}"
    assert key in kind.example
    assert kind.__doc__
    assert import_module(kind.__module__).__doc__


def test_every_file_of_a_kind_is_in_the_union() -> None:
    folder = Path(almaflow.steps.__file__ or "").parent
    files = {file.stem for file in folder.glob("*.py") if "\n    key = " in file.read_text("utf-8")}

    assert files == set(kinds())


@pytest.mark.parametrize("key", ["inputs", "vars"])
def test_a_file_declares_at_most_so_many_names(key: str) -> None:
    def declaring(count: int) -> str:
        names = "".join(f"  x{n}: {{default: 1}}\n" for n in range(count))
        return f"{key}:\n{names}steps: [{{wait: 1m}}]\n"

    assert len(getattr(workflow(declaring(MOST_DECLARED)), key)) == MOST_DECLARED
    with pytest.raises(DocumentsInvalid) as caught:
        workflow(declaring(MOST_DECLARED + 1))

    assert [problem.code for problem in caught.value.problems] == ["bad-value"]


def test_the_present_key_chooses_the_kind() -> None:
    assert step("{id: x, wait: 10m}").kind.key == "wait"
    assert step("stop:").kind.key == "stop"
    assert step("stop: ~").kind.key == "stop"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{id: x}",
            "has no kind. Add one of the keys `append_file`, `approve`, `branch`",
        ),
        ("{wait: 10m, stop: x}", "this step has the keys `wait` and `stop`"),
        ("", "has no kind. Add"),
        ("wait", "A mapping"),
        ("fail:", "`fail` needs the key `message`"),
        ("fail: null", "`fail` needs the key `message`"),
        ("{stpo: x}", "did you mean `stop`"),
    ],
)
def test_a_step_without_one_kind_is_refused(text: str, message: str) -> None:
    with pytest.raises(DocumentsInvalid, match=message):
        step(text)


def test_a_step_without_id_is_called_by_kind_and_place() -> None:
    assert step("stop:").label(3) == "stop-3"
    assert step("{id: x, stop: }").label(3) == "x"


def test_an_input_with_a_default_is_not_required() -> None:
    read = workflow("inputs: {a: , b: {default: }, c: {default: ''}}\nsteps: [{stop: }]\n").inputs

    assert [read[name].is_required for name in "abc"] == [True, True, False]


def test_texts_of_values_are_templates_and_other_scalars_stay_what_they_are() -> None:
    read = workflow("vars: {a: {b: [x, 012, 1.5, '2']}}\nsteps: [{stop: }]\n").vars

    assert read["a"]["b"] == [
        Template("x"),
        Plain("012", 12),
        Plain("1.5", 1.5),
        Template("2"),
    ]


def test_what_is_not_said_has_its_default() -> None:
    read = workflow("steps: [{stop: }]\n")

    assert (read.environment, read.overlap) == ("any", "queue_one")
    assert read.timeout == timedelta(hours=24)
    assert read.defaults.poll.first == timedelta(seconds=10)
    assert (read.finally_, read.notify, read.schedule) == ([], [], [])


def test_a_schedule_entry_has_one_kind_of_time() -> None:
    entries = workflow(
        "schedule:\n"
        '  - cron: "@daily"\n'
        "    except: [closed]\n"
        "  - {every: 1s}\n"
        "  - {dates: [2026-12-24]}\n"
        "steps: [{stop: }]\n"
    ).schedule

    assert entries[0].except_ == ["closed"]
    assert entries[1].every == timedelta(seconds=1)
    assert entries[2].dates == ["2026-12-24"]


# --- kinds of other packages ------------------------------------------------------------------


class Greet(Kind):
    """Say hello."""

    key = "greet"
    short: ClassVar[str | None] = "whom"
    outputs: ClassVar = {"said": TEXT}
    example = "- greet: world\n"

    whom: Annotated[Template, Field(description="Who is greeted.")]


class SecondWait(Kind):
    """Wait in another way."""

    key = "wait"
    example = "- wait: x\n"


@pytest.fixture
def other_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[type[Kind]], None]:
    """Return what installs a package that adds a kind."""

    def install(kind: type[Kind]) -> None:
        folder = tmp_path / "other-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(f"[{ENTRY_POINTS}]\n{kind.key} = other:Kind\n")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(metadata.EntryPoint, "load", lambda self: kind)

    return install


def test_another_package_can_add_a_kind(other_package: Callable[[type[Kind]], None]) -> None:
    other_package(Greet)

    extended = _make_step()

    read = extended.model_validate({"id": "x", "greet": "{{ inputs.name }}"})
    assert isinstance(read.kind, Greet)
    assert read.kind.whom == Template("{{ inputs.name }}")
    assert extended.kind_keys() == {*kinds(), "greet"}


def test_a_kind_that_exists_cannot_be_added_again(
    other_package: Callable[[type[Kind]], None],
) -> None:
    other_package(SecondWait)

    with pytest.raises(ImportError, match="`wait`, which already exists"):
        _make_step()
