"""Templates whose text is checked before the run, when it has no `{{ … }}`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator

from almaflow.durations import parse_duration
from almaflow.field_types import Template, refused
from almaflow.steps.result import StepFailed


def literal(code: str, read: Callable[[str], object]) -> AfterValidator:
    """Return what checks a template without expressions as *read* will at run time.

    A ValueError or StepFailed of *read* becomes a problem with *code*.
    """

    def check(template: Template) -> Template:
        if "{{" not in template.text:
            try:
                read(template.text)
            except (ValueError, StepFailed) as error:
                raise refused(code, str(error)) from None
        return template

    return AfterValidator(check)


Duration = Annotated[Template, literal("bad_duration", parse_duration)]
"""A duration such as `90s` or `1h30m`; a template is evaluated when the step runs."""
