from __future__ import annotations

import pytest

from almaflow.alma.errors import NotInAlma
from almaflow.alma.set_creation import Combined, CopyOf, OfRun, Origin, create_set


def test_a_set_is_logical_with_a_query_and_itemized_without() -> None:
    logical = create_set("n", "ITEM", query="ITEM where …", description="d")
    empty = create_set("n", "ITEM", private=True)

    assert logical.body == {
        "name": "n",
        "type": {"value": "LOGICAL"},
        "content": {"value": "ITEM"},
        "private": {"value": "false"},
        "status": {"value": "ACTIVE"},
        "description": "d",
        "query": {"value": "ITEM where …"},
    }
    assert empty.body["type"] == {"value": "ITEMIZED"}
    assert empty.body["private"] == {"value": "true"}
    assert (empty.method, empty.path, empty.query) == ("POST", "/conf/sets", ())
    assert empty.timeout == 600


@pytest.mark.parametrize(
    ("origin", "query"),
    [
        (CopyOf("80"), (("from_logical_set", "80"),)),
        (Combined("NOT", "80", "81"), (("combine", "NOT"), ("set1", "80"), ("set2", "81"))),
        (OfRun("389", "X"), (("population", "X"), ("job_instance_id", "389"))),
    ],
)
def test_what_alma_fills_a_set_from_stands_in_the_query(
    origin: Origin, query: tuple[tuple[str, str], ...]
) -> None:
    call = create_set("n", "BIB_MMS", origin=origin)

    assert call.query == query
    assert call.body["type"] == {"value": "ITEMIZED"}


@pytest.mark.parametrize(
    ("origin", "noun"),
    [
        (Combined("AND", "80", ""), "set"),
        (CopyOf(" . "), "set"),
        (OfRun("", "X"), "job instance"),
    ],
)
def test_an_empty_id_never_makes_another_set(origin: Origin, noun: str) -> None:
    with pytest.raises(NotInAlma, match=f"The id of the {noun} is empty"):
        create_set("n", "ITEM", origin=origin)
