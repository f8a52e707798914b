"""What other clients read beside jobs and sets: libraries, letters, tables, tests of keys.

Source: alma-api.md 9.3, 17. Forms that no source confirms are those of the neighbouring lists.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from almaflow.alma.simulator.call import Call
from almaflow.alma.simulator.reply import Answer, ApiError
from almaflow.alma.simulator.texts import coded

# Code and name of each library, and of each of its locations.
_LIBRARIES = {
    "MAIN": ("Main Library", {"STACKS": "Open stacks", "RESERVE": "Course reserves"}),
    "SCIENCE": ("Science Library", {"STACKS": "Open stacks"}),
    "DEPOT": ("Depot", {"CLOSED": "Closed stacks"}),
}
_DEPARTMENTS = {"ACQ": "Acquisitions", "DIGITIZATION": "Digitization", "CATALOGING": "Cataloging"}
_LETTERS = {
    "OverdueNoticeLetter": "Overdue notice letter",
    "HoldShelfLetter": "Ful hold shelf letter",
    "LoanReceiptLetter": "Loan receipt letter",
}
_MAPPING_TABLES = {"CustomerParameters": "Customer parameters", "OtherSettings": "Other settings"}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WEEK = 7


def list_libraries(call: Call) -> Answer:
    """Answer GET /conf/libraries."""
    return _listed(call, "libraries", "library", [_library(call, code) for code in _LIBRARIES])


def get_library(call: Call) -> Answer:
    """Answer GET /conf/libraries/{code}."""
    return Answer("library", _library(call, _code(call)))


def list_locations(call: Call) -> Answer:
    """Answer GET /conf/libraries/{code}/locations."""
    library = _code(call)
    shapes = [_location(call, library, code) for code in _LIBRARIES[library][1]]
    return _listed(call, "locations", "location", shapes)


def get_location(call: Call) -> Answer:
    """Answer GET /conf/libraries/{code}/locations/{code}."""
    library, code = _code(call), call.ids[1]
    if code not in _LIBRARIES[library][1]:
        raise ApiError("402119")
    return Answer("location", _location(call, library, code))


def list_desks(call: Call) -> Answer:
    """Answer GET /conf/libraries/{code}/circ-desks: one desk."""
    code = "DEFAULT_CIRC_DESK"
    link = call.link(f"/conf/libraries/{_code(call)}/circ-desks/{code}")
    desk = {"code": code, "name": "Circulation desk", "primary": True, "link": link}
    return _listed(call, "circ_desks", "circ_desk", [desk])


def open_hours(call: Call) -> Answer:
    """Answer GET /conf/libraries/{code}/open-hours: the coming week."""
    _code(call)
    first = call.now.astimezone(call.institution.zone).date()
    days = [first + timedelta(days=count) for count in range(_WEEK)]
    shown = [
        {
            "date": f"{day:%Y-%m-%d}Z",
            "day_of_week": {
                "value": str((day.weekday() + 1) % 7 + 1),
                "desc": _DAYS[day.weekday()],
            },
            "hour": [{"from": "08:00", "to": "20:00"}],
        }
        for day in days
    ]
    return Answer("days", {"day": shown})


def list_departments(call: Call) -> Answer:
    """Answer GET /conf/departments."""
    shapes = [{"code": code, "name": name} for code, name in _DEPARTMENTS.items()]
    return _listed(call, "departments", "department", shapes)


def list_letters(call: Call) -> Answer:
    """Answer GET /conf/letters."""
    return _listed(call, "letters", "letter", [_letter(call, code) for code in _LETTERS])


def get_letter(call: Call) -> Answer:
    """Answer GET /conf/letters/{code}."""
    if call.ids[0] not in _LETTERS:
        raise ApiError("402119")
    return Answer("letter", _letter(call, call.ids[0]))


def list_mapping_tables(call: Call) -> Answer:
    """Answer GET /conf/mapping-tables."""
    shapes = [_mapping_table(call, name) for name in _MAPPING_TABLES]
    return _listed(call, "mapping_tables", "mapping_table", shapes)


def get_mapping_table(call: Call) -> Answer:
    """Answer GET /conf/mapping-tables/{name}."""
    name = call.ids[0]
    if name not in _MAPPING_TABLES:
        raise ApiError("40166411")
    row = {"column0": "default_language", "column1": "en", "default": False, "enabled": True}
    return Answer("mapping_table", {**_mapping_table(call, name), "row": [row]})


def list_reminders(call: Call) -> Answer:
    """Answer GET /conf/reminders; this institution has none."""
    return _listed(call, "reminders", "reminder", [])


def list_deposit_profiles(call: Call) -> Answer:
    """Answer GET /conf/deposit-profiles; this institution has none."""
    return _listed(call, "deposit_profiles", "deposit_profile", [])


def run_workflow(call: Call) -> Answer:
    """Answer POST /conf/workflows/{id}: this institution has no such workflow."""
    raise ApiError("450001", f"Workflow not found. {call.ids[0]}")


def list_report_paths(call: Call) -> Answer:
    """Answer GET /analytics/paths and /analytics/paths/{folder}: what is directly inside."""
    folder = (call.ids[0] if call.ids else "").rstrip("/")
    folder = folder if folder.startswith("/") or not folder else f"/{folder}"
    institution = call.institution
    found: dict[str, str] = {} if folder else {"/shared": "Folder"}
    for report in institution.scenario.reports:
        if report.meant_for(institution.name) and report.path.startswith(f"{folder}/"):
            name, deeper, _ = report.path.removeprefix(f"{folder}/").partition("/")
            found[f"{folder}/{name}"] = "Folder" if deeper else "Report"
    if not found and folder != "/shared":
        raise ApiError("INTERNAL_SERVER_ERROR", f"Path not found ({folder})", status=500)
    shapes = [{"value": path, "type": kind} for path, kind in found.items()]
    return Answer("paths", call.list_of("path", shapes))


def _listed(call: Call, root: str, name: str, shapes: list[dict[str, Any]]) -> Answer:
    offset, limit = call.page()
    # Without `limit`, these short lists are given whole.
    page = shapes[offset : offset + limit] if call.asked("limit") else shapes[offset:]
    return Answer(root, call.list_of(name, page, len(shapes)))


def _code(call: Call) -> str:
    if call.ids[0] not in _LIBRARIES:
        raise ApiError("402119")
    return call.ids[0]


def _library(call: Call, code: str) -> dict[str, Any]:
    name, locations = _LIBRARIES[code]
    first = next(iter(locations))
    return {
        "code": code,
        "path": f"{call.institution.code}.{code}",
        "name": name,
        "description": name,
        "resource_sharing": False,
        "default_location": coded(first, locations),
        "link": call.link(f"/conf/libraries/{code}"),
    }


def _location(call: Call, library: str, code: str) -> dict[str, Any]:
    name = _LIBRARIES[library][1][code]
    return {
        "code": code,
        "name": name,
        "external_name": name,
        "type": {"value": "OPEN", "desc": "Open"},
        "suppress_from_publishing": False,
        "link": call.link(f"/conf/libraries/{library}/locations/{code}"),
    }


def _letter(call: Call, code: str) -> dict[str, Any]:
    link = call.link(f"/conf/letters/{code}")
    return {"code": code, "name": _LETTERS[code], "enabled": True, "link": link}


def _mapping_table(call: Call, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "description": _MAPPING_TABLES[name],
        "sub_system": {"value": "INFRA", "desc": "General"},
        "link": call.link(f"/conf/mapping-tables/{name}"),
    }
