"""What an institution keeps next to jobs and sets: libraries, locations, desks, reminders, tables.

The objects are as JSON shows them, without `link`. Source: alma-api.md 9.3. Fields that no source
confirms have the names and the forms of the neighbouring objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Kept = dict[str, Any]
# Objects by key; by the path below /conf.
Store = dict[str, dict[str, Kept]]


@dataclass(frozen=True)
class Kind:
    """One kind of object: where it is, what its lists and elements are called, what it needs.

    `{}` in *path* is the code of a library. *filters* are query parameters and the fields that
    they compare; *missing* is the error of an object that is not there.
    """

    path: str
    plural: str
    name: str
    key: str = "code"
    missing: str = "402119"
    coded: tuple[str, ...] = ()
    needed: Mapping[str, str] = field(default_factory=dict)
    filters: Mapping[str, str] = field(default_factory=dict)
    made: Mapping[str, Any] = field(default_factory=dict)
    """Fields of a new object that its maker leaves out."""
    signed: bool = False
    """Whether a new object says who made it, and when."""


LIBRARIES = Kind("libraries", "libraries", "library", coded=("campus", "default_location"))
LOCATIONS = Kind(
    "libraries/{}/locations",
    "locations",
    "location",
    coded=("type", "fulfillment_unit", "accession_placement", "call_number_type"),
    needed={"code": "401664", "name": "401664"},
)
DESKS = Kind("libraries/{}/circ-desks", "circ_desks", "circ_desk")
DEPARTMENTS = Kind(
    "departments", "departments", "department", filters={"library": "owner", "type": "type"}
)
LETTERS = Kind("letters", "letters", "letter", missing="60344")
MAPPING_TABLES = Kind("mapping-tables", "mapping_tables", "mapping_table", "name", "40166411")
PRINTERS = Kind(
    "printers", "printers", "printer", "id", filters={"library": "library", "code": "code"}
)
DEPOSIT_PROFILES = Kind("deposit-profiles", "deposit_profiles", "deposit_profile", "id")
FEES = Kind("utilities/fee-transactions", "fees", "fee", "id")
REMINDERS = Kind(
    "reminders",
    "reminders",
    "reminder",
    "id",
    "60177",
    coded=("type", "status"),
    needed={"type": "60178", "entity.entity_id": "60184", "entity.entity_type": "60183"},
    filters={
        "type": "type",
        "status": "status",
        "entity_id": "entity.entity_id",
        "entity_type": "entity.entity_type",
    },
    made={"status": {"value": "NEW", "desc": "New"}, "text": ""},
    signed=True,
)
LICENSE_TERMS = Kind(
    "license-terms",
    "license_terms",
    "license_term",
    missing="403400",
    coded=("type",),
    needed={"code": "500021", "name": "500021"},
)

_LIBRARIES = {
    "MAIN": ("Main Library", {"STACKS": "Open stacks", "RESERVE": "Course reserves"}),
    "SCIENCE": ("Science Library", {"STACKS": "Open stacks"}),
    "DEPOT": ("Depot", {"CLOSED": "Closed stacks"}),
}
_DESK = ("DEFAULT_CIRC_DESK", "Circulation desk")
_DEPARTMENTS = {
    "ACQ": ("Acquisitions", "AcqWorkOrder"),
    "DIGITIZATION": ("Digitization", "Digitization"),
    "CATALOGING": ("Cataloging", "CatalogingWorkOrder"),
}
_LETTERS = {
    "OverdueNoticeLetter": "Overdue notice letter",
    "HoldShelfLetter": "Ful hold shelf letter",
    "LoanReceiptLetter": "Loan receipt letter",
}
_MAPPING_TABLES = {"CustomerParameters": "Customer parameters", "OtherSettings": "Other settings"}


def kept_at_first(institution: str) -> Store:
    """Return what an institution of that code has before anybody changes it."""
    store: Store = {
        LETTERS.path: _by_key("code", ({"code": c, "name": n} for c, n in _LETTERS.items())),
        MAPPING_TABLES.path: _by_key("name", map(_mapping_table, _MAPPING_TABLES)),
        DEPARTMENTS.path: {},
        LIBRARIES.path: {},
    }
    for letter in store[LETTERS.path].values():
        letter["enabled"] = True
    for code, (name, kind) in _DEPARTMENTS.items():
        add_department(store, institution, code, name, kind)
    for code, (name, locations) in _LIBRARIES.items():
        add_library(store, institution, code, name, locations)
        add_desk(store, code, *_DESK)
        add_department(store, code, f"AcqDept{code}", f"Acquisitions, {name}", "AcqWorkOrder")
    return store


def add_library(
    store: Store, institution: str, code: str, name: str, locations: Mapping[str, str]
) -> None:
    """Let the institution have one more library; *locations* are names by code."""
    first, label = next(iter(locations.items()), ("", ""))
    store[LIBRARIES.path][code] = {
        "code": code,
        "path": f"{institution}.{code}",
        "name": name,
        "description": name,
        "resource_sharing": False,
        "campus": {"value": "MAIN", "desc": "Main campus"},
        "default_location": {"value": first, "desc": label},
    }
    for place, label in locations.items():
        add_location(store, code, place, label)


def add_location(store: Store, library: str, code: str, name: str) -> None:
    """Let a library have one more location."""
    store.setdefault(LOCATIONS.path.format(library), {})[code] = {
        "code": code,
        "name": name,
        "external_name": name,
        "type": {"value": "OPEN", "desc": "Open"},
        "fulfillment_unit": {"value": "GENERAL", "desc": "General"},
        "accession_placement": {"value": "NONE", "desc": "None"},
        "call_number_type": {"value": "0", "desc": "Library of Congress classification"},
        "suppress_from_publishing": False,
        "map": "",
        "circ_desk": [{"circ_desk_code": _DESK[0]}],
    }


def add_desk(store: Store, library: str, code: str, name: str) -> None:
    """Let a library have one more desk, which serves the locations that it has by now."""
    locations = store.get(LOCATIONS.path.format(library), {}).values()
    store.setdefault(DESKS.path.format(library), {})[code] = {
        "code": code,
        "name": name,
        "primary": True,
        "reading_room_desk": False,
        "location": [
            {
                "location_code": one["code"],
                "location_name": one["name"],
                "check_in": True,
                "check_out": True,
            }
            for one in locations
        ],
    }


def add_department(store: Store, owner: str, code: str, name: str, kind: str) -> None:
    """Let a library, or the institution, have one more department."""
    store[DEPARTMENTS.path][code] = {
        "code": code,
        "name": name,
        "description": name,
        "type": {"value": kind, "desc": kind},
        "owner": {"value": owner, "desc": owner},
    }


def _by_key(key: str, objects: Iterable[Kept]) -> dict[str, Kept]:
    return {one[key]: one for one in objects}


def _mapping_table(name: str) -> Kept:
    return {
        "name": name,
        "description": _MAPPING_TABLES[name],
        "sub_system": {"value": "INFRA", "desc": "General"},
        "row": [
            {"column0": "default_language", "column1": "en", "default": False, "enabled": True}
        ],
    }
