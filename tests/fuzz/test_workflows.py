"""A short run of mutated workflow files; `python -m tests.fuzz` plays tens of thousands."""

from __future__ import annotations

from tests.examples import examples
from tests.fuzz import workflows


def test_no_mutated_workflow_ends_in_a_defect_takes_long_or_much_memory() -> None:
    assert workflows.run(examples(60), seed=8) == []


def test_a_mutated_file_is_the_same_every_time() -> None:
    assert workflows.mutated(8, 9) == workflows.mutated(8, 9)
