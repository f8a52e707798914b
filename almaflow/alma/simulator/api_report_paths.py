"""Folders of Analytics and what is in them (alma-api.md 17).

Entries have the name alone as value, `folder` or `report` as type, and the link that leads on:
to the folder's own list, or to the report's rows. Clients follow it without building a path.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from almaflow.alma.simulator.call import IncomingRequest
from almaflow.alma.simulator.reply import ApiError, EndpointResult

_SHARED = "/shared"


def list_report_paths(call: IncomingRequest) -> EndpointResult:
    """Answer GET /analytics/paths and /analytics/paths/{folder}: what is directly inside."""
    folder = _folder(call.ids[0] if call.ids else "")
    found = dict.fromkeys(_inside(call, folder))
    if not folder:
        found = {(_SHARED.lstrip("/"), "folder"): None}
    if not found and folder != _SHARED:
        raise ApiError("90109")
    shapes = [
        {"value": name, "type": kind, "link": _link(call, f"{folder}/{name}", kind)}
        for name, kind in found
    ]
    return EndpointResult("paths", call.list_of("path", shapes))


def _folder(text: str) -> str:
    """Return a path as reports have it: one slash before each part, none at the end."""
    return "".join(f"/{part}" for part in text.split("/") if part)


def _inside(call: IncomingRequest, folder: str) -> Iterator[tuple[str, str]]:
    institution = call.institution
    for report in institution.scenario.reports:
        if report.meant_for(institution.name) and report.path.startswith(f"{folder}/"):
            name, deeper, _ = report.path.removeprefix(f"{folder}/").partition("/")
            yield name, "folder" if deeper else "report"


def _link(call: IncomingRequest, path: str, kind: str) -> str:
    if kind == "report":
        return call.link(f"/analytics/reports?path={quote(path, safe='')}")
    return call.link(f"/analytics/paths/{quote(path, safe='')}")
