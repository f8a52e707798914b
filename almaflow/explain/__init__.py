"""`almaflow explain`: what a step or a field means, made from the models."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from almaflow.errors import RequestWrong
from almaflow.explain.words import default_of, output_words, type_of_field, words_of
from almaflow.expressions.filters import FILTERS
from almaflow.expressions.methods import FUNCTIONS, METHODS
from almaflow.expressions.predicates import TESTS
from almaflow.expressions.types import KINDS
from almaflow.field_types import Model
from almaflow.json_schema import first_paragraph
from almaflow.late_dataclasses import dataclass
from almaflow.model_fields import fields_of, models_of
from almaflow.problem_pages import code_pages
from almaflow.problem_pages.texts import CODES, WIDTH, codes_text, page_text, wrap_words
from almaflow.problems import did_you_mean
from almaflow.settings import Settings
from almaflow.steps.base import Kind, StepBase
from almaflow.steps.common_outputs import COMMON_OUTPUTS
from almaflow.workflow import Workflow, kinds

_EXPRESSIONS = """\
Expressions are those of Jinja2: `{{ … }}` inside a text, or without braces under `if`, `check`,
`that` and `on`. A value that consists of one `{{ … }}` keeps its type. Any other becomes text. A
condition must be true or false.

Names:
  inputs.x      an input of the run; inputs and vars can use those declared above them
  vars.x        a variable of the workflow
  run           id, name, key, attempt, started_at, scheduled_at; in `finally` also outcome, error
  now, today    when the step began, in the workflow's time zone
  steps.x.y     the output y of the step with the id x, which comes before this one
  item          the item, in the steps of a `for_each`; its `as` may give it another name
  secrets.x     a secret of almaflow.yaml, only in values that are sent to Alma or in a notification
  status, counters and the step's other outputs, without `steps.x`, in its `expect`

A step that has an `if`, or is in an arm of a branch, may not have run. Check this first:
`steps.x.set_id is defined`, `steps.x.outcome == 'succeeded'`, or write `… | default('none')`.

The steps inside a `for_each` can use each other's outputs. Outside of it, its `results` has them
for each item: `steps.x.results | map(attribute='steps.y.set_id') | list`. The branches of
`parallel` cannot see each other, but later steps can use all of them. Of a called workflow, only
the `outputs` are visible, as those of `call`.
"""

_EXAMPLES: Mapping[type[BaseModel], str] = {
    Workflow: """\
name: export-new-titles
inputs:
  month: {default: "{{ (now - months(1)) | date('%Y-%m') }}"}
schedule:
  - cron: "30 2 1 * *"
steps:
  - id: titles
    find_set: {name: "New titles {{ inputs.month }}"}
  - check: {that: steps.titles.member_count > 0, otherwise: skip}
  - id: export
    submit_job:
      job: M44
      set: "{{ steps.titles.set_id }}"
    timeout: 4h
notify:
  - on: [failed]
""",
    Settings: """\
institutions:
  main:
    region: eu
    api_key: env:ALMA_API_KEY
