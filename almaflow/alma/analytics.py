"""Reports of Alma Analytics: the calls that read them page by page, and what a page holds.

Source: `alma-api.md`, 17.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from almaflow.alma import value_parsing
from almaflow.alma.calls import AlmaRequest
from almaflow.late_dataclasses import dataclass

ROWS_IN_ONE_CALL = 1000
"""The largest number of rows in one response; the server works in bulks of 25."""

# Timeout (seconds): Analytics computes a report when it is requested.
_TIMEOUT = 300.0

# In JSON, Alma returns the rows as a text that contains XML.
_XML = "application/xml"

# A constant that the server puts into every row; not a column of the report.
_CONSTANT = "Column0"


@dataclass(frozen=True)
class ReportPage:
    """One response with a part of a report.

    *token* requests the next page; it is empty in all responses but the first. *headings* are the
    report's columns as (name in the rows, heading), in their order, and are empty in later
    responses. A row has the cells that have a value, by the name of their column. Without rows, and
    not *finished*, Analytics is still computing the report.
    """

    token: str
    finished: bool
    headings: tuple[tuple[str, str], ...]
    rows: tuple[Mapping[str, str], ...]


def first_page(path: str, filter: str = "") -> AlmaRequest[ReportPage]:
    """Read the first page of the report at *path* of Analytics' catalogue.

    *filter* is an XML expression over the report's prompted columns.
    """
    query = [("path", path), ("limit", str(ROWS_IN_ONE_CALL)), ("col_names", "true")]
    if filter:
        query.append(("filter", filter))
    return _read(tuple(query), f"read the report {path}")


def next_page(token: str) -> AlmaRequest[ReportPage]:
    """Read the next page; the *token* of the first response is valid for all pages."""
    query = (("token", token), ("limit", str(ROWS_IN_ONE_CALL)), ("col_names", "true"))
    return _read(query, "read the report's next page")


def _read(query: tuple[tuple[str, str], ...], name: str) -> AlmaRequest[ReportPage]:
    return AlmaRequest("GET", "/analytics/reports", query, None, _page, _TIMEOUT, name, accept=_XML)


def _page(data: Any) -> ReportPage:
    result = value_parsing.fields(data, "a report").get("QueryResult")
    result = value_parsing.fields(result, "a report")
    finished = value_parsing.flag(result.get("IsFinished"))
    if finished is None:
        raise value_parsing.UnreadableResponse(
            "the response does not state whether the report is finished"
        )
    whole = result.get("ResultXml")
    rowset = whole.get("rowset") if isinstance(whole, Mapping) else None
    token = value_parsing.text(result.get("ResumptionToken")).strip()
    if len(token) > value_parsing.LONGEST_NAME:
        raise value_parsing.UnreadableResponse(
            f"its token has {len(token)} characters, more than almaflow accepts"
        )
    return ReportPage(
        token=token,
        finished=finished,
        headings=_headings(rowset),
        rows=tuple(_row(row) for row in value_parsing.items(rowset, "Row")),
    )


def _headings(rowset: Any) -> tuple[tuple[str, str], ...]:
    """Return the columns that the schema in front of the first rows declares."""
    inside = rowset
    for name in ("schema", "complexType", "sequence"):
        inside = inside.get(name) if isinstance(inside, Mapping) else None
    columns = [one for one in value_parsing.items(inside, "element") if isinstance(one, Mapping)]
    named = ((value_parsing.text(one.get("name")), one) for one in columns)
    return tuple(
        (name, value_parsing.text(one.get("columnHeading")).strip() or name)
        for name, one in named
        if name != _CONSTANT
    )


def _row(row: Any) -> dict[str, str]:
    cells = row.items() if isinstance(row, Mapping) else ()
    return {
        name: text
        for name, cell in cells
        if name != _CONSTANT and (text := value_parsing.text(cell))
    }
