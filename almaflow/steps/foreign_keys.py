"""What people who know other tools write as a key of a step, and what to write instead.

The forms are those of `almaflow.foreign_keys`.
"""

from __future__ import annotations

from almaflow.foreign_words import Advice, advise, join, table, use_key

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
        "ignore_failure failed_when trigger_rule continue_on_failure continue_on",
    ),
    join(
        "Attempts and the wait between them are written `retry: {whole}`.",
        inside="retry",
        attempts="retries max_attempts max_retries retry_count attempts tries retry_times "
        "max_tries",
        delay="retry_delay retry_interval retry_wait retry_delay_seconds",
    ),
    advise(
        "A profile is written `run_profile: {{integration: {value}}}` (or `import`, `publishing`).",
        "integration_profile profile integration",
        meant="run_profile",
    ),
    advise(
        "An import profile is written `run_profile: {{import: {value}}}`.",
        "import_profile",
        meant="run_profile",
    ),
    advise(
        "A publishing profile is written `run_profile: {{publishing: {value}}}`.",
        "publishing_profile",
        meant="run_profile",
    ),
    advise(
        "The zone is that of the institution. Write `institution: NAME` with an entry of "
        "almaflow.yaml.",
        "zone iz nz cz",
    ),
    advise(
        "Only `for_each`, `parallel` and `branch` have steps inside. Give each step its own `if`.",
        "steps",
    ),
    advise(
        "`submit_job` and `run_profile` wait for the end of their job, and `wait_for_run` for one "
        "that others started. Remove `{key}` with its `register`, `retries` and `delay`; to use "
        "what the step gives, give it an `id`.",
        "until poll_until wait_until",
        meant="register retries delay",
        beside_kind=True,
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
        "Write its steps one below the other. After a failure, `on_failure: continue` lets the run "
        "continue, and the steps of `finally` at the top of the file always run.",
        "block try catch except rescue always ensure on_success",
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
    use_key("on", "The value to compare is written", "value switch expression condition"),
    advise(
        "A branch compares a value: `branch: {{on: steps.x.outcome, cases: {{succeeded: […]}}, "
        "default: […]}}`. A condition is written `if` in each step of the arm.",
        "if",
        meant="on then else cases",
    ),
    advise(
        "The arms are a mapping under `cases`: `cases: {{succeeded: […]}}`.",
        "case when then",
        meant="cases",
    ),
    use_key("default", "The last arm is written", "else otherwise"),
)

_SET_BY_ID = (
    "A set is used by its id: put the step `- {{id: wanted, find_set: {{name: {value}}}}}` before "
    'this one and write `set: "{{{{ steps.wanted.set_id }}}}"`.'
)

SUBMIT_JOB: Advice = table(
    join(
        "The job is written `job: {whole}`.",
        inside="job",
        id="id job_id code task",
        name="name job_title job_name_or_id",
    ),
    advise("A job is known by its id or name. Remove `{key}`.", "job_category job_type"),
    use_key("set", "The set is written", "set_id on records input"),
    advise(_SET_BY_ID, "set_name select_set selected_set choose_set", meant="set"),
    use_key("parameters", "The parameters are written", "params arguments args with inputs"),
    use_key("payload", "The payload is the name of a file:", "file xml body data payload_file"),
    use_key("expect", "What must hold at the end is written", "check assert verify success"),
)

FETCH_FILES: Advice = advise(
    "The server is `connection: NAME`, its folder `folder: …`; `pattern` says which files, and "
    "`to` where they are put. `almaflow explain fetch_files` shows an example.",
    "from source server host",
    meant="connection pattern to",
)

POLL: Advice = join(
    "The longest wait between two polls is written `poll: {whole}`.",
    inside="first",
    max="interval every delay seconds period frequency wait",
)

RETRY: Advice = join(
    "Write `retry: {whole}`.",
    attempts="times max max_retries max_attempts count limit tries retries maximum",
    delay="interval wait backoff pause seconds every retry_delay delay_seconds",
    drop="type strategy policy",
)

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

WAIT: Advice = table(
    use_key("for", "How long is written", "duration time delay sleep pause interval"),
    *(
        advise(f"How long is written `for: {{value}}{unit}`.", f"{word} {word}s", meant="for")
        for word, unit in (("second", "s"), ("minute", "m"), ("hour", "h"), ("day", "d"))
    ),
    use_key("until", "A time of day is written", "at time_of_day till date datetime"),
    advise(
        "To wait for the end of a job, write `wait_for_run: {{job: {value}}}` in place of `wait`; "
        "`submit_job` waits for its own job.",
        "job job_id profile run instance",
    ),
    advise(
        "`wait` knows only times. What must hold before the next step is written `check: {value}`.",
        "condition if that expression",
    ),
)

_NEWEST = (
    "The instance is found by its job and the time at which it began, such as `job: M58` with "
    "`since: -13d`."
)

WAIT_FOR_RUN: Advice = table(
    join(
        "The job is written `job: {whole}`.",
        inside="job",
        id="id job_id code task",
        name="job_name",
    ),
    advise(_NEWEST, "instance instance_id run_id run"),
    use_key("since", "The earliest time is written", "after from start newer_than max_age"),
    advise("How long to wait is written next to `wait_for_run`: `timeout: {value}`.", "max_wait"),
)

_IF = "Whether the step runs is written next to it: `if: {value}`."

CHECK: Advice = table(
    use_key("that", "What must be true is written", "condition if expression assert test when"),
    use_key("message", "The text is written", "text reason error fail_msg"),
    use_key("otherwise", "What happens else is written", "else on_false action"),
)

STOP: Advice = table(
    advise(_IF, "condition when that"),
    use_key("message", "The text is written", "text title"),
    advise(
        "`stop` is a good end of the run, `fail` a bad one. Remove `{key}`.",
        "outcome status result code exit_code",
    ),
)

APPROVE: Advice = table(
    use_key("message", "The question is written", "question text prompt title"),
    advise(
        "Every person may approve who can use this project or the page of `serve`. Remove `{key}`.",
        "who approver approvers users user assignee assignees reviewers to by",
    ),
    use_key("on_timeout", "What happens without an answer is written", "default otherwise"),
)

GET: Advice = table(
    use_key("path", "The path is written", "url uri endpoint href"),
    use_key("query", "The parameters are written", "params parameters args"),
    use_key("select", "The part to keep is written", "jq jsonpath json_path extract fields"),
    advise("All pages are read by `all: true`.", "paginate pages all_pages", meant="all"),
    advise(
        "`get` only reads, as JSON, with the key of the institution. Remove `{key}`.",
        "method headers verb accept format body data auth apikey api_key",
    ),
)

READ_REPORT: Advice = table(
    use_key("path", "The report is written", "report name report_path report_name"),
    use_key("columns", "The columns are written", "fields headings"),
    advise("All rows are read. Remove `{key}`.", "limit max_rows rows page_size col_names"),
    advise(
        "The rows are the output `steps.ID.rows`. A step `append_file` writes a file.",
        "file output save_as to csv filename",
    ),
)
