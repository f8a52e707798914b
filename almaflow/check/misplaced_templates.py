"""Templates where none is evaluated, and expressions that cannot be read at all.

Works on the document itself, so that it finds these in a file that does not fit the models, too.
"""

from __future__ import annotations

from almaflow.check.collector import ProblemCollector
from almaflow.check.traversal import written
from almaflow.workflow import Workflow

TEMPLATE_NOT_ALLOWED = "template-not-allowed"

# Texts for people and regular expressions: braces in them mean braces.
_BRACES_ALLOWED = frozenset({"description", "pattern"})


def check_templates(notes: ProblemCollector) -> None:
    """Note every `{{ … }}` that would not be evaluated, and all that cannot be read."""
    for text in written(Workflow, notes.document.data):
        if text.source is not None:
            notes.parse_as(text.source, text.path, text.text)
            continue
        key = next((part for part in reversed(text.path) if isinstance(part, str)), "")
        if "{{" not in text.text or key in _BRACES_ALLOWED:
            continue
        from almaflow.wrong_shapes import in_one_line  # late: for mistakes only

        if settings := in_one_line(text.text):
            notes.at(
                text.path,
                TEMPLATE_NOT_ALLOWED,
                f"Settings are written with colons: `{key}: {settings}`.",
            )
            continue
        if text.is_key:
            note, subject = notes.at_key, "A key"
        else:
            note, subject = notes.at, f"`{key}`"
        note(
            text.path,
            TEMPLATE_NOT_ALLOWED,
            f"{subject} cannot have a template, because it must be known before the run. Write "
            "the value itself.",
        )
