"""A short run of mutated answers; `python -m tests.fuzz` plays thousands."""

from __future__ import annotations

from tests.examples import examples
from tests.fuzz import answers


def test_no_mutated_answer_ends_in_a_defect_takes_long_or_much_memory() -> None:
    assert answers.run(examples(100), seed=8) == []


def test_a_case_is_the_same_every_time() -> None:
    assert answers.case(8, 9) == answers.case(8, 9) == []
