"""A document against a model."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from almaflow.document import Document
from almaflow.errors import DocumentsInvalid
from almaflow.problems import Problem, at_most, has_errors

M = TypeVar("M", bound=BaseModel)


def validate(document: Document, model: type[M], data: Any = None) -> M:
    """Return *document* as a *model*; *data* replaces the document's own when given.

    Raises:
        DocumentsInvalid: it does not fit, or has what no file may have; carries the problems, of
            very many the first.
    """
    problems: set[Problem] = set()
    left_out = 0
    try:
        fitting = model.model_validate(document.data if data is None else data)
    except ValidationError as error:
        # The words for mistakes are half of what reading settings imports: most files have none.
        from almaflow.model_problems import problems_of

        # The cause holds the values that did not fit, secrets among them: it is not chained.
        problems, left_out = problems_of(document, model, error)
    else:
        if not has_errors(document.findings):
            return fitting
    raise DocumentsInvalid(at_most((*problems, *document.findings), left_out))
