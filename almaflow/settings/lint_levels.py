"""The levels of warnings that a project chooses: `lint` in almaflow.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from almaflow.problem_pages import code_pages
from almaflow.problems import did_you_mean


def _codes(levels: dict[str, str]) -> dict[str, str]:
    """Refuse a level for what is not a code, or is always an error."""
    pages = code_pages() if levels else {}
    for code in levels:
        if code not in pages:
            hint = did_you_mean(code, pages) or ". `almaflow explain codes` lists all codes."
            why = f"There is no problem with the code `{code}`{hint}"
        elif not pages[code].can_be_ignored:
            why = f"`{code}` is always an error, because the workflow could not run. Remove it."
        else:
            continue
        raise PydanticCustomError("bad_value", "{why}", {"why": why, "key": code})
    return levels


LintLevels = Annotated[
    dict[str, Literal["off", "note", "warning", "error"]],
    AfterValidator(_codes),
]
"""The level of each code that is not to have its own."""