""",
}


@dataclass(frozen=True)
class Page:
    """A topic with a separate text; *summary* is its line in the list of topics."""

    summary: str
    text: str


Others = Mapping[str, type[BaseModel]]
_NO_OTHERS: Others = {}
Pages = Mapping[str, Page]
_NO_PAGES: Pages = {}


def explain(topic: str | None = None, others: Others = _NO_OTHERS, pages: Pages = _NO_PAGES) -> str:
    """Return what *topic* means: a kind of step, a key of a file, `expressions`, the code of a
    problem, `codes`, or a path to a field such as `submit_job.expect.that`. Without a topic, what
    there is.

    *others* are models of files that are explained too, by their topic, and *pages* are texts.

    Raises:
        RequestWrong: there is no such topic.
    """
    if topic is None:
        return _overview(others, pages)
    name, *path = topic.strip().split(".")
    if name == "expressions" and not path:
        return _expressions()
    if name == CODES and not path:
        return codes_text()
    if name in pages and not path:
        return pages[name].text
    texts = [_explained(model, name, field, path) for model, field in _topics(others).get(name, ())]
    texts = [text for text in texts if text]
    if name in code_pages() and not path:
        texts.append(page_text(code_pages()[name], WIDTH))
    if not texts and not _topics(others).get(name):
        hint = did_you_mean(name, [*_known(others), *pages, *code_pages()]) or "."
        raise RequestWrong(
            f"There is no topic `{name}`{hint} Run `almaflow explain` for a list of all topics."
        )
    if not texts:
        raise _no_field(name, path, others)
    return "\n".join(texts)


Topic = tuple[type[BaseModel], FieldInfo | None]


def _topics(others: Others) -> dict[str, list[Topic]]:
    """Return the models that each first word of a topic means."""
    topics: dict[str, list[Topic]] = {}
    for key, kind in kinds().items():
        topics.setdefault(key, []).append((kind, None))
    topics["workflow"] = [(Workflow, None)]
    topics["step"] = [(StepBase, None)]
    topics["project"] = [(Settings, None)]
    topics |= {key: [(model, None)] for key, model in others.items()}
    for owner in (Workflow, StepBase, Settings):
        for key, field in fields_of(owner).items():
            topics.setdefault(key, []).append((owner, field))
    return topics


def _known(others: Others) -> list[str]:
    return [*_topics(others), "expressions", CODES]


def _explained(root: type[BaseModel], name: str, field: FieldInfo | None, path: list[str]) -> str:
    """Return the text about what *path* leads to from a topic; empty when it leads nowhere."""
    for key in path:
        models = [root] if field is None else models_of(field)
        field = next((fields_of(one)[key] for one in models if key in fields_of(one)), None)
        if field is None:
            return ""
    dotted = ".".join([name, *path])
    return _about_model(dotted, root) if field is None else _about_field(dotted, root, field)


def _no_field(name: str, path: list[str], others: Others) -> RequestWrong:
    """Return the error about the first part of *path* that does not exist."""
    topics = _topics(others)[name]
    models = [
        one for root, field in topics for one in ([root] if field is None else models_of(field))
    ]
    while True:
        key, *path = path
        known = {one for model in models for one in fields_of(model)}
        if key not in known:
            break
        name = f"{name}.{key}"
        fields = [fields_of(model)[key] for model in models if key in fields_of(model)]
        models = [one for field in fields for one in models_of(field)]
    hint = did_you_mean(key, known) or "."
    listed = f" Its fields are {', '.join(f'`{one}`' for one in sorted(known))}." if known else ""
    return RequestWrong(f"`{name}` has no field `{key}`{hint}{listed}")


# --- texts ------------------------------------------------------------------------------------


def topics(
    others: Others = _NO_OTHERS, pages: Pages = _NO_PAGES
) -> Mapping[str, Sequence[tuple[str, str]]]:
    """Return what can be explained, each with a sentence, under two headings."""
    steps = [(key, first_paragraph(kind)) for key, kind in kinds().items()]
    rest = [
        ("step", "Fields that all steps have: id, if, timeout, retry, on_failure, …"),
        ("workflow", "What a workflow file can contain in addition to its steps."),
        *(
            (key, field.description or "")
            for key, field in fields_of(Workflow).items()
            if key in ("inputs", "vars", "schedule", "notify", "finally", "outputs", "defaults")
        ),
        ("project", "What almaflow.yaml can contain."),
        *((key, first_paragraph(model)) for key, model in others.items()),
        *((key, page.summary) for key, page in pages.items()),
        ("expressions", "Names, functions and filters in `{{ … }}` and conditions."),
        (CODES, "The codes of all problems that `validate` reports, such as `unknown-key`."),
    ]
    return {"Kinds of steps": steps, "More topics": rest}


def _overview(others: Others, pages: Pages) -> str:
    tables = [
        line
        for title, rows in topics(others, pages).items()
        for line in (f"{title}:", *_table(rows), "")
    ]
    return "\n".join(
        [
            *tables,
            "`almaflow explain KIND` describes one kind, `almaflow explain KIND.FIELD` one of "
            "its fields.",
            "",
        ]
    )


def _about_model(name: str, model: type[BaseModel]) -> str:
    lines = [name, "", *_paragraphs(inspect.getdoc(model) or ""), ""]
    example = getattr(model, "example", None) or _EXAMPLES.get(model)
    if example:
        lines += ["Example:", *_indented(example), ""]
    fields = fields_of(model)
    if model is StepBase:
        fields = {key: one for key, one in fields.items() if key not in kinds()}
    lines += ["Fields:", *_field_lines(fields), *_named(model), *_short_form(model)]
    if issubclass(model, Kind):
        lines += ["", *_outputs(model)]
    return "\n".join([*lines, ""])


def _about_field(name: str, root: type[BaseModel], field: FieldInfo) -> str:
    lines = [name, "", *_paragraphs(field.description or ""), ""]
    lines += _paragraphs(f"Takes: {type_of_field(field)}")
    default = default_of(field)
    lines += ["Required."] if field.is_required() else []
    lines += [f"Default: {default}"] if default else []
    for model in models_of(field):
        if issubclass(model, Kind | StepBase):
            continue
        fields = _field_lines(fields_of(model))
        lines += ["", f"{_within(field, model)}:", *fields, *_short_form(model)]
    if issubclass(root, Kind):
        lines += ["", f"Example of {root.key}:", *_indented(root.example)]
    return "\n".join([*lines, ""])


def _within(field: FieldInfo, model: type[BaseModel]) -> str:
    alternatives = models_of(field)
    return "Fields" if len(alternatives) == 1 else f"Fields of {model.__name__}"


def _named(model: type[BaseModel]) -> list[str]:
    """Return the lines about keys that the file chooses itself."""
    if not issubclass(model, Model) or model.named is None:
        return []
    return [f"  <name>: {words_of(model.named)}", *_paragraphs(model.named_as, "      ")]


def _short_form(model: type[BaseModel]) -> list[str]:
    short = getattr(model, "short", None)
    return [f"  A value in place of the fields is used as `{short}`."] if short else []


def _outputs(kind: type[Kind]) -> list[str]:
    own = [(name, output_words(type_)) for name, type_ in kind.outputs.items()]
    common = ", ".join(COMMON_OUTPUTS)
    lines = ["Outputs, as `steps.<id>.<name>`:", *_table(own)] if own else []
    return [*lines, *_paragraphs(f"Every step has the outputs {common}.")]


def _field_lines(fields: Mapping[str, FieldInfo]) -> list[str]:
    lines = []
    for key, field in sorted(fields.items(), key=lambda one: not one[1].is_required()):
        default = default_of(field)
        remark = "required" if field.is_required() else f"default {default}" if default else ""
        head = f"  {key}: {type_of_field(field)}{f'; {remark}' if remark else ''}"
        lines += wrap_words(head, rest="      ")
        lines += _paragraphs(field.description or "", "      ")
    return lines


def _expressions() -> str:
    own = [(one.usage(1).removesuffix("()"), one.help) for one in FILTERS.values() if one.help]
    others = ", ".join(sorted(name for name, one in FILTERS.items() if not one.help))
    tests = ", ".join(sorted([*(name for name in TESTS if name.isalpha()), "defined", "undefined"]))
    functions = ", ".join(one.usage(0) for one in FUNCTIONS.values())
    lines = [_EXPRESSIONS.rstrip(), ""]
    lines += _paragraphs(
        f"Functions whose values can be added to dates and subtracted from them: {functions}."
    )
    lines += ["", "Filters (`value | filter`):", *_table(own)]
    lines += _paragraphs(f"and those of Jinja2: {others}.", "  ")
    lines += ["", *_paragraphs(f"Tests (`value is …`): {tests}."), ""]
    lines += ["Methods (`value.method()`):"]
    lines += _table((KINDS[kind], ", ".join(methods)) for kind, methods in METHODS.items())
    return "\n".join([*lines, ""])


def _table(rows: Iterable[tuple[str, str]]) -> list[str]:
    rows = list(rows)
    width = min(30, max((len(name) for name, _ in rows), default=0))
    lines = []
    for name, remark in rows:
        lines += wrap_words(f"  {name:<{width}}  {remark}", rest=" " * (width + 4))
    return lines


def _paragraphs(text: str, indent: str = "") -> list[str]:
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        lines += [""] if lines else []
        lines += wrap_words(" ".join(paragraph.split()), first=indent, rest=indent)
    return lines


def _indented(text: str) -> list[str]:
    return textwrap.indent(text.rstrip(), "  ").splitlines()
