"""Which values are not secrets: those that would be found, and starred, in harmless text.

almaflow stars a secret wherever it appears. A short or common one would be starred inside other
words, and inside the words that records and Alma's answers consist of.
"""

from __future__ import annotations

from almaflow.late_patterns import late_pattern

SHORTEST_SECRET = 8
"""Characters."""

SHORTEST_PASSWORD = 6
"""Characters of one inside an address, which is hidden there whatever its length."""

# A value with fewer different characters, such as `aaaaaaaa` or `--------`, is a line or a filler.
_FEWEST_DIFFERENT = 4

# An id of Alma's, a number or an instant of a record.
_NUMBER = late_pattern(r"[\d\s:.,+\-/TZ]+")

# Words of eight characters or more by which almaflow and Alma name fields, outcomes, states and
# kinds. What is a part of one of them would damage it.
_WORDS_OF_RECORDS = """
    about_files accepted add_members addresses admission again_at alma_set alma_url almaflow
    answered append_file approvals approved argument asked_at at_least attempts base_url
    began_at begins_at begun_at branches calendars called_in calls_left calls_per_minute
    calls_per_second cancel_requested_at cancel_requested_by cancelled_by candidates categories
    category caught_up changed_at channels coalesce commands commit_of companions complete_from
    complete_to completed_failed completed_no_bulks completed_success completed_warning
    concurrency conditions connections conninfo contains content_label contents counters
    covered_to create_set created_at created_by csv_rows database deadline_at
    default_institution defaults definitions delete_members delete_set delimiter description
    differences directory_cache document downtime durations early_end encoding end_time ended_at
    ended_badly ended_by ended_well endpoint entered_at environment everything_exists examples
    exit_code expected expression external_id failures fetch_files filled_by finalizing
    finally_effect finally_path find_set findings first_at flexible for_a_person for_each
    foreign_names
    found_at freed_at from_run from_set gained_count given_up has_default has_hidden headings
    heartbeat host_key http_status if_exists import_profiles in_finally in_order initializing
    instances institution_code institution_name institutions integration_profiles interpreter
    is_around is_changed is_computed is_current is_file_changed is_heading is_import is_marked
    is_number is_private is_quiet is_readable is_required is_taken is_writable is_written
    iterations job_ended job_ends job_instance_id job_name journal_mode json_schema last_day
    last_remark
    last_run last_wait last_workday left_out line_text listener listeners location lock_file
    look_now lost_answer lost_count lost_inputs lost_steps maintenance manual_handling_required
    markdown marker_habits max_parallel may_send member_count merged_into messages more_done
    more_lines more_running more_unfinished more_well most_calls most_running most_started
    most_starts next_run_at not_before not_detailed notice_id notifications old_file old_name
    old_path older_than on_failure on_invalid on_timeout open_connection open_ticks operation
    operators other_runs otherwise outcomes outstanding own_scope own_sets own_slots parameters
    parameters_from password path_part pause_after payloads personal_data populations problems
    process_id processes production profile_id progress project_folder pruned_before publishing
    question questions queue_one read_report readings ready_at received_at recovered
    refusals rejected remaining_calls repeatable replace_members replaced request_hash requests
    reserve_calls resolved_by response responses resubmit reusable revisions run_block
    run_profile run_steps running_jobs same_meaning scenario scenario_document scenario_name
    scenario_path scenarios schedule_id scheduled_at scheduler_status schedules sections
    sentence services sessions set_members settings_count severity signature simulated_outcome
    simulated_seconds simulated_waits skip_next snippets start_time started_at starting
    starts_at starts_per_hour status_label statuses statuses_seen step_tree stretches
    subdivision submit_job submit_time submitted_at submitted_by submodules succeeded successful
    system_aborted taken_at timed_out timetable timezone too_large tracking_id truncate
    unanswered uncompared undelivered unfinished unknown_members unreadable upcoming update_set
    user_aborted variables verified wait_for_run waiting_for wanted_files warned_on warnings
    watching webhook_secret webhooks weekdays went_well with_settings worked_on
    workflow_problems workflows works_on_standby
"""

_COMMON = """
    password passwort motdepasse changeme changeit letmein1 welcome1 administrator qwertyui qwertzui
    iloveyou sunshine princess football baseball trustno1 superman p@ssw0rd passw0rd test1234
    abcdefgh abcd1234 12345678a a12345678 qwerty123 admin123 root1234 default1 secret123
"""


def weakness(value: str, shortest: int = SHORTEST_SECRET) -> str:
    """Return why *value* cannot be kept secret, as the end of a sentence; empty when it can."""
    plain = value.strip().lower()
    if len(plain) < shortest:
        return f"has fewer than {shortest} characters"
    if _NUMBER.fullmatch(value.strip()):
        return "consists of digits, like an id or a time"
    if len(set(plain)) < _FEWEST_DIFFERENT:
        return f"has fewer than {_FEWEST_DIFFERENT} different characters"
    if plain in _WORDS_OF_RECORDS:
        return "is a word, or a part of one, that appears in records and in responses of Alma"
    if plain in _COMMON.split():
        return "is one of the most common passwords"
    return ""
