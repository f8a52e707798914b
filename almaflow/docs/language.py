"""The reference of the language as Markdown, made from the models: `pages/language.md`."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator, Mapping

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from almaflow.explain import explain
from almaflow.explain.words import default_of, output_words, type_of_field, words_of
from almaflow.field_types import Model
from almaflow.model_fields import fields_of, models_of
from almaflow.problem_pages.texts import wrap_words
from almaflow.settings import Settings
from almaflow.steps.base import Kind, StepBase
from almaflow.workflow import KINDS, Workflow, kinds

_OPENING = """\
# The language

Every key of workflow files and of almaflow.yaml. This page is made from the same models that check
your files; `almaflow explain KIND` prints one part of it.
"""

_DEEPEST = 4
"""How many levels of fields are listed; what is deeper has its entry elsewhere on the page."""


def language_page() -> str:
    """Return the page; it changes only when a model does."""
    own = {key: kind for key, kind in kinds().items() if key in KINDS}
    parts = [
        _OPENING,
        "## Kinds of steps\n",
        *(_kind(key, kind) for key, kind in own.items()),
        "## Keys of every step\n",
        _fields({key: one for key, one in fields_of(StepBase).items() if key not in kinds()}),
        "## Keys of a workflow file\n",
        _fields(fields_of(Workflow), skipped=("steps", "finally")),
        "## Keys of almaflow.yaml\n",
        _fields(fields_of(Settings)),
        "## Expressions\n",
        f"```text\n{explain('expressions').rstrip()}\n```\n",
    ]
    return "\n".join(parts)


def _kind(key: str, kind: type[Kind]) -> str:
    lines = [f"### {key}\n", f"{inspect.getdoc(kind) or ''}\n"]
    if kind.example:
        lines += [f"```yaml\n{kind.example.rstrip()}\n```\n"]
    lines += [_fields(fields_of(kind))]
    if kind.short:
        lines += [f"A value in place of the fields is used as `{kind.short}`.\n"]
    if kind.outputs:
        outputs = ", ".join(f"`{name}` ({output_words(it)})" for name, it in kind.outputs.items())
        lines += [*textwrap.wrap(f"Outputs, as `steps.<id>.<name>`: {outputs}.", 100), ""]
    return "\n".join(lines)


def _fields(fields: Mapping[str, FieldInfo], skipped: tuple[str, ...] = ()) -> str:
    shown = {key: field for key, field in fields.items() if key not in skipped}
    return "\n".join(["\n".join(_entries(shown, depth=0, above=())), ""])


def _entries(
    fields: Mapping[str, FieldInfo], depth: int, above: tuple[type[BaseModel], ...]
) -> Iterator[str]:
    """Yield the lines of a list of fields, those that must be given first."""
    for key, field in sorted(fields.items(), key=lambda one: not one[1].is_required()):
        yield from _bullet(f"`{key}`: {_about(field)}", depth)
        if depth + 1 >= _DEEPEST:
            continue
        for model in models_of(field):
            if not issubclass(model, Kind | StepBase) and model not in above:
                yield from _model(model, depth + 1, (*above, model))


def _model(model: type[BaseModel], depth: int, above: tuple[type[BaseModel], ...]) -> Iterator[str]:
    yield from _entries(fields_of(model), depth, above)
    if issubclass(model, Model) and model.named is not None:
        yield from _bullet(f"a name of your own: {words_of(model.named)}. {model.named_as}", depth)


def _about(field: FieldInfo) -> str:
    default = default_of(field)
    remark = "; required" if field.is_required() else f"; default `{default}`" if default else ""
    text = " ".join((field.description or "").split())
    return f"{type_of_field(field)}{remark}. {text}".replace("\t", "\\t").rstrip()


def _bullet(text: str, depth: int) -> list[str]:
    indent = "  " * depth
    return wrap_words(text, first=f"{indent}- ", rest=f"{indent}  ")


if __name__ == "__main__":
    from almaflow.docs import HERE

    (HERE / "pages" / "language.md").write_text(language_page(), "utf-8")
