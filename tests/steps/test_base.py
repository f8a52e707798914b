"""What all steps share: exactly one kind, and kinds that say how they are performed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from almaflow.errors import DocumentsInvalid
from almaflow.steps import output_size
from almaflow.steps.base import Kind
from almaflow.store import json_values
from almaflow.workflow import kinds
from tests.harness import Stage


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        (
            "[{notify: a, wait: 1m}]",
            "A step does one thing, but this step has the keys `notify` and `wait`. Write a "
            "separate step for each key (a line that begins with `-`).",
        ),
        ("[{id: a, name: b}]", "This step has no kind. Add one of the keys "),
        ("[just text]", "is expected here"),
    ],
)
def test_a_step_names_exactly_one_kind(
    set_stage: Callable[..., Stage], steps: str, told: str
) -> None:
    with pytest.raises(DocumentsInvalid) as caught:
        set_stage().run(f"steps: {steps}")

    assert told in str(caught.value)


def test_a_kind_that_does_not_say_how_it_is_performed_is_a_defect() -> None:
    class Idle(Kind):
        key = "idle"

    with pytest.raises(NotImplementedError, match="Idle does not define `perform`"):
        asyncio.run(Idle().perform(cast("Any", None)))


def test_every_kind_says_how_it_is_performed() -> None:
    for kind in kinds().values():
        assert kind.perform is not Kind.perform


def test_steps_know_how_much_the_store_takes() -> None:
    assert output_size.LARGEST == json_values.LARGEST
