"""A made-up answer has what a JMESPath of `select` looks for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import jmespath
import pytest

from almaflow.alma.simulator.made_up_values import MadeUpValues
from almaflow.expressions.demands import ANY, NUMBER, TEXT, Demand, each, having
from almaflow.steps.selected import selected

SOME = each(TEXT)


def made_for(select: str, wanted: Demand) -> Any:
    demand = selected(jmespath.compile(select).parsed, wanted)
    values = MadeUpValues("99%010d0009990", datetime(2026, 11, 1, tzinfo=UTC))
    return values.value(demand, "answer")


@pytest.mark.parametrize(
    ("select", "wanted"),
    [
        ("name", TEXT),
        ("content.value", TEXT),
        ("set[0].id", TEXT),
        ("set[1:3].id", SOME),
        ("set[].id", SOME),
        ("set[*].{n: name, i: id}", each(having("n", TEXT))),
        ("set[*].[name, id]", each(SOME)),
        ("set[?count > `100`].id", SOME),
        ("set[?`100` <= count].id", SOME),
        ("set[?name == 'Links'] | [0].id", TEXT),
        ("set[?name == 'Links' && !hidden].id", SOME),
        ("set[?name == 'Links' || name == 'Books'].id", SOME),
        ("set[?private == `true`].id", SOME),
        ("set[?contains(name, 'Links')].id", SOME),
        ("set[?starts_with(name, 'Links')].id", SOME),
        ("*.value", SOME),
        ("collection[].sub[].id", SOME),
        ("length(set)", NUMBER),
        ("sum(loan[].fee)", NUMBER),
        ("max(loan[].fee)", NUMBER),
        ("sort(loan[].name)", SOME),
        ("sort_by(set, &name)[].id", SOME),
        ("max_by(loan, &fee).id", TEXT),
        ("map(&name, set)", SOME),
        ("join(',', set[].name)", TEXT),
        ("not_null(missing.x, name)", TEXT),
        ("to_number(fee)", NUMBER),
        ("keys(fund)", SOME),
        ("@.name", TEXT),
        ("name && id", TEXT),
        ("name || id", TEXT),
    ],
)
def test_what_a_select_looks_for_is_there(select: str, wanted: Demand) -> None:
    found = jmespath.search(select, made_for(select, wanted))
    assert found not in (None, [], {}, "")


@pytest.mark.parametrize("select", ["`5`", "'text'", "`[1, 2]`"])
def test_a_literal_asks_for_nothing(select: str) -> None:
    assert selected(jmespath.compile(select).parsed, ANY) == ANY
