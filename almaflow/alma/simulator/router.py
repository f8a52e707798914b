"""Paths to endpoints: what Alma offers, by method and path (alma-api.md 3, 7, 8, 9)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qsl, unquote, urlsplit

from almaflow.alma.simulator import (
    api_jobs,
    api_kept,
    api_members,
    api_neighbours,
    api_new_sets,
    api_profiles,
    api_report_paths,
    api_reports,
    api_sets,
    kept,
    submission,
)
from almaflow.alma.simulator.call import IncomingRequest
from almaflow.alma.simulator.reply import EndpointResult

_PREFIX = "/almaws/v1/"
# Below it, folders are written as they are or percent-encoded.
_HOLDER = ["analytics", "paths"]

Endpoint = Callable[[IncomingRequest], EndpointResult]


@dataclass(frozen=True)
class Route:
    """Where a request leads; *area* is what its key must be good for."""

    name: str
    endpoint: Endpoint
    area: str
    ids: tuple[str, ...] = ()


# Method, path below the prefix (`*` is an id), name for faults, endpoint.
_Line = tuple[str, str, str, Endpoint]


def _kept(plural: str, name: str, kind: kept.Kind, *writes: str) -> tuple[_Line, ...]:
    path = f"conf/{kind.path.format('*')}"
    one = f"{path}/*"
    lines: dict[str, _Line] = {
        "list": ("GET", path, f"list_{plural}", partial(api_kept.list_kept, kind)),
        "get": ("GET", one, f"get_{name}", partial(api_kept.get_kept, kind)),
        "create": ("POST", path, f"create_{name}", partial(api_kept.create_kept, kind)),
        "update": ("PUT", one, f"update_{name}", partial(api_kept.update_kept, kind)),
        "delete": ("DELETE", one, f"delete_{name}", partial(api_kept.delete_kept, kind)),
    }
    return tuple(lines[name] for name in ("list", "get", *writes))


def _tests(*paths: str) -> Iterator[_Line]:
    for path in paths:
        name = f"test_{path.partition('/')[0]}"
        yield "GET", path, name, api_profiles.read_test
        yield "POST", path, name, api_profiles.write_test


_TABLE: tuple[_Line, ...] = (
    ("GET", "conf/test", "test", api_profiles.read_test),
    ("POST", "conf/test", "test", api_profiles.write_test),
    ("GET", "conf/general", "general", api_profiles.general),
    ("GET", "conf/jobs", "list_jobs", api_jobs.list_jobs),
    ("GET", "conf/jobs/*", "get_job", api_jobs.get_job),
    ("POST", "conf/jobs/*", "submit", submission.submit),
    ("GET", "conf/jobs/*/instances", "list_instances", api_jobs.list_instances),
    ("GET", "conf/jobs/*/instances/*", "get_instance", api_jobs.get_instance),
    ("GET", "conf/jobs/*/instances/*/events", "list_events", api_jobs.list_events),
    ("GET", "conf/jobs/*/instances/*/matches", "list_matches", api_jobs.list_matches),
    ("GET", "conf/jobs/*/instances/*/download", "download", api_jobs.download),
    ("GET", "conf/sets", "list_sets", api_sets.list_sets),
    ("POST", "conf/sets", "create_set", api_new_sets.create_set),
    ("GET", "conf/sets/*", "get_set", api_sets.get_set),
    ("PUT", "conf/sets/*", "update_set", api_sets.update_set),
    ("DELETE", "conf/sets/*", "delete_set", api_sets.delete_set),
    ("POST", "conf/sets/*", "edit_members", api_members.edit_members),
    ("GET", "conf/sets/*/members", "list_members", api_sets.list_members),
    ("GET", "conf/integration-profiles", "list_integration_profiles",
     api_profiles.list_integration_profiles),
    ("GET", "conf/integration-profiles/*", "get_integration_profile",
     api_profiles.get_integration_profile),
    ("GET", "conf/md-import-profiles", "list_import_profiles",
     api_profiles.list_import_profiles),
    ("GET", "conf/md-import-profiles/*", "get_import_profile", api_profiles.get_import_profile),
    ("POST", "conf/md-import-profiles/*", "run_import_profile",
     api_profiles.run_import_profile),
    ("GET", "conf/code-tables", "list_code_tables", api_profiles.list_code_tables),
    ("GET", "conf/code-tables/*", "get_code_table", api_profiles.get_code_table),
    ("POST", "conf/integration-profiles", "create_integration_profile",
     api_profiles.create_integration_profile),
    ("PUT", "conf/integration-profiles/*", "update_integration_profile",
     api_profiles.update_integration_profile),
    ("DELETE", "conf/integration-profiles/*", "delete_integration_profile",
     api_profiles.delete_integration_profile),
    ("PUT", "conf/code-tables/*", "update_code_table", api_profiles.update_code_table),
    *_kept("libraries", "library", kept.LIBRARIES, "update"),
    *_kept("locations", "location", kept.LOCATIONS, "create", "update", "delete"),
    *_kept("circ_desks", "circ_desk", kept.DESKS),
    *_kept("departments", "department", kept.DEPARTMENTS),
    *_kept("letters", "letter", kept.LETTERS, "update"),
    *_kept("mapping_tables", "mapping_table", kept.MAPPING_TABLES, "update"),
    *_kept("printers", "printer", kept.PRINTERS),
    *_kept("deposit_profiles", "deposit_profile", kept.DEPOSIT_PROFILES),
    *_kept("fees", "fee", kept.FEES),
    *_kept("reminders", "reminder", kept.REMINDERS, "create", "update", "delete"),
    *_kept("license_terms", "license_term", kept.LICENSE_TERMS, "create", "update", "delete"),
    ("GET", "conf/libraries/*/open-hours", "open_hours", api_neighbours.open_days),
    ("GET", "conf/open-hours", "get_open_hours", api_neighbours.get_open_hours),
    ("PUT", "conf/open-hours", "update_open_hours", api_neighbours.update_open_hours),
    ("DELETE", "conf/open-hours", "delete_open_hours", api_neighbours.delete_open_hours),
    ("GET", "conf/relations", "get_relations", api_neighbours.get_relations),
    ("PUT", "conf/relations", "update_relations", api_neighbours.update_relations),
    ("DELETE", "conf/relations", "delete_relations", api_neighbours.delete_relations),
    ("POST", "conf/workflows/*", "run_workflow", api_neighbours.run_workflow),
    *_tests("bibs/test", "users/operation/test", "analytics/test", "acq/test", "courses/test",
            "partners/operation/test"),
    ("GET", "analytics/paths", "list_report_paths", api_report_paths.list_report_paths),
    ("GET", "analytics/paths/*", "list_report_paths", api_report_paths.list_report_paths),
    ("GET", "analytics/reports", "read_report", api_reports.read_report),
)  # fmt: skip

# By method and number of path parts; each with its parts.
_ROUTES: dict[tuple[str, int], list[tuple[list[str], str, Endpoint]]] = {}
for _method, _path, _name, _endpoint in _TABLE:
    _parts = _path.split("/")
    _ROUTES.setdefault((_method, len(_parts)), []).append((_parts, _name, _endpoint))


def find_route(method: str, path: str) -> Route | None:
    """Return where a request leads; None when Alma has nothing there."""
    if not path.startswith(_PREFIX):
        return None
    parts = _parts_of(path)
    for pattern, name, endpoint in _ROUTES.get((method, len(parts)), ()):
        pairs = list(zip(pattern, parts, strict=True))
        if all(wanted in ("*", part) for wanted, part in pairs):
            ids = tuple(unquote(part) for wanted, part in pairs if wanted == "*")
            return Route(name, endpoint, parts[0], ids)
    return None


def _parts_of(path: str) -> list[str]:
    """Return the parts of a path; of a path with a path in it, this is the last part."""
    parts = path.removeprefix(_PREFIX).rstrip("/").split("/")
    return [*parts[:2], "/".join(parts[2:])] if parts[:2] == _HOLDER and parts[2:] else parts


def split_target(target: str) -> tuple[str, dict[str, str]]:
    """Return the path and the parameters of a request target."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return "", {}
    pairs = parse_qsl(parts.query, keep_blank_values=True, errors="replace")
    # Of a repeated parameter the first counts.
    return parts.path, dict(reversed(pairs))
