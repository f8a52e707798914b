"""Patterns of a scenario: what fits them, within time that has a bound."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from almaflow.alma.simulator.scenario_fields import fits


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=10))
def test_a_glob_fits_what_python_says_that_it_fits(pattern: str, text: str) -> None:
    assert fits(pattern, text) == fnmatch.fnmatchcase(text, pattern)


@pytest.mark.parametrize("pattern", ["*a" * 40 + "*b", "*?a" * 40 + "b", "*" * 1000 + "b"])
def test_a_glob_that_fits_nothing_is_not_tried_without_end(pattern: str) -> None:
    assert not fits(pattern, "a" * 500)
