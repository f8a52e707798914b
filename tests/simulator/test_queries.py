"""The query language of logical sets, as far as it is checked."""

from __future__ import annotations

import pytest

from almaflow.alma.simulator.queries import check_query
from almaflow.alma.simulator.reply import ApiError

GOOD = [
    'BIB_MMS where BIB_MMS ((all CONTAIN "991082448539705501"))',
    'BIB_MMS where BIB_MMS (all CONTAIN "9")',
    'BIB_MMS where BIB_MMS ((mms_id GREATER_EQUAL "1") AND BIB_MMS (mms_id LESS_THAN "2") '
    "AND BIB_MMS (series NOT_EMPTY))",
    "IEP where HOLDING ((permanentPhysicalLocation OUTER_EQUAL ((EHB : 8O4))))",
    "ITEM where HOLDING ((permanentPhysicalLocation OUTER_EQUAL ((E260 : 2602))) "
    'AND ITEM (arrivalDate BEFORE "2022-08-05"))',
    'BIB_MMS where BIB_MMS ((local_field_983 CONTAIN "a AND ( b") OR BIB_MMS (x EQUAL "1"))',
    'ITEM where ITEM (((a CONTAIN "a") OR (b CONTAIN "b")) NOT ITEM (c EQUAL ""))',
]
BAD = [
    "nonsense",
    "BIB_MMS where",
    'BIB_MMS where BIB_MMS ((all CONTAIN "9)',
    'BIB_MMS where BIB_MMS ((all CONTAIN "9" "))',
    'BIB_MMS where BIB_MMS (("a" b))',
    "BIB_MMS where BIB_MMS ((all CONTAIN))",
    'BIB_MMS where BIB_MMS ((all CONTAIN "9")) OR x',
    'BIB_MMS where BIB_MMS )(all CONTAIN "9")',
    'BIB_MMS where BIB_MMS (((all CONTAIN "9"))',
]


@pytest.mark.parametrize("query", GOOD)
def test_queries_from_real_libraries_pass(query: str) -> None:
    check_query(query, query.split()[0])


@pytest.mark.parametrize("query", BAD)
def test_queries_that_do_not_parse_are_refused(query: str) -> None:
    with pytest.raises(ApiError) as caught:
        check_query(query, "BIB_MMS")

    assert (caught.value.code, caught.value.message) == ("402270", f"Failed parsing quer. {query}")


def test_the_first_word_must_be_the_sets_content() -> None:
    with pytest.raises(ApiError) as caught:
        check_query(GOOD[0], "ITEM")

    assert caught.value.code == "402269"
