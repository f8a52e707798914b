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
    "list_code_tables", "get_code_table", "update_code_table",
    "list_mapping_tables", "get_mapping_table", "update_mapping_table",
    "list_libraries", "get_library", "update_library",
    "list_locations", "get_location", "create_location", "update_location", "delete_location",
    "list_circ_desks", "get_circ_desk", "list_departments", "get_department",
    "open_hours", "get_open_hours", "update_open_hours", "delete_open_hours",
    "list_letters", "get_letter", "update_letter", "list_printers", "get_printer",
    "list_reminders", "get_reminder", "create_reminder", "update_reminder", "delete_reminder",
    "list_license_terms", "get_license_term", "create_license_term", "update_license_term",
    "delete_license_term", "list_deposit_profiles", "get_deposit_profile",
    "get_relations", "update_relations", "delete_relations", "list_fees", "get_fee",
    "run_workflow", "test", "test_bibs", "test_users", "test_analytics", "test_acq",
    "test_courses", "test_partners", "general", "read_report", "list_report_paths",
)  # fmt: skip
