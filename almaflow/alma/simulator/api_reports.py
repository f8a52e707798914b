"""Analytics reports, page by page (alma-api.md 17)."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from almaflow.alma.simulator.call import Call, hint
from almaflow.alma.simulator.records import digest
from almaflow.alma.simulator.reply import Answer, ApiError
from almaflow.alma.simulator.scenario import Report

# Analytics works in bulks of so many rows.
_BULK = 25
_MOST = 1000
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
    if token:
        report, offset = _by_token(call, token)
    else:
        path = call.query.get("path", "")
        report, offset = _by_path(call, path), 0
        token = f"{digest(f'{institution.name} {path} {call.now}'):020d}"
    limit = _limit(call)
    rows = report.rows[offset : offset + limit]
    finished = offset + limit >= len(report.rows)
    institution.report_tokens[token] = (report.path, offset + len(rows))
    first = offset == 0
    body = (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?><report><QueryResult>'
        f"{f'<ResumptionToken>{token}</ResumptionToken>' if first else ''}"
        f"<IsFinished>{'true' if finished else 'false'}</IsFinished><ResultXml>"
        f"<rowset:rowset {_NAMESPACES}>{_schema(report) if first else ''}"
        f"{''.join(map(_row, rows))}</rowset:rowset></ResultXml></QueryResult></report>"
    )
    return Answer("report", raw=body.encode())


def _by_path(call: Call, path: str) -> Report:
    for report in call.institution.scenario.reports:
        if report.path == path and report.meant_for(call.institution.name):
            return report
    advice = hint("reports", path=path, columns=["Barcode"], rows=[["39031000000011"]])
    raise ApiError("40166410", f"Parameter value invalid. path: {path}", hint=advice)


def _by_token(call: Call, token: str) -> tuple[Report, int]:
    if token not in call.institution.report_tokens:
        raise ApiError("40166410", "Parameter value invalid. token")
    path, offset = call.institution.report_tokens[token]
    return _by_path(call, path), offset


def _limit(call: Call) -> int:
    text = call.query.get("limit", "") or str(_BULK)
    if not text.isdecimal() or not _BULK <= int(text) <= _MOST:
        raise ApiError("40166410", "Parameter value invalid. limit")
    return -(-int(text) // _BULK) * _BULK


def _schema(report: Report) -> str:
    # Column0 is the server's own, not one of the report's.
    columns = "".join(
        f'<xsd:element name="Column{i}" type="xsd:string" saw-sql:columnHeading={quoteattr(name)}/>'
        for i, name in enumerate(("0", *report.columns))
    )
    return (
        f'<xsd:schema {_SCHEMA_NAMESPACES}><xsd:complexType name="Row"><xsd:sequence>'
        f"{columns}</xsd:sequence></xsd:complexType></xsd:schema>"
    )


def _row(values: Sequence[str]) -> str:
    # A cell without value is missing from its row.
    cells = "".join(
        f"<Column{i}>{escape(value)}</Column{i}>" for i, value in enumerate(values, 1) if value
    )
    return f"<Row><Column0>0</Column0>{cells}</Row>"
