"""What people who know other tools write as a key, and what to write instead.

Cron files, GitHub Actions, Ansible, Airflow, GitLab and shell scripts have their own words for
what a workflow says. Each table belongs to the model whose keys it explains; `{value}` in a
sentence is what the file has under that key, `{key}` the key.
"""

from __future__ import annotations

from almaflow.foreign_words import Advice, advise, table, use_key

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

STEP: Advice = table(
    use_key("if", "A condition is written", "when only_if condition conditions run_if enabled_if"),
    advise(
        "A condition is written `if:`, with `not` for the opposite.", "unless except_if skip_if"
    ),
    advise(_COMMAND, "run script shell command cmd exec execute bash python powershell sql"),
    advise(_KIND, "uses with module args action operator task operation type kind function method"),
    advise(_ORDER, "needs depends_on depends dependencies requires after upstream depend_on"),
    advise(_RESULT, "register save_as store_as result output_name result_as returns", meant="id"),
    advise(
        _LOOP,
        "loop with_items foreach for repeat matrix strategy while each items iterate",
        meant="for_each",
    ),
    advise(
        _CONTINUE,
        "ignore_errors ignore_error continue_on_error allow_failure on_error onerror fail_fast "
        "ignore_failure failed_when trigger_rule continue_on_failure",
    ),
    use_key(
        "retry",
        "The number of attempts is written",
        "retries max_attempts max_retries retry_count attempts tries retry_times",
    ),
    advise(
        "The wait before another attempt is written `retry: {{attempts: 3, delay: {value}}}`.",
        "retry_delay retry_interval retry_wait",
        meant="retry",
    ),
    advise(
        "Only `for_each`, `parallel` and `branch` have steps inside. Give each step its own `if`.",
        "steps block",
    ),
    advise(_ARMS, "then else elif else_if otherwise do"),
    advise(
        "A choice is written `branch: {{on: …, cases: {{…}}, default: […]}}`.",
        "switch case cases match choose select",
    ),
    advise("A pause is written `wait: 10m` (or `90s`, `4h`).", "sleep delay pause_for"),
    advise(
        _MESSAGE, "email mail message send alert slack teams webhook mailto send_mail send_email"
    ),
    use_key("notify", "A line in the log is written", "print echo log debug say"),
    advise(
        "Values for several steps are `vars` at the top of the file, written `vars.name` in steps.",
        "env vars variables set_fact let define",
    ),
    use_key(
        "call",
        "Another workflow is run with",
        "include include_tasks workflow sub_workflow subworkflow run_workflow import_tasks",
    ),
    advise(
        "After a failure, `on_failure: continue` lets the run continue, and the steps of `finally` "
        "at the top of the file always run.",
        "try catch rescue always ensure on_success",
    ),
    use_key("check", "A condition that must hold is written", "assert verify test require"),
    advise("The longest duration of a step is written `timeout: 4h`.", "time_limit max_time"),
    advise(
        "The longest duration of a step is written `timeout: {value}m`.",
        "timeout_minutes",
        meant="timeout",
    ),
    advise(
        "The longest duration of a step is written `timeout: {value}s`.",
        "timeout_seconds",
        meant="timeout",
    ),
    advise(_COMMENT, "description desc comment label title doc notes", meant="name"),
    advise(
        "A step cannot be turned off. Put `#` in front of its lines.",
        "enabled disabled active skip",
    ),
    advise(
        "To end the run, write `stop: {value}` for a good end or `fail: {value}` for a bad one.",
        "exit abort end break quit return raise error",
    ),
    use_key("submit_job", "A job is started by", "submit start_job run_job run_alma_job"),
    use_key("find_set", "A set is found by", "find search search_set get_set"),
    use_key("approve", "A person is asked by", "approval ask confirm prompt manual"),
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

WORKFLOW: Advice = table(
    advise(
        "Tests of a workflow are in a separate file, such as `tests/weekly.tests.yaml`. `almaflow "
        "explain tests` describes it.",
        "tests test",
    ),
    advise(
        _STEPS, "jobs tasks job stages stage pipeline actions flow play plays task", meant="steps"
    ),
    advise(_SCHEDULE, "crontab timetable when run_at interval"),
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
        "email_on_failure mailto notify_on",
    ),
    advise("What all steps have in common is written under `defaults`.", "default_args common"),
    advise(
        "The number of attempts of every step is written `defaults: {{retry: {value}}}`.",
        "retries max_attempts attempts",
        meant="defaults",
    ),
    advise(
        "Steps that always run at the end are a list under `finally`.",
        "post after cleanup clean_up teardown always ensure after_script",
    ),
    advise(
        "Values for several steps are written under `vars`.", "env variables variable constants"
    ),
    advise(
        "Values with which a run is started are written under `inputs`: `inputs: {{month: "
        "{{default: …}}}}`.",
        "params parameters arguments args input",
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
        "gather_facts tags owner author",
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

CALL: Advice = table(
    use_key("inputs", "The inputs are written", "with params parameters args vars"),
    use_key("workflow", "The workflow is written", "file path name uses url"),
)

CSV_ROWS: Advice = table(
    use_key("file", "The file is written", "path csv name filename"),
    advise("The columns are written `columns: [{value}]`.", "column fields", meant="columns"),
)

APPEND_FILE: Advice = table(
    use_key("row", "The columns and their values are written", "rows columns values data"),
    use_key("file", "The file is written", "path csv name filename to"),
)

FOR_EACH: Advice = table(
    advise(
        "The repeated steps are a list under `steps`.",
        "do run tasks body loop step then",
        meant="steps",
    ),
    use_key("items", "The list is written", "in list of over values item loop_over range"),
    use_key("as", "The name of the item is written", "var variable name loop_var item_name"),
    use_key("max_parallel", "How many run together is written", "parallel concurrency forks"),
)

BRANCH: Advice = table(
    use_key("on", "The value to compare is written", "value switch expression condition if"),
    advise(
        "The arms are a mapping under `cases`: `cases: {{succeeded: […]}}`.",
        "case when then",
        meant="cases",
    ),
    use_key("default", "The last arm is written", "else otherwise"),
)

CREATE_SET: Advice = table(
    advise(
        "A file with members is written `members: {{file: {value}, column: …}}`.",
        "file csv path",
        meant="members",
    ),
    use_key("members", "The members are written", "ids items barcodes records list mms_ids"),
    advise("What the set contains is written `content: ITEM`.", "record_type entity entity_type"),
    advise(
        "An itemized set has `members`, a logical one has `query`. Remove `{key}`; what the set "
        "contains is written `content: ITEM`.",
        "type set_type kind",
        meant="content",
    ),
    use_key("query", "The search is written", "search filter where cql"),
    use_key("id_type", "The type of the ids is written", "identifier key_type"),
)

SUBMIT_JOB: Advice = table(
    use_key("job", "The job is written", "id job_id name job_name_or_id code task"),
    use_key("set", "The set is written", "set_id set_name on records input"),
    use_key("parameters", "The parameters are written", "params arguments args with inputs"),
    use_key("payload", "The payload is the name of a file:", "file xml body data payload_file"),
    use_key("expect", "What must hold at the end is written", "check assert verify success"),
)

MEMBERS: Advice = table(
    use_key("file", "The file is written", "csv path filename from source"),
    use_key("column", "The heading of the column is written", "field heading header col key"),
    advise(
        "The ids are written `items: {value}`, or alone.", "ids list values members", meant="items"
    ),
)

FETCH_FILES: Advice = use_key("connection", "The server is written", "from source server host")

RUN_PROFILE: Advice = table(
    advise(
        "An import profile is written `import: {value}`, an integration profile `integration: "
        "{value}`, a publishing profile `publishing: {value}`.",
        "profile name profile_name code type",
    ),
    advise(
        "An import profile is written `import: {{id: {value}}}`, an integration profile "
        "`integration: {{id: {value}}}`.",
        "id profile_id",
    ),
    use_key("publishing", "A publishing profile is written", "publishing_profile publish"),
    use_key("job", "The beginning of the job's name is written", "job_id job_name task"),
)

NOTIFY: Advice = table(
    advise(
        "The channel is written `to: {value}`, with a name under `channels` in almaflow.yaml.",
        "channel recipient recipients email address cc bcc who",
        meant="to",
    ),
    use_key("message", "The text is written", "text body msg content"),
    advise(
        "The subject is made from the workflow and cannot be changed. Begin the `message` with it.",
        "subject title",
    ),
    use_key("attach", "Files are written", "attachments attachment files file"),
)

TRIGGERS: Advice = table(
    use_key(
        "schedule",
        "A timetable is written at the top of the file:",
        "schedule cron timetable daily every",
    ),
    advise(
        "`almaflow run` starts a workflow by hand; nothing has to be written for that.",
        "workflow_dispatch push pull_request manual webhook workflow_call dispatch",
    ),
    use_key("job_ended", "The end of a job is written", "job_end job jobs job_finished"),
)
