"""What is meant by a name that is not known in an expression, and what to write instead.

People write the name of a step without `steps.`, a counter as a bare word, a text without quotes,
and the functions and filters of the languages that they know.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from almaflow.expressions.types import RecordType, Type, certain
from almaflow.problems import did_you_mean

# What steps give to later ones: without its step, such a name is a slip that many make.
_OUTPUTS = frozenset(
    {"set_id", "member_count", "instance_id", "counters", "status", "outcome", "link", "body"}
    | {"files", "rows", "value"}
)


_COUNTER = "c.jobs."
"""How the names of counters begin."""


def _for(sentence: str, names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), sentence)


_ENVIRONMENT = (
    "A workflow does not see the environment. Declare an input and write `inputs.name`, or a "
    "secret of almaflow.yaml and write `secrets.name`."
)
_NAMES: Mapping[str, str] = {
    **_for(
        "Nothing is written `none`; to ask for it, write `… is defined`.",
        "null nil undefined Null NULL",
    ),
    **_for("Write `true` and `false` in lower case.", "TRUE FALSE yes no YES NO"),
    **_for(_ENVIRONMENT, "env environ ENV os"),
    **_for(
        "It is a name of another tool. `almaflow explain expressions` lists the names that exist.",
        "github gitlab matrix runner jobs needs job hostvars ansible_facts context this self task",
    ),
    **_for("Write `today - days(1)`.", "yesterday gestern hier"),
    **_for("Write `today + days(1)`.", "tomorrow"),
    **_for("Write `today - months(1)`.", "last_month previous_month prev_month"),
    **_for("Write `run.name`.", "workflow workflow_name dag"),
    **_for("Write `inputs.name` or `vars.name`.", "params parameters args arguments var variables"),
    **_for(
        "Write `today`, `now`, or `run.scheduled_at` for the time of the timetable.",
        "ds execution_date date datetime time logical_date data_interval_start timestamp",
    ),
    **_for(
        "Give the step an `id` and write `steps.` and that id, such as `steps.titles.set_id`.",
        "result results output outputs previous prev last step response ti dag_run task_instance",
    ),
    **_for(
        "In a `for_each`, the item is written `item`, or as its `as` says. Iterations have no "
        "number; a part of the item, such as `{{ item | first }}` of a list, makes a name unique.",
        "loop each it index",
    ),
}


def meant_name(name: str, scope: RecordType, chain: str) -> str:
    """Return the end of a sentence about *name*, which *scope* does not have.

    *chain* is the name with what follows it after dots.
    """
    if chain.startswith(_COUNTER):
        return f". The name of a counter is a text: write it in quotes, `'{chain}'`."
    for group in ("steps", "inputs", "vars"):
        members = scope.fields.get(group)
        if isinstance(members, RecordType) and name in members.fields:
            return f". Write `{group}.{name}`."
    if name in _OUTPUTS:
        return (
            ". It is an output of a step: give that step an `id`, such as `id: wanted`, and write "
            f"`steps.wanted.{name}`."
        )
    near = did_you_mean(name, scope.fields)
    if near and (name not in _NAMES or "only looks like" in near):
        return near
    if name in _NAMES:
        return f". {_NAMES[name]}"
    if name in _FUNCTIONS and name not in _ENDINGS:
        return f". {_FUNCTIONS[name]}"
    text = f"If it is a text, put it in quotes: `'{name}'`."
    counters = _counters(scope)
    is_word = name.isidentifier() and name.islower() and len(name) > 1
    if counters and is_word and name not in _ENDINGS:
        return (
            f". If it is a counter of the job, write `{counters}.number('c.jobs.….{name}')` with "
            f"its whole name. {text}"
        )
    return f". {text}"


def _counters(scope: RecordType) -> str:
    """Return where the counters are that a bare word may mean; empty: nowhere, or in many jobs."""
    if "counters" in scope.fields:
        return "counters"
    steps = scope.fields.get("steps")
    fields = steps.fields if isinstance(steps, RecordType) else {}
    jobs = [one for one, type_ in fields.items() if _has_counters(type_)]
    return f"steps.{jobs[0]}.counters" if len(jobs) == 1 else ""


def _has_counters(type_: Type) -> bool:
    step = certain(type_)
    return isinstance(step, RecordType) and "counters" in step.fields


# The first of these that a step has.
_OTHER_OUTPUTS: Mapping[str, str] = {
    **_for("member_count count", "count size length total"),
    **_for("member_count", "members number_of_members"),
    **_for("set_id instance_id", "id"),
    **_for("set_id", "set"),
    **_for("instance_id", "run_id"),
    **_for("status outcome", "state"),
    **_for("error", "message reason"),
    **_for("seconds", "duration time"),
    **_for("link", "url"),
    **_for("files", "file path"),
    **_for("body rows", "data"),
    **_for("body", "json response"),
    **_for("value body", "result"),
    **_for("rows results", "results"),
}
_ENDINGS: Mapping[str, str] = {
    **_for("succeeded", "success succeeded ok successful passed"),
    **_for("failed", "failed failure error_occurred"),
    **_for("skipped", "skipped"),
    **_for("warning", "warning warnings"),
}


def meant_output(name: str, record: RecordType, written: str) -> str:
    """Return the end of a sentence about the output *name* of a step, *written* in the source."""
    other = next((one for one in _OTHER_OUTPUTS.get(name, "").split() if one in record.fields), "")
    if other:
        return f". Write `{written}.{other}`."
    if name in _ENDINGS and "outcome" in record.fields:
        return f". Write `{written}.outcome == '{_ENDINGS[name]}'`."
    if near := did_you_mean(name, record.fields):
        return near
    if name in ("output", "outputs", "exists", "found", "results", "result"):
        example = next(
            (one for one in ("set_id", "instance_id") if one in record.fields), "outcome"
        )
        return f". An output follows the id of its step: `{written}.{example}`."
    if "counters" in record.fields:
        return (
            f". If it is a counter, write `{written}.counters.number('c.jobs.….{name}')` with its "
            "whole name."
        )
    return "."


_FILTERS: Mapping[str, str] = {
    **_for("date('%Y-%m-%d')", "strftime format_date dateformat date_format formatdate to_date"),
    **_for("length", "len size count_of strlen"),
    **_for("tojson", "json to_json stringify dumps"),
    **_for("upper", "uppercase to_upper toupper toUpperCase ucase"),
    **_for("lower", "lowercase to_lower tolower toLowerCase lcase"),
    **_for("trim", "strip stripped"),
    **_for("int", "number to_int integer to_number parseInt"),
    **_for("string", "str text to_string"),
    **_for("default('…')", "coalesce ifnull nvl or_else dflt"),
    **_for("sort", "sorted order_by orderby"),
    **_for("unique", "distinct uniq"),
    **_for("map(attribute='…')", "pluck extract"),
    **_for("select", "filter where"),
    **_for("slug", "slugify"),
    **_for("urlencode", "url_encode quote"),
}
_FUNCTIONS: Mapping[str, str] = {
    **_for("Write `'text' in value`.", "contains includes has"),
    **_for("Write `value is defined`.", "exists defined is_defined isset isdefined"),
    **_for("Write `value == ''`, or `value | length == 0` for a list.", "empty is_empty isempty"),
    **_for("Write `a if condition else b`.", "iif ternary IF if_else"),
    **_for("Write `a ~ b`.", "concat concatenate"),
    **_for("Write `value.startswith('text')`.", "startsWith starts_with startswith begins_with"),
    **_for("Write `value.endswith('text')`.", "endsWith ends_with endswith"),
    **_for(
        "Remove it: a step runs only when the steps before it went well, or have `on_failure: "
        "continue`.",
        "success succeeded",
    ),
    **_for(
        "Give the step that may fail an `id` and `on_failure: continue`, and compare: "
        "`steps.x.outcome == 'failed'`.",
        "failure failed",
    ),
    **_for("Steps that always run are a list under `finally` at the top of the file.", "always"),
    **_for("Ask for `run.outcome == 'cancelled'` in a step of `finally`.", "cancelled canceled"),
    **_for("Write `days(7)`, `hours(6)` or `months(1)`.", "timedelta relativedelta interval"),
    **_for(_ENVIRONMENT, "lookup getenv env environ"),
    **_for("Nothing random is known; `run.id` is different for each run.", "uuid random guid"),
}
_TESTS: Mapping[str, str] = {
    **_for("`none`", "null nil undefined nothing"),
    **_for("`defined`", "present exists set existing"),
    **_for("`== ''`, or `| length == 0` for a list", "empty blank"),
    **_for("`in`, as in `'text' in value`", "contains containing"),
}


def meant_operation(noun: str, name: str, known: Collection[str], filters: Collection[str]) -> str:
    """Return the end of a sentence about a *noun* (filter, test, function) that is not *known*.

    *filters* are the filters that exist.
    """
    if noun == "function" and name in ("now", "today"):
        return f". Write `{name}` without brackets."
    if noun == "function" and name in _FUNCTIONS:
        return f". {_FUNCTIONS[name]}"
    if noun == "test" and name.isupper():
        return f". Compare with a text: `== '{name}'`."
    if noun == "test" and name in _TESTS:
        return f"; did you mean {_TESTS[name]}?"
    right = _FILTERS.get(name, name if name in filters else "")
    if right and noun == "function":
        return f". Write it as a filter: `value | {right}`."
    if right and noun == "filter":
        return f"; did you mean `{right}`?"
    return did_you_mean(name, known) or "."


def meant_method(name: str) -> str:
    """Return the sentence about what a method of other languages is here; empty: it is none."""
    return _FUNCTIONS.get(name, "")


def meant_filter(name: str, filters: Collection[str]) -> str:
    """Return the filter that does what the attribute or method *name* would; empty: none does."""
    return _FILTERS.get(name, name if name in filters else "")
