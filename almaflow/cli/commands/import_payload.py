"""`almaflow import-payload`: the payload of Alma's job wizard as a step, ready to paste."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from almaflow.alma.pasted_payload import JOB_ID
from almaflow.alma.payload import (
    LARGEST_PAYLOAD,
    Payload,
    PayloadInvalid,
    decode_payload,
    merge_parameters,
    read_payload,
)
from almaflow.alma.wire import JobParameter
from almaflow.authoring.new_workflow.texts import literally
from almaflow.cli.input_files import STDIN, read_input
from almaflow.cli.options import JsonOption
from almaflow.cli.render.terminal import emit, emit_document, emit_json
from almaflow.errors import DocumentsInvalid, RequestWrong
from almaflow.operations.pasted_steps import quoted
from almaflow.problems import Location, Problem


def import_payload(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="The payload as copied from Alma, XML or JSON, with or without the URL above it, "
            "or a curl command; `-` reads standard input.",
        ),
    ],
    job: Annotated[
        str | None,
        typer.Option(
            "--job",
            metavar="ID",
            help="The job's id, such as M44, if neither URL nor payload contains it.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print a job's payload as a `submit_job` step in YAML.

    The payload is in the panel "API information" on the last page of Alma's job wizard. `set_id`
    becomes `set`, and `job_name` becomes a key of the step. If a name repeats, or if these two are
    not the last parameters, the parameters become a list that keeps their order. The id of the
    job is that of the URL or the payload.
    """
    if job is not None and not JOB_ID.fullmatch(job):
        raise RequestWrong(
            f"`{job}` is not a valid job id: use a letter (M, S or O) and digits, such as M44. "
            "`almaflow jobs list` shows the ids."
        )
    payload = payload_in(file)
    if job and payload.job and job != payload.job:
        raise RequestWrong(
            f"{_source(file)} is a payload of job {payload.job}, but `--job` names {job}. Remove "
            "`--job`, or use the payload of that job."
        )
    job = job or payload.job
    step = step_of(payload.parameters, job)
    if as_json:
        emit_json(step)
    else:
        emit_document("\n".join(step_lines(step)))
    for note in _notes(payload, job):
        emit(note, err=True)


def _notes(payload: Payload, job: str | None) -> Iterator[str]:
    """Yield advice about the step."""
    if job is None:
        yield (
            "The payload does not name its job: replace JOB_ID by the id (`almaflow jobs list` "
            "shows it), or use `--job`."
        )
    elif job.startswith("S"):
        yield (
            f"Warning: {job} is a scheduled job, and its parameters are in its profile. To run it, "
            "write `run_profile` with the profile instead: `run_profile: {integration: CODE}` or "
            "`run_profile: {import: NAME}` (`almaflow explain run_profile`)."
        )
    if any(one.name == "set_id" and not one.value for one in payload.parameters):
        yield (
            'The payload has no set: replace `set_id` by `set: "{{ steps.NAME.set_id }}"`, or '
            "by the id of a set."
        )
    yield from line_break_warnings(payload)


def line_break_warnings(payload: Payload) -> Iterator[str]:
    """Yield a sentence about the values that begin or end with a line break, if there are any."""
    if names := payload.laid_out():
        yield (
            f"Warning: the value of {', '.join(f'`{name}`' for name in names)} begins or ends "
            "with a line break, which Alma would get as part of it. If an editor added the line "
            "break, remove it."
        )


def _source(file: str) -> str:
    return "stdin" if file == STDIN else file


def payload_in(file: str) -> Payload:
    """Return the payload in *file*; Raises: RequestWrong, DocumentsInvalid."""
    return pasted_payload(_source(file), read_input(file, LARGEST_PAYLOAD, "payload"))


def pasted_payload(source: str, content: bytes) -> Payload:
    """Return the payload that *content*, which is from *source*, is; Raises: DocumentsInvalid."""
    text = ""
    try:
        text = decode_payload(content)
        return read_payload(text)
    except PayloadInvalid as error:
        location = Location(source, error.line, error.column)
        line = error.line_of(text)
        problem = Problem(location, "bad-payload", str(error), line_text=line)
        raise DocumentsInvalid([problem]) from error


def step_of(parameters: Sequence[JobParameter], job: str | None) -> dict[str, Any]:
    """Return the step of a workflow file that submits a job with *parameters*.

    A single `set_id` and a single `job_name` become keys if they are last, as in the wizard.
    Otherwise everything stays where it is, in a list.
    """
    names = [parameter.name for parameter in parameters]
    keys = {"set_id": "set", "job_name": "job_name"}
    moved = {name: key for name, key in keys.items() if names.count(name) == 1}
    submit: dict[str, Any] = {"job": job or "JOB_ID"}
    rest = [one for one in parameters if one.name not in moved or not one.value]
    last = {one.name: one.value for one in parameters if one.name in moved and one.value}
    sent = merge_parameters([], rest, last.get("set_id"), last.get("job_name"))
    keeps_order = _without_empty_name(sent) == _without_empty_name(parameters)
    if not keeps_order:
        rest = list(parameters)
    if keeps_order and len({one.name for one in rest}) == len(rest):
        submit["parameters"] = {one.name: literally(one.value) for one in rest}
    else:
        submit["parameters"] = [{"name": one.name, "value": literally(one.value)} for one in rest]
    if not rest:
        del submit["parameters"]
    for one in parameters:
        if one not in rest:
            submit[moved[one.name]] = literally(one.value)
    return {"submit_job": submit}


def _without_empty_name(parameters: Sequence[JobParameter]) -> list[JobParameter]:
    """Return *parameters* without an empty `job_name`."""
    return [one for one in parameters if one.value or one.name != "job_name"]


def step_lines(step: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the step as an entry of a list, with quotes where needed."""
    submit = step["submit_job"]
    yield "- submit_job:"
    for key, value in submit.items():
        match value:
            case str():
                yield f"    {key}: {quoted(value)}"
            case dict():
                yield f"    {key}:"
                for name, text in value.items():
                    yield f"      {quoted(name)}: {quoted(text)}"
            case list():
                yield f"    {key}:"
                for entry in value:
                    yield (
                        f"      - {{name: {quoted(entry['name'])}, value: "
                        f"{quoted(entry['value'])}}}"
                    )
