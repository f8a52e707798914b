"""Analytics reports, page by page (alma-api.md 17)."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from almaflow.alma.simulator.call import Call, hint
from almaflow.alma.simulator.made_up import report_at
from almaflow.alma.simulator.records import digest
from almaflow.alma.simulator.reply import Answer, ApiError
from almaflow.alma.simulator.scenario import Report
from almaflow.alma.simulator.wire import wants_json, xml_clean

# Analytics works in bulks of so many rows.
_BULK = 25
_MOST = 1000
_XML_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_NAMESPACES = (
    'xmlns:rowset="urn:schemas-microsoft-com:xml-analysis:rowset" '
    'xmlns="urn:schemas-microsoft-com:xml-analysis:rowset"'
)
_SCHEMA_NAMESPACES = (
    'xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
    'xmlns:saw-sql="urn:saw-sql" targetNamespace="urn:schemas-microsoft-com:xml-analysis:rowset"'
)


def read_report(call: Call) -> Answer:
    """Answer GET /analytics/reports: the first page by `path`, further ones by `token`."""
    institution, token = call.institution, call.query.get("token", "")
    by_path = not token
    if token:
        report, offset = _by_token(call, token)
    else:
        path = call.query.get("path", "")
        report, offset = _by_path(call, path), 0
        token = f"{digest(f'{institution.name} {path} {call.now}'):020d}"
    limit = _limit(call)
    ready = _is_ready(call, report)
    rows = report.rows[offset : offset + limit] if ready else ()
    finished = ready and offset + limit >= len(report.rows)
    if finished:
        institution.reports_asked_at.pop(report.path, None)
    has_token = by_path and (ready or not report.late_token)
    if has_token or not by_path:
        institution.keep_report_token(token, report.path, offset + len(rows))
    schema = _schema(report, call.query.get("col_names") != "false") if ready and not offset else ""
    body = (
        "<QueryResult>"
        f"{f'<ResumptionToken>{token}</ResumptionToken>' if has_token else ''}"
        f"<IsFinished>{'true' if finished else 'false'}</IsFinished><ResultXml>"
        f"<rowset:rowset {_NAMESPACES}>{schema}"
        f"{''.join(map(_row, rows))}</rowset:rowset></ResultXml></QueryResult>"
    )
    if wants_json(call.query, call.headers):
        # The rows stay XML even so.
        return Answer("report", {"anies": [_XML_HEAD + body]})
    return Answer("report", raw=f"{_XML_HEAD}<report>{body}</report>".encode())


def _is_ready(call: Call, report: Report) -> bool:
    """Whether Analytics has rows by now; it works on a report from when it is first asked for."""
    asked_at = call.institution.reports_asked_at.setdefault(report.path, call.now)
    return report.ready_after is None or call.now >= asked_at + report.ready_after


def _by_path(call: Call, path: str) -> Report:
    for report in call.institution.scenario.reports:
        if report.path == path and report.meant_for(call.institution.name):
            return report
    made_up = report_at(call.institution, path)
    if made_up is not None:
        return made_up
    advice = hint("reports", path=path, columns=["Barcode"], rows=[["39031000000011"]])
    raise ApiError("40166410", f"Parameter value invalid. path: {path}", hint=advice)


def _by_token(call: Call, token: str) -> tuple[Report, int]:
    if token not in call.institution.report_tokens:
        raise ApiError("40166410", "Parameter value invalid. token")
    path, offset = call.institution.report_tokens[token]
    return _by_path(call, path), offset


def _limit(call: Call) -> int:
    text = call.query.get("limit", "") or str(_BULK)
    if not (text.isdecimal() and len(text) < 10) or not _BULK <= int(text) <= _MOST:
        raise ApiError("40166410", "Parameter value invalid. limit")
    return -(-int(text) // _BULK) * _BULK


def _schema(report: Report, with_headings: bool) -> str:
    # Column0 is the server's own, not one of the report's.
    columns = "".join(
        f'<xsd:element name="Column{i}" type="xsd:string"{_heading(name, with_headings)}/>'
        for i, name in enumerate(("0", *report.columns))
    )
    return (
        f'<xsd:schema {_SCHEMA_NAMESPACES}><xsd:complexType name="Row"><xsd:sequence>'
        f"{columns}</xsd:sequence></xsd:complexType></xsd:schema>"
    )


def _heading(name: str, shown: bool) -> str:
    return f" saw-sql:columnHeading={quoteattr(xml_clean(name))}" if shown else ""


def _row(values: Sequence[str]) -> str:
    # A cell without value is an empty element, at the end of its row it is missing.
    there = len(values)
    while there and not values[there - 1]:
        there -= 1
    cells = "".join(
        f"<Column{i}>{escape(xml_clean(value))}</Column{i}>" if value else f"<Column{i}/>"
        for i, value in enumerate(values[:there], 1)
    )
    return f"<Row><Column0>0</Column0>{cells}</Row>"
