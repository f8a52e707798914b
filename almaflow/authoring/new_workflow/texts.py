"""The files of a new workflow: the workflow, its scenario, its tests and its payload."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from almaflow.alma.wire import JobParameter
from almaflow.authoring.new_workflow.jobs import KnownJob
from almaflow.authoring.new_workflow.parameters import DividedParameters
from almaflow.late_dataclasses import dataclass
from almaflow.operations.pasted_steps import quoted
from almaflow.workflow_folder import TESTS_FOLDER

_IN_SIMULATION = 120
"""Members of the set in the scenario."""


@dataclass(frozen=True)
class NewSet:
    """The set of a new workflow: a saved one by *name* or *id*, or one that it makes.

    A set is made of a *query*, or of the file of *members*, in which *column* has the ids of a
    type *id_type*. *content* is Alma's code.
    """

    name: str = ""
    id: str = ""
    query: str = ""
    members: str = ""
    column: str = ""
    id_type: str = ""
    content: str = ""

    @property
    def is_made(self) -> bool:
        """Whether the workflow makes it, and deletes it."""
        return bool(self.query or self.members)


@dataclass(frozen=True)
class NewWorkflow:
    """What a person decided about a new workflow; *alma_set* None: its job has no set."""

    name: str
    job: KnownJob
    parameters: DividedParameters
    alma_set: NewSet | None
    limit: int
    schemas: str
    job_name: str = ""
    cron: str = ""
    notify: str = "log"

    @property
    def payload(self) -> str:
        """The name of the payload file, next to the workflow; empty when there is none."""
        return f"payloads/{self.name}.xml" if self.parameters.filed else ""


def workflow_files(new: NewWorkflow) -> dict[str, str]:
    """Return the text of each file by its name in the folder of the workflows."""
    files = {
        f"{new.name}.yaml": _joined(_workflow(new)),
        f"{new.name}.scenario.yaml": _joined(_scenario(new)),
        f"{TESTS_FOLDER}/{new.name}.tests.yaml": _joined(_tests(new)),
    }
    if new.payload:
        files[new.payload] = payload_text(new.parameters.filed)
    return files


def payload_text(parameters: tuple[JobParameter, ...]) -> str:
    """Return a payload as Alma shows it, one parameter a line."""
    lines = (
        f"    <parameter><name>{_escaped(one.name)}</name>"
        f"<value>{_escaped(one.value)}</value></parameter>\n"
        for one in parameters
    )
    return f"<job>\n  <parameters>\n{''.join(lines)}  </parameters>\n</job>\n"


def _escaped(value: str) -> str:
    # XML has line breaks of its own: others are kept as references.
    return escape(value, quote=False).replace("\r", "&#13;")


def _joined(lines: Iterator[str]) -> str:
    return "\n".join(lines) + "\n"


def _modeline(new: NewWorkflow, schema: str) -> str:
    return f"# yaml-language-server: $schema={new.schemas}/{schema}.schema.json"


def _workflow(new: NewWorkflow) -> Iterator[str]:
    job = f"{new.job.id} ({new.job.label})" if new.job.label else new.job.id
    yield _modeline(new, "workflow")
    yield f"name: {quoted(new.name)}"
    yield f"description: {quoted(f'Run the job {job} of Alma.')}"
    yield ""
    if new.alma_set is not None:
        yield "inputs:"
        yield (
            f"  limit: {{type: integer, default: {new.limit}, minimum: 1, description: Most "
            "records that one run works on.}"
        )
        yield ""
    if new.cron:
        yield from ("schedule:", f'  - cron: "{new.cron}"', "")
    else:
        yield "# When it runs under `almaflow serve`; remove the `#`."
        yield from ("# schedule:", '#   - cron: "0 4 * * sun"', "")
    yield from ("timeout: 12h", "", "steps:")
    if new.alma_set is not None:
        yield from _set_steps(new.alma_set)
    yield from _job_step(new)
    if new.alma_set is not None and new.alma_set.is_made:
        yield ""
        yield "finally:"
        yield "  # Always runs. After a failure the set is kept for inspection."
        yield (
            "  - if: steps.records.set_id is defined and run.outcome in ['succeeded', 'warning', "
            "'skipped']"
        )
        yield '    delete_set: "{{ steps.records.set_id }}"'
    yield ""
    yield "notify:"
    yield f"  - {{on: [failed, warning], to: {quoted(new.notify)}}}"


def _set_steps(alma_set: NewSet) -> Iterator[str]:
    yield "  - id: records"
    if not alma_set.is_made:
        by = f"name: {quoted(alma_set.name)}" if alma_set.name else f'id: "{alma_set.id}"'
        yield f"    find_set: {{{by}}}"
    else:
        yield "    create_set:"
        yield '      name: "almaflow {{ run.name }} {{ run.id }}"'
        yield f"      content: {alma_set.content}"
        if alma_set.query:
            yield f"      query: {quoted(alma_set.query)}"
        else:
            column = f", column: {quoted(alma_set.column)}" if alma_set.column else ""
            yield f"      members: {{file: {quoted(alma_set.members)}{column}}}"
            if alma_set.id_type:
                yield f"      id_type: {quoted(alma_set.id_type)}"
    yield from (
        "",
        "  - check:",
        "      that: steps.records.member_count > 0",
        "      otherwise: skip            # nothing to do is not a failure",
        "      message: the set is empty",
        "",
        "  # In case the set is not what is meant: the job does not run.",
        "  - check:",
        "      that: steps.records.member_count <= inputs.limit",
        '      message: "{{ steps.records.member_count }} records, at most {{ inputs.limit }} '
        'expected"',
        "",
    )


def _job_step(new: NewWorkflow) -> Iterator[str]:
    yield "  - id: job"
    yield "    submit_job:"
    if new.job.name:
        yield f"      job: {{id: {new.job.id}, name: {quoted(new.job.name)}}}"
    else:
        comment = f"          # {new.job.label}" if new.job.label else ""
        yield f"      job: {{id: {new.job.id}}}{comment}"
    if new.payload:
        yield f"      payload: {quoted(new.payload)}"
    if new.parameters.shown:
        if new.payload:
            yield (
                "      # What was chosen in the wizard; these values replace those of the payload "
                "file, which has"
            )
            more = new.parameters.hidden
            yield (
                f"      # all {len(new.parameters.filed)} parameters"
                + (f", {more} more of them chosen." if more else ".")
            )
        yield "      parameters:"
        for one in new.parameters.shown:
            yield f"        {quoted(one.name)}: {quoted(literally(one.value))}"
    if new.alma_set is not None:
        yield '      set: "{{ steps.records.set_id }}"'
    if new.job_name:
        yield f"      job_name: {quoted(literally(new.job_name))}"
    yield "      expect:"
    yield from _expectations(new.job)
    yield "    timeout: 6h"


def _expectations(job: KnownJob) -> Iterator[str]:
    if job.failures:
        for key in job.failures:
            yield f"        - that: counters.number('{key}', 0) == 0"
            yield f"          message: \"{{{{ counters.number('{key}', 0) }}}} at {key}\""
        return
    if job.counters:
        yield f"        # Counters of this job: {', '.join(job.counters)}"
    else:
        yield "        # COMPLETED_SUCCESS does not say that records were changed. After a run,"
        yield "        # `almaflow show last` lists the counters: compare the one that counts."
    yield "        - that: counters | length > 0"
    yield "          message: the job reported no counters"


def literally(value: str) -> str:
    """Return a value in which no template is recognised."""
    return re.sub(r"\{[{%#]", lambda match: f'{{{{ "{match[0]}" }}}}', value)


def _scenario(new: NewWorkflow) -> Iterator[str]:
    yield _modeline(new, "scenario")
    yield f"# What the simulated Alma contains and does when `{new.name}` is run with --simulate."
    yield "everything_exists: true"
    yield from _scenario_set(new.alma_set, new.job.content, _IN_SIMULATION)
    yield "jobs:"
    yield f"  - {{job: {new.job.id}, duration: 20m}}"


def _scenario_set(alma_set: NewSet | None, content: str, members: int) -> Iterator[str]:
    if alma_set is None or alma_set.members:
        return
    if alma_set.query:
        yield "members:"
        yield f'  - {{query: "*", count: {members}}}'
        return
    by = f"name: {quoted(alma_set.name or f'Set {alma_set.id}')}"
    by += f', id: "{alma_set.id}"' if alma_set.id else ""
    yield "sets:"
    yield f"  - {{{by}, content: {content or 'BIB_MMS'}, members: {members}}}"


def _tests(new: NewWorkflow) -> Iterator[str]:
    request = f"/conf/jobs/{new.job.id}?op=run"
    # Their folder is one further down.
    yield f"# yaml-language-server: $schema=../{new.schemas}/tests.schema.json"
    yield "tests:"
    yield "  - name: the job runs on the set" if new.alma_set else "  - name: the job runs"
    yield "    expect:"
    yield "      outcome: succeeded"
    for_set = ", set: records" if new.alma_set else ""
    yield f"      requests: [{{path: {request}{for_set}}}]"
    yield ""
    yield "  - name: a job that fails ends the run as failed"
    yield "    scenario:"
    yield f"      jobs: [{{job: {new.job.id}, outcomes: COMPLETED_FAILED}}]"
    yield "    expect:"
    yield "      outcome: failed"
    if new.alma_set is None or new.alma_set.members:
        return
    yield ""
    yield "  - name: too many records stop the run before the job"
    yield "    inputs: {limit: 100}"
    yield "    expect:"
    yield "      outcome: failed"
    yield "      error: at most 100 expected"
    yield f"      requests: {{none: [{{path: {request}}}]}}"
    yield ""
    yield "  - name: an empty set is not a failure"
    yield "    scenario:"
    for line in _scenario_set(new.alma_set, new.job.content, 0):
        yield f"      {line}"
    yield "    expect:"
    yield "      outcome: skipped"
    yield f"      requests: {{none: [{{path: {request}}}]}}"
