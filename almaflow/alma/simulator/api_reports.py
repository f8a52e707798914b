"""Analytics reports, page by page (alma-api.md 17)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from almaflow.alma.simulator import advice
from almaflow.alma.simulator.call import IncomingRequest
from almaflow.alma.simulator.made_up import report_at
from almaflow.alma.simulator.records import digest
from almaflow.alma.simulator.reply import ApiError, EndpointResult
from almaflow.alma.simulator.scenario import Report
from almaflow.alma.simulator.wire import wants_json, xml_clean

# Analytics works in bulks of so many rows.
_BULK = 25
_MOST = 1000
# What Alma answers to a path that leads nowhere.
_SERVER_ERROR = "INTERNAL_SERVER_ERROR"
_XML_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
# In JSON the rows are a text of XML, whose head names an encoding that the text does not have.
_JSON_HEAD = '<?xml version="1.0" encoding="UTF-16"?>'
_ROWSET = "urn:schemas-microsoft-com:xml-analysis:rowset"
_SCHEMA_NAMESPACES = (
    'xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
    f'xmlns:saw-sql="urn:saw-sql" targetNamespace="{_ROWSET}"'
)
# The types that Analytics gives to columns, as it names them and as XML Schema does.
_TEXT = ("varchar", "xsd:string")
_DATE = ("date", "xsd:date")
_INSTANT = ("timestamp", "xsd:dateTime")
_DAY = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d)?", re.A)


def read_report(call: IncomingRequest) -> EndpointResult:
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
    as_json = wants_json(call.query, call.headers)
    shown = _rowset(report, rows, call, with_schema=not offset) if ready else ""
    body = (
        "<QueryResult>"
        f"{f'<ResumptionToken>{token}</ResumptionToken>' if has_token else ''}"
        f"<IsFinished>{'true' if finished else 'false'}</IsFinished>"
        f"{f'<ResultXml>{shown}</ResultXml>' if shown else '<ResultXml/>'}</QueryResult>"
    )
    if as_json:
        return EndpointResult("report", {"anies": [_JSON_HEAD + body]})
    return EndpointResult("report", raw=f"{_XML_HEAD}<report>{body}</report>".encode())


def _rowset(
    report: Report, rows: Sequence[Sequence[str]], call: IncomingRequest, *, with_schema: bool
) -> str:
    # Until about November 2024 the row set in JSON had no namespace; clients in use need it.
    schema = (
        _schema(report, call.query.get("col_names", "").lower() != "false") if with_schema else ""
    )
    return f'<rowset xmlns="{_ROWSET}">{schema}{"".join(map(_row, rows))}</rowset>'


def _is_ready(call: IncomingRequest, report: Report) -> bool:
    """Whether Analytics has rows by now; it works on a report from when it is first asked for."""
    asked_at = call.institution.reports_asked_at.setdefault(report.path, call.now)
    return report.ready_after is None or call.now >= asked_at + report.ready_after


def _by_path(call: IncomingRequest, path: str) -> Report:
    for report in call.institution.scenario.reports:
        if report.path == path and report.meant_for(call.institution.name):
            return report
    made_up = report_at(call.institution, path)
    if made_up is not None:
        return made_up
    if not path:
        raise ApiError("40166410", "Parameter value invalid. path: ")
    line = advice.report(call.institution, path)
    raise ApiError(_SERVER_ERROR, f"Path not found ({path})", status=500, hint=line)


def _by_token(call: IncomingRequest, token: str) -> tuple[Report, int]:
    if token not in call.institution.report_tokens:
        raise ApiError("40166410", "Parameter value invalid. token")
    path, offset = call.institution.report_tokens[token]
    return _by_path(call, path), offset


def _limit(call: IncomingRequest) -> int:
    text = call.query.get("limit", "") or str(_BULK)
    if not (text.isdecimal() and len(text) < 10) or not _BULK <= int(text) <= _MOST:
        raise ApiError("40166410", "Parameter value invalid. limit")
    return -(-int(text) // _BULK) * _BULK


def _schema(report: Report, with_headings: bool) -> str:
    table = report.path.rpartition("/")[2]
    # Column0 is the server's own, not one of the report's.
    own = _element(0, "0" * with_headings, "", "s_0", ("integer", "xsd:int"), always=True)
    columns = "".join(
        _column(report, i, name, table, with_headings) for i, name in enumerate(report.columns, 1)
    )
    return (
        f'<xsd:schema {_SCHEMA_NAMESPACES}><xsd:complexType name="Row"><xsd:sequence>'
        f"{own}{columns}</xsd:sequence></xsd:complexType></xsd:schema>"
    )


def _column(report: Report, index: int, name: str, table: str, with_headings: bool) -> str:
    cells = [row[index - 1] if index <= len(row) else "" for row in report.rows]
    kind = _type_of([cell for cell in cells if cell])
    if not with_headings:
        return _element(index, "", "", f"s_{index}", kind, always=all(cells))
    return _element(index, name, table, f'"{table}"."{name}"', kind, always=all(cells))


def _type_of(values: Sequence[str]) -> tuple[str, str]:
    days = [_DAY.fullmatch(value) for value in values]
    if not days or not all(days):
        return _TEXT
    with_time = {bool(day and day[1]) for day in days}
    if len(with_time) > 1:
        return _TEXT
    return _INSTANT if with_time == {True} else _DATE


def _element(
    index: int, heading: str, table: str, formula: str, kind: tuple[str, str], *, always: bool
) -> str:
    fields = [("maxOccurs", "1"), ("minOccurs", "1" if always else "0"), ("name", f"Column{index}")]
    if heading:
        fields.append(("saw-sql:columnHeading", heading))
    fields.append(("saw-sql:displayFormula", formula))
    if heading:
        fields.append(("saw-sql:tableHeading", table))
    fields += [("saw-sql:type", kind[0]), ("type", kind[1])]
    shown = " ".join(f"{name}={quoteattr(xml_clean(value))}" for name, value in fields)
    return f"<xsd:element {shown}/>"


def _row(values: Sequence[str]) -> str:
    # A cell without value is missing from its row, wherever it is.
    cells = "".join(
        f"<Column{i}>{escape(xml_clean(value))}</Column{i}>"
        for i, value in enumerate(values, 1)
        if value
    )
    return f"<Row><Column0>0</Column0>{cells}</Row>"
