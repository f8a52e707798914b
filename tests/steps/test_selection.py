"""`select`: whatever JMESPath is written, it ends soon, with a value or with one kind of error."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from almaflow.steps.selection import LONGEST, SelectFailed, SelectWrong, compile_select
from tests.examples import examples

DATA: dict[str, Any] = {
    "total": 2,
    "set": [{"id": "1", "n": 3, "tags": ["a", "b"]}, {"id": "2", "n": None, "tags": []}],
    "big": "x" * 100_000,
    "many": list(range(1000)),
}


@pytest.mark.parametrize(
    "text",
    [
        " | ".join(["[@, @]"] * 40),
        " | ".join(["{a: @, b: @}"] * 40),
        "set | " + " | ".join(["[@, @][]"] * 40),
        "many | " + " | ".join(["[@, @, @, @][]"] * 12),
        "many[*].[" + ",".join(["@"] * 2000) + "]",
        "join(big, many[*].to_string(@))",
        "[many, many, many, many][].[@, @, @, @, @, @, @, @, @, @][][].[@, @, @, @, @, @, @, @]"
        "[].[@, @, @, @, @, @, @, @, @, @, @, @, @, @, @, @, @, @]",
        " | ".join(["[to_string(@), to_string(@)]"] * 20),
        "[?" + " || ".join(["@ == @"] * 40) + "]",
        "many[::0]",
        "sort(set)",
        "abs(big)",
        "sum(set)",
        "ceil(big)",
        "max_by(set, &n)",
        "sort_by(set, &n)",
        "avg(set[*].id)",
    ],
)
def test_a_search_that_would_explode_or_does_not_fit_is_refused(text: str) -> None:
    selection = compile_select(text)

    if not text.startswith("[?"):
        with pytest.raises(SelectFailed) as caught:
            selection.search(DATA)
        assert str(caught.value)
    else:
        assert selection.search(DATA) is None


@pytest.mark.parametrize(
    "text",
    [
        "a" * (LONGEST + 1),
        "(" * 3000 + "a" + ")" * 3000,
        "[" * 3000 + "0" + "]" * 3000,
        "!" * 3000 + "a",
        " || ".join(["a"] * 200),
        "a[" + "9" * 5000 + "]",
        "`" + "[" * 5000 + "`",
        "'unfinished",
    ],
)
def test_what_is_too_deep_too_long_or_not_jmespath_is_refused(text: str) -> None:
    with pytest.raises(SelectWrong) as caught:
        compile_select(text)

    assert 0 <= caught.value.offset <= len(text)


def test_an_answer_that_is_nested_too_deep_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]

    with pytest.raises(SelectFailed):
        compile_select("@").search(deep)


_PIECES = """
set many big total n id tags [*] [0] [-1] [::2] [] . .* * @ & | || && ! ( ) [ ] { } , : ?
== < > 'x' `1` `null` length( sort( map( join( to_string( to_number( keys( merge( type(
[?n>`1`] sort_by(set,&n) max_by(set,&n) reverse( not_null( contains(
"""
_pieces = st.sampled_from([*_PIECES.split(), " "])


@given(st.lists(_pieces, max_size=10).map("".join))
@settings(max_examples=examples(100), deadline=None)
def test_any_select_is_refused_or_ends_in_one_way(text: str) -> None:
    try:
        compile_select(text).search(DATA)
    except (SelectWrong, SelectFailed):
        return
