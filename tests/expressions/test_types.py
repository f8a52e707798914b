"""Types: what kind of value each stands for."""

from __future__ import annotations

from almaflow.expressions import ANYTHING, TEXT, MaybeMissing, RecordType, Type


def test_a_type_of_which_nothing_is_known_has_no_kind() -> None:
    assert Type().kind == ""
    assert ANYTHING.kind == ""


def test_an_output_that_may_be_missing_has_the_kind_it_has_when_it_is_there() -> None:
    assert MaybeMissing(TEXT, "a", "it has an `if`").kind == "text"
    assert MaybeMissing(RecordType({}, "key"), "a", "it has an `if`").kind == "mapping"
