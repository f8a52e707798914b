"""What fits of a file of tests that does not fit the models as a whole.

So one reading reports a mistyped key of one test and an unknown step in another.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from almaflow.authoring.workflow_tests.models import WorkflowTests
from almaflow.document import Document, PathTo

# Each time something is left out; what then still does not fit is beyond help.
_TRIES = 6
# A file with more mistakes is not one of tests.
_MOST_ERRORS = 200
_STAND_IN = "a test that does not fit"


def fitting_part(document: Document) -> WorkflowTests | None:
    """Return the tests without what does not fit, each at its place; None when too little does."""
    data: Any = document.data
    for _ in range(_TRIES):
        if not isinstance(data, dict):
            return None
        try:
            return WorkflowTests.model_validate(data)
        except ValidationError as error:
            if error.error_count() > _MOST_ERRORS:
                return None
            for detail in error.errors(include_url=False, include_input=False):
                path: PathTo = ()
                for element in detail["loc"]:
                    if document.has((*path, element)):
                        path = (*path, element)
                data = _without(data, path)
    return None


def _without(data: Any, path: PathTo) -> Any:
    """Return a copy of *data* without the key at *path*, or the list that holds it.

    Of a test that has no name, a stand-in is left, so that the others keep their places.
    """
    if len(path) == 2 and path[0] == "tests" and isinstance(data, dict):
        tests = list(data["tests"])
        tests[int(path[1])] = {"name": f"{_STAND_IN} ({path[1]})"}
        return {**data, "tests": tests}
    if not path:
        return data
    first, rest = path[0], path[1:]
    if isinstance(data, dict):
        if not rest or (len(rest) == 1 and isinstance(rest[0], int)):
            return {key: value for key, value in data.items() if key != first}
        if first in data:
            return {**data, str(first): _without(data[str(first)], rest)}
    elif isinstance(data, list) and isinstance(first, int) and first < len(data):
        return [_without(one, rest) if at == first else one for at, one in enumerate(data)]
    return data
