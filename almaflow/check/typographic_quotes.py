"""Characters that are not what they look like: typographic quotation marks, and letters in names.

YAML takes such marks around a whole value for a part of the text.
"""

from __future__ import annotations

from almaflow.check.collector import ProblemCollector
from almaflow.check.traversal import texts_in
from almaflow.check.value_shapes import typographic_quotes
from almaflow.document import PathTo
from almaflow.document.slips import in_quotes
from almaflow.lookalikes import mixed_word
from almaflow.problems import Severity

TYPOGRAPHIC_QUOTES = "typographic-quotes"
"""The code of a problem about quotation marks that YAML takes for a part of the text."""

# Texts for people, in which such marks are right.
_FOR_PEOPLE = frozenset({"description", "message", "notify", "text", "subject"})


# Names that must be the same somewhere else, where a letter of another alphabet is not seen.
_NAMES = frozenset({"name", "column", "columns", "find_set", "job_name", "prefix"})


def check_characters(notes: ProblemCollector) -> None:
    """Note every value of the document that was put in quotes which are not YAML's.

    Also the names in whose words a letter of another alphabet looks like a Latin one.
    """
    for path, text in texts_in(notes.document.data):
        if text.isascii():
            continue
        inner = typographic_quotes(text)
        if inner and not _FOR_PEOPLE.intersection(path):
            _note_quotes(notes, path, text, inner)
        if _NAMES.intersection(path[-2:]) and (why := mixed_word(text)):
            notes.at(path, "look-alike-letter", why, Severity.WARNING)


def _note_quotes(notes: ProblemCollector, path: PathTo, text: str, inner: str) -> None:
    document = notes.document
    is_bare = document.raw(path) == text
    problem = document.problem(
        document.location_of(path),
        TYPOGRAPHIC_QUOTES,
        f"The quotation marks in `{text}` are typographic, so YAML takes them for a part "
        f'of the text. Write `"{inner}"` with straight ones, as a plain text editor does.',
        Severity.WARNING,
        in_quotes(inner) if is_bare else "",
    )
    notes.add(problem)
