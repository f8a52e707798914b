from __future__ import annotations

from typing import Any

import anyio
import pytest

from almaflow.alma.analytics import ReportPage, first_page, next_page
from almaflow.alma.calls import AlmaRequest
from almaflow.alma.errors import ResponseLost
from almaflow.alma.transport import WireResponse
from tests.alma.test_client import Scripted, client

HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
ROWSET = (
    '<rowset:rowset xmlns:rowset="urn:schemas-microsoft-com:xml-analysis:rowset" '
    'xmlns="urn:schemas-microsoft-com:xml-analysis:rowset">'
)
SCHEMA = (
    '<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:saw-sql="urn:saw-sql">'
    '<xsd:complexType name="Row"><xsd:sequence>'
    '<xsd:element name="Column0" type="xsd:int" saw-sql:columnHeading="0"/>'
    '<xsd:element name="Column1" type="xsd:string" saw-sql:columnHeading="Barcode"/>'
    '<xsd:element name="Column2" type="xsd:double"/>'
    "</xsd:sequence></xsd:complexType></xsd:schema>"
)


def page(inside: str, *, token: str = "", finished: str = "false") -> str:
    named = f"<ResumptionToken>{token}</ResumptionToken>" if token else ""
    return (
        f"{HEAD}<report><QueryResult>{named}<IsFinished>{finished}</IsFinished>"
        f"<ResultXml>{ROWSET}{inside}</rowset:rowset></ResultXml></QueryResult></report>"
    )


def read(body: str, call: AlmaRequest[Any] | None = None) -> tuple[ReportPage, Scripted]:
    kind = {"content-type": "application/xml;charset=UTF-8"}
    transport = Scripted(WireResponse(200, kind, body.encode()))
    found = anyio.run(client(transport).send, call or first_page("/shared/My Library/x"))
    return found, transport


@pytest.mark.parametrize(
    "rowset", ["rowset", 'rowset xmlns="urn:schemas-microsoft-com:xml-analysis:rowset"']
)
def test_a_row_set_without_a_prefix_is_read(rowset: str) -> None:
    inside = f"{SCHEMA}<Row><Column0>0</Column0><Column2>1.50</Column2></Row>"
    body = page("").replace(f"{ROWSET}</rowset:rowset>", f"<{rowset}>{inside}</rowset>")

    found, _ = read(body)

    assert found.headings == (("Column1", "Barcode"), ("Column2", "Column2"))
    assert found.rows == ({"Column2": "1.50"},)


def test_a_report_that_is_not_ready_has_no_rows() -> None:
    found, _ = read(
        f"{HEAD}<report><QueryResult><IsFinished>false</IsFinished><ResultXml/></QueryResult></report>"
    )

    assert found == ReportPage(token="", finished=False, headings=(), rows=())


def test_the_first_page_has_token_headings_and_rows() -> None:
    row = "<Row><Column0>0</Column0><Column1>0039</Column1><Column2>1.50</Column2></Row>"

    found, transport = read(page(SCHEMA + row, token=" T1 "))

    assert found == ReportPage(
        token="T1",
        finished=False,
        headings=(("Column1", "Barcode"), ("Column2", "Column2")),
        rows=({"Column1": "0039", "Column2": "1.50"},),
    )
    [request] = transport.requests
    assert request.headers["Accept"] == "application/xml"
    assert request.target == (
        "/almaws/v1/analytics/reports?path=%2Fshared%2FMy+Library%2Fx&limit=1000&col_names=true"
    )


def test_a_later_page_has_rows_only() -> None:
    rows = "<Row><Column1>1</Column1><Column2/></Row><Row><Column2>2</Column2></Row>"

    found, transport = read(page(rows, finished="true"), next_page("T1"))

    assert found == ReportPage("", True, (), ({"Column1": "1"}, {"Column2": "2"}))
    assert transport.requests[0].target == (
        "/almaws/v1/analytics/reports?token=T1&limit=1000&col_names=true"
    )


def test_a_report_may_have_nothing_to_say_yet() -> None:
    found, _ = read(page("", token="T1"))

    assert found == ReportPage("T1", False, (), ())


def test_a_report_without_a_result_is_still_worked_on() -> None:
    found, _ = read(
        f"{HEAD}<report><QueryResult><IsFinished>false</IsFinished></QueryResult></report>"
    )

    assert found == ReportPage("", False, (), ())


def test_a_filter_goes_with_the_first_call() -> None:
    call = first_page("/shared/x", "<a b='c'/>")

    assert call.query[-1] == ("filter", "<a b='c'/>")


@pytest.mark.parametrize(
    "body",
    [
        "<report/>",
        "<report><QueryResult><IsFinished>maybe</IsFinished></QueryResult></report>",
        '{"anies": ["<QueryResult/>"]}',
    ],
)
def test_an_answer_that_is_no_report_counts_as_lost(body: str) -> None:
    with pytest.raises(ResponseLost):
        read(body)
