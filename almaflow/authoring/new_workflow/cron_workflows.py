"""Workflows of what a crontab starts: one for each line that was read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from almaflow.authoring.new_workflow.crontab import CronCommand
from almaflow.authoring.new_workflow.parameters import divide
from almaflow.authoring.new_workflow.shell_commands import Action, NotRead, Pause, StartedJob
from almaflow.authoring.new_workflow.texts import literally, payload_text
from almaflow.durations import format_duration
from almaflow.late_dataclasses import dataclass
from almaflow.operations.pasted_steps import quoted


@dataclass(frozen=True)
class CronWorkflow:
    """A workflow of one line: *files* by their names in the folder of the workflows."""

    line: int
    name: str
    files: dict[str, str]
    has_key: bool


def workflow_of(
    command: CronCommand, actions: Sequence[Action], name: str, schemas: str
) -> CronWorkflow:
    """Return the workflow of a line; Raises: NotRead when it starts no job."""
    jobs = [one for one in actions if isinstance(one, StartedJob)]
    if not jobs:
        raise NotRead("It starts no job of Alma.")
    files: dict[str, str] = {}
    lines = [*_head(command, name, schemas)]
    number = 0
    for action in actions:
        if isinstance(action, Pause):
            lines += _pause(action)
            continue
        number += 1
        lines += _job(action, number, name, files)
    lines += ["notify:", "  - {on: [failed, warning], to: log}"]
    files = {f"{name}.yaml": "\n".join(lines) + "\n", **files}
    return CronWorkflow(command.line, name, files, any(one.has_key for one in jobs))


def _head(command: CronCommand, name: str, schemas: str) -> Iterator[str]:
    yield f"# yaml-language-server: $schema={schemas}/workflow.schema.json"
    yield f"# Made by `almaflow import-cron` of line {command.line} of a crontab."
    yield f"name: {quoted(name)}"
    yield ""
    yield "schedule:"
    zone = f"\n    timezone: {command.zone}" if command.zone else ""
    yield f'  - cron: "{command.cron}"{zone}'
    yield from ("", "steps:")


def _pause(pause: Pause) -> Iterator[str]:
    if pause.seconds:
        duration = format_duration(timedelta(seconds=pause.seconds))
        yield "  # The crontab slept here. almaflow waits for the end of each job, so the wait may"
        yield "  # not be needed."
        yield f"  - wait: {duration}"
        yield ""


def _job(job: StartedJob, number: int, name: str, files: dict[str, str]) -> Iterator[str]:
    divided = divide(job.payload.parameters)
    values = {one.name: one.value.strip() for one in job.payload.parameters}
    yield f"  - id: job_{number}"
    yield "    submit_job:"
    yield f"      job: {{id: {job.job}}}"
    if divided.filed:
        payload = f"payloads/{name}-{number}.xml"
        files[payload] = payload_text(divided.filed)
        yield f"      payload: {quoted(payload)}"
    elif divided.shown:
        yield "      parameters:"
        for one in divided.shown:
            yield f"        {quoted(one.name)}: {quoted(literally(one.value))}"
    if values.get("set_id"):
        yield f"      set: {quoted(values['set_id'])}"
    if values.get("job_name"):
        yield f"      job_name: {quoted(literally(values['job_name']))}"
    yield ""
