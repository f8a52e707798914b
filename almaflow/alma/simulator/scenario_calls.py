"""The calls that a fault of a scenario can name: the router's endpoints, and groups of them."""

from __future__ import annotations

CALLS = (
    "any", "read", "write",
    "list_jobs", "get_job", "submit", "list_instances", "get_instance", "list_events",
    "list_matches", "download",
    "list_sets", "create_set", "get_set", "update_set", "delete_set", "list_members",
    "edit_members", "add_members", "delete_members", "replace_members",
    "list_integration_profiles", "get_integration_profile",
    "list_import_profiles", "get_import_profile", "run_import_profile",
    "create_integration_profile", "update_integration_profile", "delete_integration_profile",
    "list_code_tables", "get_code_table", "list_mapping_tables", "get_mapping_table",
    "list_libraries", "get_library", "list_locations", "get_location", "list_circ_desks",
    "list_departments", "open_hours", "list_letters", "get_letter", "list_reminders",
    "list_deposit_profiles", "run_workflow", "test", "test_bibs", "test_users", "general",
    "read_report", "list_report_paths",
)  # fmt: skip
