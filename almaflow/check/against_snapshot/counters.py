"""Counters that expressions ask for, compared with those seen in instances of the job."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from almaflow.check.against_snapshot.jobs import job_of
from almaflow.check.against_snapshot.uses import PlacedStep, StepsOfFile
from almaflow.check.collector import ProblemCollector
from almaflow.check.near_parts import near_part
from almaflow.check.traversal import data_at, sources
from almaflow.document import PathTo
from almaflow.expressions.mentions import Mention, mentions
from almaflow.field_types import TemplateText
from almaflow.problems import Severity
from almaflow.snapshot.model import TEXT, CounterEntry, JobEntry, Section
from almaflow.steps.which_kind import is_job_step

SectionOf = Callable[[PlacedStep], Section | None]

_MOST = 8


def check_counters(notes: ProblemCollector, file: StepsOfFile, section_of: SectionOf) -> None:
    """Note counters that no instance of the job was seen with."""
    for placed in file.steps:
        own = placed if is_job_step(placed.kind) else None
        for place, source in _expressions(notes, placed):
            _check_source(notes, file, place, source, own, section_of)
    for key in ("outputs", "notify"):
        value = getattr(file.workflow, key)
        for place, source in sources(value, data_at(notes.document.data, (key,)), (key,)):
            _check_source(notes, file, place, source, None, section_of)


def _expressions(
    notes: ProblemCollector, placed: PlacedStep
) -> Iterator[tuple[PathTo, TemplateText]]:
    if placed.step.if_ is not None:
        yield (*placed.path, "if"), placed.step.if_
    yield from sources(placed.kind, data_at(notes.document.data, placed.inside), placed.inside)


def _check_source(
    notes: ProblemCollector,
    file: StepsOfFile,
    place: PathTo,
    source: TemplateText,
    own: PlacedStep | None,
    section_of: SectionOf,
) -> None:
    if "counters" not in source.text:
        return
    parsed = notes.parse(place, source)
    for mention in mentions(parsed) if parsed is not None else ():
        if not isinstance(mention.counter, str):
            continue
        asked = _asked(mention, file, own)
        section = section_of(asked) if asked is not None else None
        job = job_of(asked, section) if asked is not None and section is not None else None
        if job is not None and section is not None:
            _check_counter(notes, place, source.text, mention, job, section)


def _asked(mention: Mention, file: StepsOfFile, own: PlacedStep | None) -> PlacedStep | None:
    """Return the step whose counters are read."""
    if mention.path == ("counters",):
        return own
    if len(mention.path) == 3 and mention.path[0] == "steps":
        return file.by_id.get(mention.path[1])
    return None


def _check_counter(
    notes: ProblemCollector,
    place: PathTo,
    text: str,
    mention: Mention,
    job: JobEntry,
    section: Section,
) -> None:
    key = str(mention.counter)
    seen = section.counters_of(job.id)
    if not seen:
        return
    offset = max(text.find(key), 0)
    length = len(key) if key in text else 0
    entry = next((one for one in seen if one.key == key), None)
    if entry is None:
        hint = _meant(key, seen)
        if mention.has_default and not hint:
            # Who writes a default knows that the counter may be missing.
            return
        notes.within(
            place,
            offset,
            length,
            "counter-not-seen",
            f"No instance of job {job.title} had a counter `{key}`, according to {section.source}"
            f"{hint or _advice(key, seen, section)}",
            Severity.WARNING,
        )
    elif entry.form == TEXT and mention.is_number:
        notes.within(
            place,
            offset,
            length,
            "counter-is-text",
            f"The counter `{key}` of job {job.title} held text in every instance that was seen, "
            f"not a number, according to {section.source}. Read it with `counters.text('{key}')`.",
            Severity.WARNING,
        )


def _meant(key: str, seen: list[CounterEntry]) -> str:
    """Return which counter may be meant by a wrong key, or by the label that people see."""
    wanted = key.strip().casefold()
    labelled = [one.key for one in seen if one.label.casefold() == wanted]
    if labelled:
        return f", but it is the label of one. Write its key, `{labelled[0]}`."
    last = [one.key for one in seen if one.key.casefold().endswith(f".{wanted}")]
    if len(last) == 1:
        return f"; did you mean `{last[0]}`?"
    near = near_part(key, [one.key for one in seen], ".")
    return f"; did you mean `{near}`?" if near else ""


def _advice(key: str, seen: list[CounterEntry], section: Section) -> str:
    """Return whose counter it is, and what else to write, as the end of a sentence."""
    others = dict.fromkeys(one.job for one in section.counters if one.key == key)
    whose = f"; {' and '.join(list(others)[:2])} had it" if others else ""
    return (
        f"{whose}. Counters that were seen: {_listed(seen)}. If Alma reports it only sometimes, "
        f"give it a default, such as `counters.number('{key}', 0)`."
    )


def _listed(seen: list[CounterEntry]) -> str:
    keys = dict.fromkeys(one.key for one in seen)
    shown = ", ".join(f"`{key}`" for key in list(keys)[:_MOST])
    return shown + (f" and {len(keys) - _MOST} more" if len(keys) > _MOST else "")
