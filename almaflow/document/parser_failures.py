"""Where YAML's parser gave up, and the mistake behind it, as values."""

from __future__ import annotations

from almaflow.late_dataclasses import dataclass

Mark = tuple[int, int]
"""Line and column, both from 0."""


@dataclass(frozen=True)
class Mistake:
    """A YAML mistake: *mark* is where it begins, *length* how many characters it covers.

    *fix* is what certainly belongs in their place; empty: nothing is certain.
    """

    code: str
    message: str
    mark: Mark
    length: int = 1
    fix: str = ""


@dataclass(frozen=True)
class ParserFailure:
    """Where and why the parser gave up.

    *context* is where the thing begins that the parser was reading, the same as *mark* when it
    says nothing; *problem* is in the parser's own words: what it was doing, ` | `, what went wrong.
    """

    problem: str
    mark: Mark
    context: Mark
