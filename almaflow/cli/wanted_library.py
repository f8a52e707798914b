"""What a workflow names, so that a simulation without a scenario can let all of it exist.

Sets, jobs, profiles, reports and runs by their names; counters and sizes that its conditions ask
for. Names that depend on what only a run knows become patterns (`*` is any characters).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from almaflow.alma.calls import API_BASE
from almaflow.alma.simulator.wanted import (
    Wanted,
    WantedJob,
    WantedProfile,
    WantedRead,
    WantedReport,
    WantedRun,
    WantedUse,
)
from almaflow.cli.wanted_demands import Demands, demands_of, rows_of
from almaflow.cli.wanted_files import NamedFile, WantedFile, fetched
from almaflow.cli.wanted_values import Conditions
from almaflow.connectors.simulated import name_for
from almaflow.expressions import (
    ExpressionFailed,
    ExpressionSyntax,
    evaluate,
    parse_expression,
    parse_template,
)
from almaflow.expressions.demands import Demand, having
from almaflow.expressions.values import to_text
from almaflow.field_types import Template
from almaflow.late_dataclasses import dataclass
from almaflow.steps.create_set import CreateSet
from almaflow.steps.fetch_files import FetchFiles
from almaflow.steps.find_set import FindSet
from almaflow.steps.for_each import ForEach
from almaflow.steps.get import Get
from almaflow.steps.read_report import ReadReport
from almaflow.steps.run_profile import (
    ImportProfileRef,
    IntegrationProfileRef,
    PublishingProfileRef,
    RunProfile,
)
from almaflow.steps.submit_job import JobReference, SubmitJob
from almaflow.steps.tree import StepNode
from almaflow.steps.update_set import UpdateSet
from almaflow.steps.wait_for_run import WaitForRun

if TYPE_CHECKING:
    from almaflow.plan import Plan
    from almaflow.workflow import Workflow
    from almaflow.workflow_loader import LoadedWorkflow

Names = Mapping[str, Any]

# Items of `for_each` whose names are checked one by one.
_MOST_ITEMS = 1_000
# What a set holds whose members have identifiers of this type; of the others, users.
_CONTENT_OF = {
    "BARCODE": "ITEM",
    **dict.fromkeys(("SYSTEM_NUMBER", "OCLC_NUMBER", "ISBN", "ISSN"), "BIB_MMS"),
}
_SET_OF = re.compile(r"\{\{\s*steps\.(\w+)\.set_id\s*\}\}")


@dataclass
class _Library:
    """What is found while the steps are gone through."""

    sets: dict[str, None] = field(default_factory=dict)
    own_sets: dict[str, None] = field(default_factory=dict)
    contents: dict[str, str] = field(default_factory=dict)
    logical: set[str] = field(default_factory=set)
    jobs: dict[WantedJob, None] = field(default_factory=dict)
    profiles: dict[WantedProfile, None] = field(default_factory=dict)
    uses: dict[WantedUse, None] = field(default_factory=dict)
    runs: dict[WantedRun, None] = field(default_factory=dict)
    reports: list[WantedReport] = field(default_factory=list)
    reads: list[WantedRead] = field(default_factory=list)
    files: list[WantedFile] = field(default_factory=list)
    conditions: Conditions = field(default_factory=Conditions)

    def wanted(self) -> Wanted:
        return Wanted(
            sets=tuple(self.sets),
            own_sets=tuple(self.own_sets),
            contents=self.contents,
            logical=frozenset(self.logical),
            members=tuple(self.conditions.members),
            jobs=tuple(self.jobs),
            profiles=tuple(self.profiles),
            uses=tuple(self.uses),
            runs=tuple(self.runs),
            reports=tuple(self.reports),
            counters=self.conditions.counters(),
            reads=tuple(self.reads),
        )


def wanted_by(loaded: LoadedWorkflow, plan: Plan) -> tuple[Wanted, tuple[WantedFile, ...]]:
    """Return what a run of *plan*, with the workflows that it calls, needs to be there.

    First what it needs of Alma, then the files that it fetches.
    """
    library = _Library()
    run = {
        "id": plan.run_id,
        "name": plan.name,
        "key": plan.key,
        "attempt": 1,
        "started_at": plan.requested_at.astimezone(plan.zone),
        "scheduled_at": plan.scheduled_at.astimezone(plan.zone),
    }
    now = plan.requested_at.astimezone(plan.zone)
    names = {"run": run, "now": now, "today": now.date()}
    known = {**names, "inputs": plan.inputs, "vars": plan.vars}
    _read(library, loaded, known, names, demands_of(loaded, known))
    return library.wanted(), tuple(library.files)


def _read(
    library: _Library, loaded: LoadedWorkflow, names: Names, called: Names, demands: Demands
) -> None:
    """Go through a workflow; *called* are the names that workflows called by it see."""
    workflow = loaded.workflow
    for node in workflow.all_steps():
        for seen in _iterations(node, names):
            _read_step(library, workflow, node, seen, demands)
    library.conditions.read(workflow, names)
    for path, inner in loaded.calls.items():
        _read(library, inner, called, called, demands.called.get(path) or Demands())


def _iterations(node: StepNode, names: Names) -> Iterator[Names]:
    """Yield the names that a step sees, for each item of the loops around it that is known."""
    several: list[Names] = [names]
    for around in node.around:
        kind = around.step.kind
        if isinstance(kind, ForEach):
            several = [
                {**seen, kind.as_: item} if name else seen
                for seen in several
                for name, item in _items(kind, seen)
            ][:_MOST_ITEMS]
    yield from several


def _items(kind: ForEach, names: Names) -> Sequence[tuple[bool, Any]]:
    unknown = [(False, None)]
    try:
        if isinstance(kind.items, list):
            return [(True, text_of(item, names)) for item in kind.items] or unknown
        items = evaluate(parse_expression(kind.items.text), names)
    except (ExpressionFailed, ExpressionSyntax):
        return unknown
    if isinstance(items, str) or not isinstance(items, Sequence):
        return unknown
    return [(True, item) for item in items[:_MOST_ITEMS]] or unknown


def _read_step(
    library: _Library, workflow: Workflow, node: StepNode, names: Names, demands: Demands
) -> None:
    match node.step.kind:
        case FindSet(name=Template() as name):
            library.sets[text_of(name, names)] = None
        case CreateSet() as kind:
            library.own_sets[text_of(kind.name, names)] = None
            library.contents[text_of(kind.name, names)] = kind.content
            _read_sources(library, workflow, kind, names)
        case UpdateSet(id_type=str() as id_type) as kind:
            for key in _keys_of(workflow, kind.id, names):
                library.contents[key] = _CONTENT_OF.get(id_type, "USER")
        case SubmitJob() as kind:
            library.jobs[_job(kind.job)] = None
            for key in () if kind.set is None else _keys_of(workflow, kind.set, names):
                library.uses[WantedUse(_job(kind.job), key)] = None
        case RunProfile(publishing=PublishingProfileRef() as published):
            if published.id is None:
                library.jobs[WantedJob("", published.job_name, scheduled=True)] = None
            else:
                library.profiles[WantedProfile(published.id)] = None
        case RunProfile() as kind:
            library.profiles[_profile(kind.integration, kind.import_, kind.job)] = None
        case WaitForRun() as kind:
            _read_wait(library, kind, names)
        case ReadReport() as kind:
            library.reports.append(_report(kind, names, demands.of(node.step)))
        case Get() as kind:
            library.reads.append(_get(kind, names, demands, node))
        case FetchFiles() as kind:
            named = [
                NamedFile(text_of(Template(text), names), content)
                for text, content in demands.named.items()
            ]
            texts = (text_of(kind.pattern, names), text_of(kind.to, names))
            library.files.append(fetched(node, demands, named, texts))
        case _:
            pass


def _report(kind: ReadReport, names: Names, asked: Demand) -> WantedReport:
    columns = (kind.column,) if kind.column is not None else tuple(kind.columns or ())
    rows = rows_of(asked, columns if kind.column is None else ())
    if kind.column is not None:
        rows = replace(rows, element=having(kind.column, rows.item))
    return WantedReport(text_of(kind.path, names), columns or tuple(rows.item.members), rows)


def _get(kind: Get, names: Names, demands: Demands, node: StepNode) -> WantedRead:
    path, _, behind = text_of(kind.path, names).partition("?")
    query = [*parse_qsl(behind, keep_blank_values=True)]
    query += [(name, text_of(value, names)) for name, value in kind.query.items()]
    select = None if kind.select is None else text_of(kind.select, names)
    return WantedRead(
        unquote(path.removeprefix(API_BASE)).rstrip("/") or "/",
        tuple(query),
        demands.body_of(node.step, select),
        joined=kind.all,
    )


def _read_sources(library: _Library, workflow: Workflow, kind: CreateSet, names: Names) -> None:
    """Note what the sets hold that another is made of."""
    if kind.from_set is not None:
        for key in _keys_of(workflow, kind.from_set, names):
            library.contents[key] = kind.content
            library.logical.add(key)
    for source in kind.combine.sets if kind.combine is not None else ():
        for key in _keys_of(workflow, source, names):
            library.contents[key] = kind.content


def _keys_of(workflow: Workflow, set_id: Template, names: Names) -> Iterator[str]:
    """Yield the name, or the id, of the set that *set_id* means, as far as the file says it."""
    step = _SET_OF.fullmatch(set_id.text.strip())
    if step is None:
        yield text_of(set_id, names)
        return
    for node in workflow.all_steps():
        kind = node.step.kind
        if node.step.id == step[1] and isinstance(kind, FindSet):
            yield text_of(kind.name or kind.id or Template(""), names)
        elif node.step.id == step[1] and isinstance(kind, CreateSet):
            yield text_of(kind.name, names)


def _read_wait(library: _Library, kind: WaitForRun, names: Names) -> None:
    started: WantedJob | WantedProfile
    if kind.job is not None and kind.integration is None:
        started = _job(kind.job, scheduled=True)
        library.jobs[started] = None
    else:
        begin = kind.job.name if kind.job is not None else None
        started = _profile(kind.integration, kind.import_, begin)
        library.profiles[started] = None
    pattern = "" if kind.name is None else text_of(kind.name, names)
    library.runs[WantedRun(started, name_for(pattern, "").strip())] = None


def _job(job: JobReference, *, scheduled: bool = False) -> WantedJob:
    return WantedJob(job.id or "", job.name or "", scheduled=scheduled and job.id is None)


def _profile(
    integration: IntegrationProfileRef | None, imported: ImportProfileRef | None, job: str | None
) -> WantedProfile:
    if imported is not None:
        return WantedProfile(imported.id or "", "", imported.name or "", is_import=True)
    assert integration is not None  # the models take exactly one of both
    return WantedProfile(
        integration.id or "", integration.code or "", integration.name or "", job or ""
    )


def text_of(template: Template, names: Names) -> str:
    """Return a template's text; what is not known before the run is `*`."""
    try:
        parsed = parse_template(template.text)
    except ExpressionSyntax:
        return "*"
    texts = []
    for part in parsed.parts:
        if isinstance(part, str):
            texts.append(part)
            continue
        try:
            texts.append(to_text(evaluate(parse_expression(part.text), names)))
        except (ExpressionFailed, ExpressionSyntax):
            texts.append("*")
    return re.sub(r"\*+", "*", "".join(texts))
