"""What people who know other tools write as a key of a workflow, and what to write instead.

Cron files, GitHub Actions, Ansible, Airflow, GitLab and shell scripts have their own words for
what a workflow says. Each table belongs to the model whose `foreign` names it, and is imported when
a file has a key that is not known; `{value}` in a sentence is what the file has under that key,
`{key}` the key. `foreign_keys` and `foreign_set_keys` in `almaflow.steps` have those of steps.
"""

from __future__ import annotations

from almaflow.foreign_words import Advice, advise, table, use_key

_STEPS = "The steps are a list under `steps`, each with a `-`: `steps:`, then `  - find_set: …`."
_SCHEDULE = (
    'The timetable is written `schedule:`, such as `schedule: {{daily: "02:30"}}` or `schedule: '
    '"30 2 * * *"`.'
)
_SETTINGS = (
    "It belongs in almaflow.yaml, not in a workflow: `institutions: {{main: {{region: eu, "
    "api_key: env:ALMA_API_KEY}}}}`."
)
_NO_MEANING = "It has no meaning in a workflow. Remove it."
INPUTS = "params parameters arguments args input"
"""What inputs are called."""

WORKFLOW: Advice = table(
    advise(
        "Tests of a workflow are in a separate file, such as `tests/weekly.tests.yaml`. `almaflow "
        "explain tests` describes it.",
        "tests test",
    ),
    advise(
        _STEPS,
        "jobs tasks job stages stage pipeline actions flow play plays task nodes activities",
        meant="steps",
    ),
    advise(_SCHEDULE, "crontab timetable when run_at interval run_time start_time time frequency"),
    use_key(
        "schedule",
        "The timetable is written",
        "triggers trigger schedule_interval schedules cron_schedule",
    ),
    use_key(
        "name", "The name of the workflow is written", "dag_id title id workflow workflow_name"
    ),
    advise(
        "The first day is written in the schedule: `schedule: {{…, starts: {value}}}`.",
        "start_date starts start valid_from",
        meant="schedule",
    ),
    advise(
        "The last day is written in the schedule: `schedule: {{…, ends: {value}}}`.",
        "end_date ends end valid_until",
        meant="schedule",
    ),
    advise(
        "What happens to missed times is written in the schedule: `schedule: {{…, missed: none}}` "
        "(or `latest`, `all`).",
        "catchup catch_up backfill misfire",
    ),
    advise(
        "What happens while a run is unfinished is written `overlap: skip` (or `queue_one`).",
        "max_active_runs concurrency max_instances parallelism",
    ),
    advise(
        "Whom to notify is written as `notify: {{on: [failed], to: systems}}` with a channel of "
        "almaflow.yaml.",
        "on_failure on_error on_success alerts alert email emails notifications mail "
        "email_on_failure mailto notify_on mail_on error_workflow",
    ),
    advise("What all steps have in common is written under `defaults`.", "default_args common"),
    advise(
        "The number of attempts of every step is written `defaults: {{retry: {value}}}`.",
        "retries max_attempts attempts",
        meant="defaults",
    ),
    advise(
        "Steps that always run at the end are a list under `finally`.",
        "post errors after cleanup clean_up teardown always ensure after_script handler_on "
        "handlers",
    ),
    advise(
        "Values for several steps are written under `vars`.", "env variables variable constants"
    ),
    advise(
        "Values with which a run is started are written under `inputs`: `inputs: {{month: "
        "{{default: …}}}}`.",
        INPUTS,
    ),
    advise(
        "Values that a run returns are written under `outputs`.", "returns result results output"
    ),
    advise(_SETTINGS, "api_key apikey key region base_url host url token alma_key"),
    advise(
        "It is a key of almaflow.yaml, which has the settings of the project and that name.",
        "institutions channels connections calendars pings secrets serve store workflows "
        "default_institution",
    ),
    advise(
        _NO_MEANING,
        "version api_version kind metadata spec hosts runs_on permissions image services become "
        "gather_facts tags owner author namespace entrypoint labels",
    ),
    advise(
        "Almaflow has no includes. A step runs another workflow: `call: other.yaml`.", "include"
    ),
)

INPUT: Advice = table(
    use_key(
        "enum", "The allowed values are written", "choices options values allowed one_of select"
    ),
    advise(
        "An input is required when it has no `default`. Remove `{key}`.",
        "required mandatory optional",
    ),
    use_key("default", "The value without another is written", "value initial"),
    use_key("description", "The purpose is written", "help label title"),
    use_key("minimum", "The smallest number is written", "min"),
    use_key("maximum", "The largest number is written", "max"),
    use_key("pattern", "The form of the text is written", "regex regexp format match"),
)

SCHEDULE: Advice = table(
    use_key("daily", "A time of day is written", "time at day everyday hour"),
    use_key("cron", "A cron expression is written", "expression crontab cron_expression"),
    use_key("every", "Elapsed time is written", "interval repeat period"),
    use_key("dates", "Days are written", "date"),
    use_key("timezone", "The zone is written", "tz zone time_zone"),
    use_key("starts", "The first day is written", "start start_date from begin"),
    use_key("ends", "The last day is written", "end end_date until to"),
    *(
        advise(f"Write `weekly: {name[:3]} {{bare}}`.", name, meant="weekly")
        for name in ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    ),
    advise(
        "Weekdays and the time are written together: `weekly: mon,thu 06:00`.",
        "days day_of_week weekday dow on_days",
    ),
    advise("Every hour is written `every: 1h`.", "hourly"),
    advise('Once a year is written as a cron expression, such as `cron: "0 6 1 7 *"`.', "yearly"),
    advise("Workdays are written `weekly: mon-fri {bare}`.", "weekdays workdays"),
    advise(
        "Days off are written `except: {value}` with a calendar of almaflow.yaml.",
        "exclude skip",
        meant="except",
    ),
    advise(
        "To stop a timetable, use `almaflow pause NAME`, or put `#` in front of its lines.",
        "enabled disabled active",
    ),
)

_EVENTS = "succeeded warning failed cancelled recovered missed late slow stuck waiting"

NOTICE: Advice = table(
    advise("The events are a list: write `{{on: [{key}], to: {value}}}`.", _EVENTS, meant="on"),
    advise(
        "The events are a list: write `{{on: [failed], to: {value}}}`.",
        "on_failure on_error failure error",
        meant="on",
    ),
    advise(
        "The events are a list: write `{{on: [succeeded], to: {value}}}`.",
        "on_success success",
        meant="on",
    ),
    use_key("on", "The events are written", "events event when if status outcome"),
    advise(
        "Write `to` with the name of a channel; the address is under `channels` in almaflow.yaml.",
        "email mail channel address recipient recipients slack webhook url who",
    ),
    advise(
        "The text is made from how the run ended. A message of your own is a step `notify`.",
        "message text subject body",
    ),
)

TRIGGERS: Advice = table(
    use_key(
        "schedule",
        "A timetable is written at the top of the file:",
        "schedule cron timetable daily every",
    ),
    advise(
        "`almaflow run` starts a workflow by hand; nothing has to be written for that. Its inputs "
        "are written at the top of the file, under `inputs`.",
        "workflow_dispatch push pull_request manual webhook workflow_call dispatch",
    ),
    use_key("job_ended", "The end of a job is written", "job_end job jobs job_finished"),
)
