"""The differences between what a test expects and what a run did."""

from __future__ import annotations

from almaflow.document import Document, PathTo
from almaflow.late_dataclasses import dataclass
from almaflow.problems import Location


@dataclass(frozen=True)
class Difference:
    """One thing that is not as the test expects.

    *location* is the place of the expectation, *line_text* its line. *subject* says what differs,
    as a noun; *hint* is a sentence that helps to find the reason, or empty.
    """

    location: Location
    line_text: str
    subject: str
    expected: str
    actual: str
    hint: str = ""


class Differences:
    """Gathers the differences of one test; paths are those below *path* of its file."""

    def __init__(self, document: Document, path: PathTo) -> None:
        self._document = document
        self._path = path
        self.all: list[Difference] = []

    def note(self, path: PathTo, subject: str, expected: str, actual: str, hint: str = "") -> None:
        """Add a difference from what is expected at *path*."""
        location = self._document.location_of(self._written((*self._path, *path)))
        line = self._document.problem(location, "", "").line_text
        self.all.append(Difference(location, line, subject, expected, actual, hint))

    def _written(self, path: PathTo) -> PathTo:
        """Return the part of *path* that the file has: short forms leave out keys."""
        written: PathTo = ()
        for element in path:
            if self._document.has((*written, element)):
                written = (*written, element)
        if len(written) <= len(self._path) and len(self._path) > 1:
            # A default, such as `outcome: succeeded`: the test's name is what people look for.
            named = (*self._path[:2], "name")
            return named if self._document.has(named) else written
        return written
