"""The payload of a `submit_job`: a file that is there, can be read and fits the step."""

from __future__ import annotations

from almaflow.alma.payload import (
    LARGEST_PAYLOAD,
    ParameterRepeated,
    PayloadInvalid,
    decode_payload,
    merge_parameters,
    read_payload,
)
from almaflow.alma.wire import JobParameter
from almaflow.alma_keys import find_keys
from almaflow.check.collector import ProblemCollector
from almaflow.check.job_sets import check_payload_set
from almaflow.check.loader import CheckContext
from almaflow.check.parameter_names import check_names_known
from almaflow.check.payload_jobs import check_inline_payload, check_payload_job
from almaflow.check.placeholders import placeholders
from almaflow.check.project_files import check_keys, display_name, find_file
from almaflow.check.set_values import MEANT_AS_TEMPLATE, PLACEHOLDER_LEFT
from almaflow.check.value_shapes import shell_words
from almaflow.document import PathTo
from almaflow.document.hazards import ALMA_KEY, KEY_MESSAGE
from almaflow.document.slips import in_quotes, shown
from almaflow.problems import Location, Problem, Severity
from almaflow.steps.submit_job import SET_ID, SubmitJob
from almaflow.text_files import FileUnreadable, read_bytes


def check_payload(
    notes: ProblemCollector, around: CheckContext, path: PathTo, kind: SubmitJob
) -> None:
    """Note a payload that is not there, is none, or does not fit its parameters."""
    assert kind.payload is not None
    place = (*path, "payload")
    if check_inline_payload(notes, place, kind.payload):
        return
    target = find_file(notes, around, place, kind.payload, Severity.ERROR)
    if target is None:
        return
    text = ""
    try:
        text = decode_payload(read_bytes(target, LARGEST_PAYLOAD))
        payload = read_payload(text)
    except FileUnreadable as error:
        message = f"The payload `{kind.payload}` cannot be read: {error.reason}."
        notes.at(place, "unreadable", message)
    except PayloadInvalid as error:
        _in_payload(notes, kind.payload, text, error)
    else:
        parameters = payload.parameters
        _check_overrides(notes, path, kind, parameters)
        check_payload_set(notes, path, kind, parameters)
        check_payload_job(notes, path, kind, payload)
        _check_values(notes, place, kind, parameters)
        names = {one.name for one in parameters}
        source = f"the payload `{kind.payload}`"
        check_names_known(notes, path, kind, names, source, only_slips=True)
        if any(find_keys(one.value) for one in parameters) and not find_keys(text):
            # Escapes of XML or JSON hide it.
            notes.at(place, ALMA_KEY, KEY_MESSAGE)
    check_keys(notes, kind.payload, text)


def _check_values(
    notes: ProblemCollector, place: PathTo, kind: SubmitJob, payload: list[JobParameter]
) -> None:
    """Note values of a payload that were meant to be replaced: nothing in it is evaluated."""
    given = kind.parameters
    replaced = set(given) if isinstance(given, dict) else {one.name for one in given}
    for one in payload:
        if one.name in (*replaced, SET_ID):
            continue
        if "{{" in one.value and "}}" in one.value:
            code, what = MEANT_AS_TEMPLATE, "a template"
        elif any(placeholders(one.value)) or any(shell_words(one.value)):
            code, what = PLACEHOLDER_LEFT, "a placeholder"
        else:
            continue
        value = in_quotes(shown(one.value)) if what == "a template" else '"{{ inputs.… }}"'
        notes.at(
            place,
            code,
            f"The value of `{one.name}` in the payload has {what}, and is sent as it is, because "
            f"nothing in a payload is evaluated. Write the parameter in the workflow, next to "
            f"`payload`: `parameters: {{{one.name}: {value}}}`.",
            Severity.WARNING,
        )


def _in_payload(notes: ProblemCollector, name: str, text: str, error: PayloadInvalid) -> None:
    """Note a mistake in the payload at its place there."""
    location = Location(display_name(notes, name), error.line, error.column)
    line = error.line_of(text)
    notes.add(Problem(location, "bad-payload", str(error), line_text=line))


def _check_overrides(
    notes: ProblemCollector, path: PathTo, kind: SubmitJob, payload: list[JobParameter]
) -> None:
    """Note names of a mapping of parameters that the payload has several times."""
    if not isinstance(kind.parameters, dict):
        return
    for name in kind.parameters:
        try:
            merge_parameters(payload, {name: ""}, None, None)
        except ParameterRepeated as error:
            notes.at_key((*path, "parameters", name), "parameter-repeated", str(error))
