"""Paths to endpoints: what Alma offers, by method and path (alma-api.md 3, 7, 8, 9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from almaflow.alma.simulator import (
    api_jobs,
    api_members,
    api_neighbours,
    api_new_sets,
    api_profile_writes,
    api_profiles,
    api_reports,
    api_sets,
    submission,
)
from almaflow.alma.simulator.call import Call
from almaflow.alma.simulator.reply import Answer

_PREFIX = "/almaws/v1/"

Endpoint = Callable[[Call], Answer]


@dataclass(frozen=True)
class Route:
    """Where a request leads; *area* is what its key must be good for."""

    name: str
    endpoint: Endpoint
    area: str
    ids: tuple[str, ...] = ()


# Method, path below the prefix (`*` is an id), name for faults, endpoint.
_TABLE: tuple[tuple[str, str, str, Endpoint], ...] = (
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
     api_profile_writes.create_integration_profile),
    ("PUT", "conf/integration-profiles/*", "update_integration_profile",
     api_profile_writes.update_integration_profile),
    ("DELETE", "conf/integration-profiles/*", "delete_integration_profile",
     api_profile_writes.delete_integration_profile),
    ("GET", "conf/libraries", "list_libraries", api_neighbours.list_libraries),
    ("GET", "conf/libraries/*", "get_library", api_neighbours.get_library),
    ("GET", "conf/libraries/*/locations", "list_locations", api_neighbours.list_locations),
    ("GET", "conf/libraries/*/locations/*", "get_location", api_neighbours.get_location),
    ("GET", "conf/libraries/*/circ-desks", "list_circ_desks", api_neighbours.list_desks),
    ("GET", "conf/libraries/*/open-hours", "open_hours", api_neighbours.open_hours),
    ("GET", "conf/departments", "list_departments", api_neighbours.list_departments),
    ("GET", "conf/letters", "list_letters", api_neighbours.list_letters),
    ("GET", "conf/letters/*", "get_letter", api_neighbours.get_letter),
    ("GET", "conf/mapping-tables", "list_mapping_tables", api_neighbours.list_mapping_tables),
    ("GET", "conf/mapping-tables/*", "get_mapping_table", api_neighbours.get_mapping_table),
    ("GET", "conf/reminders", "list_reminders", api_neighbours.list_reminders),
    ("GET", "conf/deposit-profiles", "list_deposit_profiles",
     api_neighbours.list_deposit_profiles),
    ("POST", "conf/workflows/*", "run_workflow", api_neighbours.run_workflow),
    ("GET", "bibs/test", "test_bibs", api_profiles.read_test),
    ("POST", "bibs/test", "test_bibs", api_profiles.write_test),
    ("GET", "users/operation/test", "test_users", api_profiles.read_test),
    ("POST", "users/operation/test", "test_users", api_profiles.write_test),
    ("GET", "analytics/paths", "list_report_paths", api_neighbours.list_report_paths),
    ("GET", "analytics/paths/*", "list_report_paths", api_neighbours.list_report_paths),
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
    parts = path.removeprefix(_PREFIX).rstrip("/").split("/")
    for pattern, name, endpoint in _ROUTES.get((method, len(parts)), ()):
        pairs = list(zip(pattern, parts, strict=True))
        if all(wanted in ("*", part) for wanted, part in pairs):
            ids = tuple(unquote(part) for wanted, part in pairs if wanted == "*")
            return Route(name, endpoint, parts[0], ids)
    return None


def split_target(target: str) -> tuple[str, dict[str, str]]:
    """Return the path and the parameters of a request target."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return "", {}
    pairs = parse_qsl(parts.query, keep_blank_values=True, errors="replace")
    # Of a repeated parameter the first counts.
    return parts.path, dict(reversed(pairs))
