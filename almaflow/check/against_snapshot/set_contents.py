"""Whether the set that a workflow creates holds what the job works on, by the snapshot."""

from __future__ import annotations

from collections.abc import Iterator

from almaflow.check.against_snapshot.jobs import job_of
from almaflow.check.against_snapshot.uses import PlacedStep, StepsOfFile
from almaflow.check.collector import ProblemCollector
from almaflow.document import PathTo
from almaflow.expressions import ExpressionSyntax, parse_template
from almaflow.expressions.mentions import mentions
from almaflow.snapshot.model import JobEntry, Section
from almaflow.steps.content_type import CONTENT_CODES, code_of_label, words_of
from almaflow.steps.submit_job import SET_ID
from almaflow.steps.which_kind import is_create_set, is_submit_job

# Sets of these contents hold titles; a job on titles takes any of them.
_TITLES = frozenset({"BIB_MMS", "BIB_MMS_DISCOVERY", "IE", "IEC", "IED", "IEE", "IEP", "IER"})
_MOST = 3


def check_set_content(
    notes: ProblemCollector, placed: PlacedStep, section: Section, file: StepsOfFile
) -> None:
    """Note a set of this workflow whose content is not that of the job at *placed*."""
    if not is_submit_job(placed.kind):
        return
    job = job_of(placed, section)
    works_on = contents_of(job) if job is not None else frozenset()
    if job is None or not works_on:
        return
    for place, step_id in _sets(placed):
        maker = file.by_id.get(step_id)
        if maker is None or not is_create_set(maker.kind) or maker.kind.content in works_on:
            continue
        content = maker.kind.content
        notes.at(
            place,
            "set-does-not-fit-job",
            f"The step `{step_id}` creates a set of {_described(content)}, but the job "
            f"{job.title} works on sets of {_described(_content(job))}, according to "
            f"{section.source}. {_advice(job)}{_instead(job, content, section)}.",
        )


def contents_of(job: JobEntry) -> frozenset[str]:
    """Return the contents of the sets that a job works on; empty when that is not known."""
    content = _content(job)
    if content in _TITLES:
        return _TITLES
    return frozenset({content} if content else ())


def _content(job: JobEntry) -> str:
    if job.content in CONTENT_CODES:
        return job.content
    # Some jobs have a code of their own, with the label of what they work on.
    return code_of_label(job.content_label)


def _sets(placed: PlacedStep) -> Iterator[tuple[PathTo, str]]:
    """Yield the steps whose sets a `submit_job` works on, with the place that names them."""
    kind = placed.kind
    assert is_submit_job(kind)
    if kind.set is not None:
        yield from _named((*placed.inside, "set"), kind.set.text)
    elif isinstance(kind.parameters, dict) and SET_ID in kind.parameters:
        place = (*placed.inside, "parameters", SET_ID)
        yield from _named(place, kind.parameters[SET_ID].text)


def _named(place: PathTo, text: str) -> Iterator[tuple[PathTo, str]]:
    try:
        parsed = parse_template(text)
    except ExpressionSyntax:
        return
    if parsed.only is None:
        return
    for mention in mentions(parsed):
        if len(mention.path) == 3 and (mention.path[0], mention.path[2]) == ("steps", "set_id"):
            yield place, mention.path[1]


def _described(content: str) -> str:
    words = words_of(content)
    return f"{content} ({words})" if words else content


def _advice(job: JobEntry) -> str:
    if job.content not in CONTENT_CODES:
        return "Create a set that fits, or choose another job"
    return f"Create the set with `content: {job.content}`, or choose another job"


def _instead(job: JobEntry, content: str, section: Section) -> str:
    """Return other jobs of the same category for sets of *content*, as a part of a sentence."""
    others = [
        one
        for one in section.jobs
        if one.category == job.category and content in contents_of(one) and one.id != job.id
    ]
    listed = " or ".join(f"`{one.id}` ({one.name})" for one in others[:_MOST])
    return f", such as {listed}" if others else ""
