"""Values as JSON for the store: what is encoded comes back equal."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from almaflow.expressions.serialization import decode, encode, plain
from almaflow.expressions.values import Counters, Period

ZURICH = ZoneInfo("Europe/Zurich")
COUNTERS = Counters([{"key": "a", "label": "A", "value": "1"}])


def there_and_back(value: Any) -> Any:
    return decode(json.loads(json.dumps(encode(value))), ZURICH)


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, 1.5, "text", "$instant", [], {}, ["a", [1, {"b": None}]],
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 2, 30, 0, 5, tzinfo=ZURICH, fold=1),
        date(2026, 3, 2),
        Period(months=2, days=-1, elapsed=timedelta(hours=3, microseconds=1)),
        COUNTERS, Counters(),
        {"a": {"b": [date(2026, 3, 2), COUNTERS]}},
        {"$instant": "x"}, {"$date": 5}, {"$mapping": [["a", 1]]}, {"$unknown": {"$date": 1}},
        {"$date": "2026-03-02", "more": 1},
    ],
)  # fmt: skip
def test_what_is_encoded_comes_back_equal(value: Any) -> None:
    back = there_and_back(value)

    if isinstance(value, datetime):
        # Across zones, equality is blind in the hour that clocks repeat.
        value, back = value.astimezone(UTC), back.astimezone(UTC)
    assert back == value
    assert type(back) is type(value)


def test_instants_come_back_in_the_zone_asked_for() -> None:
    back = there_and_back(datetime(2026, 10, 25, 1, 30, tzinfo=UTC))

    assert (back.tzinfo, back.hour, back.fold) == (ZURICH, 2, 1)


def test_what_has_no_form_of_its_own_becomes_the_nearest() -> None:
    assert there_and_back(timedelta(hours=2)) == Period(elapsed=timedelta(hours=2))
    assert there_and_back((1, 2)) == [1, 2]
    assert there_and_back({1: "a", None: "b"}) == {"1": "a", "None": "b"}
    assert there_and_back({date(2026, 3, 2): 1}) == {"2026-03-02": 1}


def test_people_read_plain_values() -> None:
    value = {
        "at": datetime(2026, 3, 2, 8, tzinfo=UTC),
        "on": date(2026, 3, 2),
        "all": COUNTERS,
        "for": Period(days=1, elapsed=timedelta(hours=2)),
        "map": {"$date": date(2026, 3, 2)},
        "list": [1, "a", None],
    }

    assert plain(encode(value)) == {
        "at": "2026-03-02T08:00:00+00:00",
        "on": "2026-03-02",
        "all": [{"key": "a", "label": "A", "value": "1"}],
        "for": plain(encode(Period(days=1, elapsed=timedelta(hours=2)))),
        "map": {"$date": "2026-03-02"},
        "list": [1, "a", None],
    }
    assert isinstance(plain(encode(value))["for"], str)


_KEYS = st.text(max_size=4) | st.sampled_from(["$instant", "$date", "$span", "$mapping"])
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.dates()
    | st.datetimes(
        min_value=datetime(1900, 1, 1),
        max_value=datetime(2200, 1, 1),
        timezones=st.just(UTC),
    )
    | st.builds(
        Period,
        st.integers(-50, 50),
        st.integers(-50, 50),
        st.timedeltas(timedelta(days=-9), timedelta(days=9)),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(_VALUES)
def test_every_value_comes_back_equal(value: Any) -> None:
    assert decode(json.loads(json.dumps(encode(value))), UTC) == value
