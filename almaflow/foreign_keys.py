"""What people who know other tools write as a key, and what to write instead.

Cron files, GitHub Actions, Ansible, Airflow, GitLab and shell scripts have their own words for
what a workflow says. Each table belongs to the model whose keys it explains; `{value}` in a
sentence is what the file has under that key, `{key}` the key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

Advice = Mapping[str, str]
"""Sentences by key, the keys in lower case and with `_` for every other character."""


def _for(sentence: str, keys: str) -> dict[str, str]:
    """Return the same *sentence* for each of *keys*, which spaces divide."""
    return dict.fromkeys(keys.split(), sentence)


def _all(*tables: Mapping[str, str]) -> Advice:
    return {key: sentence for table in tables for key, sentence in table.items()}


def normal(key: str) -> str:
    """Return *key* as the tables have it: `continue-on-error` and `continueOnError` are one."""
    parts: Iterable[str] = (f"_{one.lower()}" if one.isupper() else one for one in key)
    spread = key if key.isupper() else "".join(parts)
    words = "".join(one if one.isalnum() else " " for one in spread).split()
    return "_".join(words).lower()


_ORDER = (
    "Steps run in the order of the file. Remove `{key}`; steps that run at the same time are "
    "branches of `parallel`."
)
_LOOP = (
    "To repeat steps, write `for_each: {{items: {value}, steps: […]}}` as the step, with the "
    "repeated steps inside it."
)
_ARMS = (
    "Give each step of the arm its own `if`, or write a `branch` "
    "step: `branch: {{on: steps.x.outcome, cases: {{succeeded: […], failed: […]}}}}`."
)
_COMMAND = (
    "almaflow runs jobs in Alma and no commands or scripts. `almaflow explain` lists the kinds of "
    "steps."
)
_KIND = (
    "A step names its kind by a key with its settings below it, such as `submit_job: {{job: M44}}`."
)
_RUN_CONDITION = "A condition is written `if: {value}`."
_RESULT = (
    "To use what a step gives, give it an `id`, such as `id: {value}`, and write `steps.{value}.` "
    "and the output, such as `steps.{value}.set_id`."
)
_CONTINUE = "To let the run continue after a failure, write `on_failure: continue`."
_MESSAGE = (
    "A message is written `notify: {{to: systems, message: …}}` with a channel of almaflow.yaml."
)
_COMMENT = "For people, a step has only a `name`. Write a comment (`# …`), or `name: {value}`."

STEP: Advice = _all(
    _for(_RUN_CONDITION, "when only_if condition conditions run_if enabled_if"),
    _for("A condition is written `if:`, with `not` for the opposite.", "unless except_if skip_if"),
    _for(_COMMAND, "run script shell command cmd exec execute bash python powershell sql"),
    _for(_KIND, "uses with module args action operator task operation type kind function method"),
    _for(_ORDER, "needs depends_on depends dependencies requires after upstream depend_on"),
    _for(_RESULT, "register save_as store_as result output_name result_as returns"),
    _for(_LOOP, "loop with_items foreach for repeat matrix strategy while each items iterate"),
    _for(
        _CONTINUE,
        "ignore_errors ignore_error continue_on_error allow_failure on_error onerror fail_fast "
        "ignore_failure failed_when trigger_rule continue_on_failure",
    ),
    _for(
        "The number of attempts is written `retry: {value}`.",
        "retries max_attempts max_retries retry_count attempts tries retry_times",
    ),
    _for(
        "The wait before another attempt is written `retry: {{attempts: 3, delay: {value}}}`.",
        "retry_delay retry_interval retry_wait",
    ),
    _for(
        "Only `for_each`, `parallel` and `branch` have steps inside. Give each step its own `if`.",
        "steps block",
    ),
    _for(_ARMS, "then else elif else_if otherwise do"),
    _for(
        "A choice is written `branch: {{on: …, cases: {{…}}, default: […]}}`.",
        "switch case cases match choose select",
    ),
    _for("A pause is written `wait: 10m` (or `90s`, `4h`).", "sleep delay pause_for"),
    _for(_MESSAGE, "email mail message send alert slack teams webhook mailto send_mail send_email"),
    _for("A line in the log is written `notify: {value}`.", "print echo log debug say"),
    _for(
        "Values for several steps are `vars` at the top of the file, written `vars.name` in steps.",
        "env vars variables set_fact let define",
    ),
    _for(
        "Another workflow is run with `call: {value}`.",
        "include include_tasks workflow sub_workflow subworkflow run_workflow import_tasks",
    ),
    _for(
        "After a failure, `on_failure: continue` lets the run continue, and the steps of `finally` "
        "at the top of the file always run.",
        "try catch rescue always ensure on_success",
    ),
    _for("A condition that must hold is written `check: {value}`.", "assert verify test require"),
    _for("The longest duration of a step is written `timeout: 4h`.", "time_limit max_time"),
    _for("The longest duration of a step is written `timeout: {value}m`.", "timeout_minutes"),
    _for("The longest duration of a step is written `timeout: {value}s`.", "timeout_seconds"),
    _for(_COMMENT, "description desc comment label title doc notes"),
    _for(
        "A step cannot be turned off. Put `#` in front of its lines.",
        "enabled disabled active skip",
    ),
    _for(
        "To end the run, write `stop: {value}` for a good end or `fail: {value}` for a bad one.",
        "exit abort end break quit return raise error",
    ),
    _for("A job is started by `submit_job: {value}`.", "submit start_job run_job run_alma_job"),
    _for("A set is found by `find_set: {value}`.", "find search search_set get_set"),
    _for("A person is asked by `approve: {value}`.", "approval ask confirm prompt manual"),
)

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

WORKFLOW: Advice = _all(
    _for(
        "Tests of a workflow are in a separate file, such as `tests/weekly.tests.yaml`. `almaflow "
        "explain tests` describes it.",
        "tests test",
    ),
    _for(_STEPS, "jobs tasks job stages stage pipeline actions flow play plays task"),
    _for(
        _SCHEDULE,
        "crontab timetable when run_at interval",
    ),
    _for(
        "The timetable is written `schedule: {value}`.",
        "triggers trigger schedule_interval schedules cron_schedule",
    ),
    _for(
        "The name of the workflow is written `name: {value}`.",
        "dag_id title id workflow workflow_name",
    ),
    _for(
        "The first day is written in the schedule: `schedule: {{…, starts: {value}}}`.",
        "start_date starts start valid_from",
    ),
    _for(
        "The last day is written in the schedule: `schedule: {{…, ends: {value}}}`.",
        "end_date ends end valid_until",
    ),
    _for(
        "What happens to missed times is written in the schedule: `schedule: {{…, missed: none}}` "
        "(or `latest`, `all`).",
        "catchup catch_up backfill misfire",
    ),
    _for(
        "What happens while a run is unfinished is written `overlap: skip` (or `queue_one`).",
        "max_active_runs concurrency max_instances parallelism",
    ),
    _for(
        "Whom to notify is written as `notify: {{on: [failed], to: systems}}` with a channel of "
        "almaflow.yaml.",
        "on_failure on_error on_success alerts alert email emails notifications mail "
        "email_on_failure mailto notify_on",
    ),
    _for("What all steps have in common is written under `defaults`.", "default_args common"),
    _for(
        "The number of attempts of every step is written `defaults: {{retry: {value}}}`.",
        "retries max_attempts attempts",
    ),
    _for(
        "Steps that always run at the end are a list under `finally`.",
        "post after cleanup clean_up teardown always ensure after_script",
    ),
    _for("Values for several steps are written under `vars`.", "env variables variable constants"),
    _for(
        "Values with which a run is started are written under `inputs`: `inputs: {{month: "
        "{{default: …}}}}`.",
        "params parameters arguments args input",
    ),
    _for("Values that a run returns are written under `outputs`.", "returns result results output"),
    _for(_SETTINGS, "api_key apikey key region base_url host url token alma_key"),
    _for(
        "It is a key of almaflow.yaml, which has the settings of the project and that name.",
        "institutions channels connections calendars pings secrets serve store workflows "
        "default_institution",
    ),
    _for(
        _NO_MEANING,
        "version api_version kind metadata spec hosts runs_on permissions image services become "
        "gather_facts tags owner author",
    ),
    _for("Almaflow has no includes. A step runs another workflow: `call: other.yaml`.", "include"),
)

INPUT: Advice = _all(
    _for(
        "The allowed values are written `enum: {value}`.",
        "choices options values allowed one_of select",
    ),
    _for(
        "An input is required when it has no `default`. Remove `{key}`.",
        "required mandatory optional",
    ),
    _for("The value without another is written `default: {value}`.", "value initial"),
    _for("The purpose is written `description: {value}`.", "help label title"),
    _for("The smallest number is written `minimum: {value}`.", "min"),
    _for("The largest number is written `maximum: {value}`.", "max"),
    _for("The form of the text is written `pattern: {value}`.", "regex regexp format match"),
)

SCHEDULE: Advice = _all(
    _for("A time of day is written `daily: {value}`.", "time at day everyday hour"),
    _for("A cron expression is written `cron: {value}`.", "expression crontab cron_expression"),
    _for("Elapsed time is written `every: {value}`.", "interval repeat period"),
    _for("Days are written `dates: {value}`.", "date"),
    _for("The zone is written `timezone: {value}`.", "tz zone time_zone"),
    _for("The first day is written `starts: {value}`.", "start start_date from begin"),
    _for("The last day is written `ends: {value}`.", "end end_date until to"),
    *(
        {name: f"Write `weekly: {name[:3]} {{bare}}`."}
        for name in ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    ),
    _for(
        "Weekdays and the time are written together: `weekly: mon,thu 06:00`.",
        "days day_of_week weekday dow on_days",
    ),
    _for("Every hour is written `every: 1h`.", "hourly"),
    _for('Once a year is written as a cron expression, such as `cron: "0 6 1 7 *"`.', "yearly"),
    _for("Workdays are written `weekly: mon-fri {bare}`.", "weekdays workdays"),
    _for(
        "Days off are written `except: {value}` with a calendar of almaflow.yaml.", "exclude skip"
    ),
    _for(
        "To stop a timetable, use `almaflow pause NAME`, or put `#` in front of its lines.",
        "enabled disabled active",
    ),
)

_EVENTS = "succeeded warning failed cancelled recovered missed late slow stuck waiting"

NOTICE: Advice = _all(
    _for("The events are a list: write `{{on: [{key}], to: {value}}}`.", _EVENTS),
    _for(
        "The events are a list: write `{{on: [failed], to: {value}}}`.",
        "on_failure on_error failure error",
    ),
    _for(
        "The events are a list: write `{{on: [succeeded], to: {value}}}`.",
        "on_success success",
    ),
    _for("The events are written `on: {value}`.", "events event when if status outcome"),
    _for(
        "Write `to` with the name of a channel; the address is under `channels` in almaflow.yaml.",
        "email mail channel address recipient recipients slack webhook url who",
    ),
    _for(
        "The text is made from how the run ended. A message of your own is a step `notify`.",
        "message text subject body",
    ),
)

CALL: Advice = _all(
    _for("The inputs are written `inputs: {value}`.", "with params parameters args vars"),
    _for("The workflow is written `workflow: {value}`.", "file path name uses url"),
)

CSV_ROWS: Advice = _all(
    _for("The file is written `file: {value}`.", "path csv name filename"),
    _for("The columns are written `columns: [{value}]`.", "column fields"),
)

APPEND_FILE: Advice = _all(
    _for("The columns and their values are written `row: {value}`.", "rows columns values data"),
    _for("The file is written `file: {value}`.", "path csv name filename to"),
)

FOR_EACH: Advice = _all(
    _for("The repeated steps are a list under `steps`.", "do run tasks body loop step then"),
    _for("The list is written `items: {value}`.", "in list of over values item loop_over range"),
    _for("The name of the item is written `as: {value}`.", "var variable name loop_var item_name"),
    _for("How many run together is written `max_parallel: {value}`.", "parallel concurrency forks"),
)

BRANCH: Advice = _all(
    _for("The value to compare is written `on: {value}`.", "value switch expression condition if"),
    _for("The arms are a mapping under `cases`: `cases: {{succeeded: […]}}`.", "case when then"),
    _for("The last arm is written `default: {value}`.", "else otherwise"),
)

CREATE_SET: Advice = _all(
    _for(
        "A file with members is written `members: {{file: {value}, column: …}}`.", "file csv path"
    ),
    _for("The members are written `members: {value}`.", "ids items barcodes records list mms_ids"),
    _for("What the set contains is written `content: ITEM`.", "record_type entity entity_type"),
    _for(
        "An itemized set has `members`, a logical one has `query`. Remove `{key}`; what the set "
        "contains is written `content: ITEM`.",
        "type set_type kind",
    ),
    _for("The search is written `query: {value}`.", "search filter where cql"),
    _for("The type of the ids is written `id_type: {value}`.", "identifier key_type"),
)

SUBMIT_JOB: Advice = _all(
    _for("The job is written `job: {value}`.", "id job_id name job_name_or_id code task"),
    _for("The set is written `set: {value}`.", "set_id set_name on records input"),
    _for("The parameters are written `parameters: {value}`.", "params arguments args with inputs"),
    _for(
        "The payload is the name of a file: `payload: {value}`.", "file xml body data payload_file"
    ),
    _for("What must hold at the end is written `expect: {value}`.", "check assert verify success"),
)

MEMBERS: Advice = _all(
    _for("The file is written `file: {value}`.", "csv path filename from source"),
    _for("The heading of the column is written `column: {value}`.", "field heading header col key"),
    _for("The ids are written `items: {value}`, or alone.", "ids list values members"),
)

RUN_PROFILE: Advice = _all(
    _for(
        "An import profile is written `import: {value}`, an integration profile `integration: "
        "{value}`, a publishing profile `publishing: {value}`.",
        "profile name profile_name code type",
    ),
    _for(
        "An import profile is written `import: {{id: {value}}}`, an integration profile "
        "`integration: {{id: {value}}}`.",
        "id profile_id",
    ),
    _for(
        "A publishing profile is written `publishing: {value}`.",
        "publishing_profile publish",
    ),
    _for("The beginning of the job's name is written `job: {value}`.", "job_id job_name task"),
)

NOTIFY: Advice = _all(
    _for(
        "The channel is written `to: {value}`, with a name under `channels` in almaflow.yaml.",
        "channel recipient recipients email address cc bcc who",
    ),
    _for("The text is written `message: {value}`.", "text body msg content"),
    _for(
        "The subject is made from the workflow and cannot be changed. Begin the `message` with it.",
        "subject title",
    ),
    _for("Files are written `attach: {value}`.", "attachments attachment files file"),
)

_YES, _NO = ("yes", "y", "on", "true", "1", "t"), ("no", "n", "off", "false", "0", "f")


def value_meant(kind: type, value: Any) -> str:
    """Return what to write instead of *value*, which is no *kind*, as the end of a sentence."""
    text = str(value).strip() if isinstance(value, str | int) else ""
    if kind is bool and text in ("true", "false"):
        return f". Write `{text}` without quotes"
    if kind is bool and text.casefold() in (*_YES, *_NO):
        return f", not `{text}`. Write `{'true' if text.casefold() in _YES else 'false'}`"
    number = r"-?\d+(?:\.\d+)?" if kind is float else r"-?\d+"
    if kind is not bool and isinstance(value, str) and re.fullmatch(number, text):
        return f". Write `{text}` without quotes"
    return " (without quotes)" if isinstance(value, str) else ""


TRIGGERS: Advice = _all(
    _for(
        "A timetable is written at the top of the file: `schedule: {value}`.",
        "schedule cron timetable daily every",
    ),
    _for(
        "`almaflow run` starts a workflow by hand; nothing has to be written for that.",
        "workflow_dispatch push pull_request manual webhook workflow_call dispatch",
    ),
    _for("The end of a job is written `job_ended: {value}`.", "job_end job jobs job_finished"),
)
