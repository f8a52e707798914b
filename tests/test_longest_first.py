"""The order of tests: each process of pytest begins with some of the longest."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import spread_longest


def items(lengths: list[bool]) -> list[Any]:
    """Return tests of which those are long whose entry is true."""
    return [SimpleNamespace(get_closest_marker=lambda _, long=long: long) for long in lengths]


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 6))
def test_each_test_is_kept_exactly_once(lengths: list[bool], processes: int) -> None:
    tests = items(lengths)

    spread = spread_longest(tests, processes)

    assert sorted(map(id, spread)) == sorted(map(id, tests))


def test_the_share_of_each_process_begins_with_long_tests() -> None:
    spread = spread_longest(items([False] * 9 + [True] * 3), 3)

    assert [bool(one.get_closest_marker("longest")) for one in spread] == [
        True,
        False,
        False,
        False,
    ] * 3
