"""`unused-input` and `unused-variable`: what is declared and never used.

Ids of steps are not looked at: commands such as `retry --from` and `approve` use them, too.
"""

from __future__ import annotations

import re

from almaflow.check.lints.subject import Subject
from almaflow.problems import Severity

# `inputs` alone, as in `inputs | tojson`, or with a name that is computed, is all of them.
_WHOLE = r"\{{\{{[^}}]*\b{}\b(?!\s*(?:\.|\[\s*['\"]))"


def lint_unused(subject: Subject) -> None:
    """Note the inputs and variables that no expression uses."""
    for key, noun, names in (
        ("inputs", "input", subject.workflow.inputs),
        ("vars", "variable", subject.workflow.vars),
    ):
        if not names:
            continue
        whole = re.compile(_WHOLE.format(key))
        if any(key in text and whole.search(text) for _, text in subject.texts):
            continue
        for name in names:
            if (key, name) not in subject.pairs and not subject.broken.mention(key, name):
                subject.notes.at_key(
                    (key, name),
                    f"unused-{noun}",
                    f"Nothing uses the {noun} `{name}`, so its value has no effect. Use it as "
                    f"`{key}.{name}`, or remove it.",
                    Severity.WARNING,
                )
