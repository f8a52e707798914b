"""`# almaflow: ignore[code]` in a file, and `lint` in almaflow.yaml: problems that are meant.

A comment counts for its own line, or for the line below when it is alone in its line; above the
first key it counts for the whole file. Only warnings and notes can be ignored.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from almaflow.document import Document
from almaflow.document.comments import Comment, comments
from almaflow.document.source import Span
from almaflow.late_dataclasses import dataclass
from almaflow.late_patterns import late_pattern
from almaflow.problem_pages import code_pages
from almaflow.problems import Problem, Severity, certainly_meant, did_you_mean

OFF = "off"
"""The level of `lint` in almaflow.yaml at which a problem is not shown."""

BAD_IGNORE = "bad-ignore"
UNUSED_IGNORE = "unused-ignore"

_MARK = "almaflow:"
_MEANT = late_pattern(r"#\s*almaflow:\s*ign", 2)  # re.IGNORECASE
_COMMENT = late_pattern(r"#\s*almaflow:\s*ignore\s*\[([^\[\]]*)\]", 2)
_CODE = late_pattern(r"[^\s,]+")
_MOST_CODES = 1_000
"""Codes of a file's comments that count: each is compared with all problems of the file."""
_FORM = "Write `# almaflow: ignore[code]` with one or more codes, such as `ignore[no-set]`."
_TOO_MANY = (
    f"The comments of a file can ignore {_MOST_CODES:,} codes. From this one on, they have no "
    "effect. Remove those that are not needed, or set the level of a code for all files with "
    "`lint` in almaflow.yaml."
)


@dataclass(frozen=True)
class Ignore:
    """One code in a comment; *rows* are the lines (from 0) that it counts for, None: all."""

    code: str
    span: Span
    comment: Comment
    rows: range | None

    def is_about(self, problem: Problem) -> bool:
        """Whether *problem*, one of the same file, has the code and is where the comment counts."""
        if problem.code != self.code:
            return False
        return self.rows is None or problem.location.line - 1 in self.rows


def ignores_of(document: Document) -> list[Ignore]:
    """Return what the comments of *document* ask to leave out, in order."""
    if _MARK not in document.text.casefold():
        return []
    return list(islice(_all_ignores(document), _MOST_CODES))


def _all_ignores(document: Document) -> Iterator[Ignore]:
    last_rows = _last_rows(document)
    full_rows = [row for row, line in enumerate(document.lines) if _has_content(line)]
    for comment in comments(document, document.root):
        match = _COMMENT.match(comment.text)
        if match:
            rows = _rows(comment, full_rows, last_rows)
            begin = comment.span[0] + match.start(1)
            for code in _CODE.finditer(match[1]):
                span = (begin + code.start(), begin + code.end())
                yield Ignore(code.group(), span, comment, rows)


def _rows(comment: Comment, full_rows: Sequence[int], last_rows: Mapping[int, int]) -> range | None:
    """Return the lines that *comment* counts for; *full_rows* are those with content."""
    row = comment.row
    if comment.alone:
        if not full_rows or row <= full_rows[0]:
            return None
        below = bisect_right(full_rows, row)
        row = full_rows[below] if below < len(full_rows) else row + 1
    return range(row, max(row, last_rows.get(row, row)) + 1)


def _has_content(line: str) -> bool:
    line = line.strip()
    return bool(line) and not line.startswith(("#", "%", "---"))


def _last_rows(document: Document) -> Mapping[int, int]:
    """Return, for each line in which a text begins, the last line of such texts.

    No comment can be in them, so one above them counts for all of these lines.
    """
    last: dict[int, int] = {}
    for node in document.root.walk():
        if node.value is not None:
            first = document.mark(node.span[0])[0]
            end = document.mark(max(node.span[0], node.span[1] - 1))[0]
            last[first] = max(last.get(first, 0), end)
    return last


@dataclass(frozen=True)
class Sifted:
    """Problems of a file: those that count, and those that a comment or almaflow.yaml leaves out.

    *kept* have the levels of almaflow.yaml.
    """

    kept: tuple[Problem, ...]
    ignored: tuple[Problem, ...]


def sift(problems: Iterable[Problem], document: Document, levels: Mapping[str, str]) -> Sifted:
    """Return the *problems* of *document* without those that are left out.

    *levels* are those of `lint` in almaflow.yaml, by code.
    """
    ignores = ignores_of(document)
    kept, ignored = [], []
    for problem in problems:
        inside = problem.location.file == document.file
        can_be = inside and problem.severity is not Severity.ERROR
        if can_be and any(one.is_about(problem) for one in ignores):
            ignored.append(problem)
        elif (level := _level(problem, levels)) is not None:
            same = level is problem.severity
            kept.append(problem if same else replace(problem, severity=level))
    return Sifted(tuple(kept), tuple(ignored))


def _level(problem: Problem, levels: Mapping[str, str]) -> Severity | None:
    level = levels.get(problem.code)
    if level is None or problem.severity is Severity.ERROR:
        return problem.severity
    return None if level == OFF else Severity(level)


def bad_comments(document: Document, problems: Iterable[Problem]) -> Iterator[Problem]:
    """Yield what is wrong with the comments of *document*, whose *problems* are all but lints."""
    if _MARK not in document.text.casefold():
        return
    for comment in comments(document, document.root):
        if _MEANT.match(comment.text) and not _COMMENT.match(comment.text):
            message = f"This comment has no effect. {_FORM}"
            yield _warning(document, comment.span, BAD_IGNORE, message)
    errors = [one for one in problems if one.severity is Severity.ERROR]
    if beyond := next(islice(_all_ignores(document), _MOST_CODES, None), None):
        yield _warning(document, beyond.span, BAD_IGNORE, _TOO_MANY)
    for ignore in ignores_of(document):
        is_error = any(ignore.is_about(problem) for problem in errors)
        if message := _wrong_code(ignore.code, is_error=is_error):
            fix = "" if ignore.code in code_pages() else certainly_meant(ignore.code, _hidden())
            yield _warning(document, ignore.span, BAD_IGNORE, message, fix)


def unused_comments(document: Document, ignored: Iterable[Problem]) -> Iterator[Problem]:
    """Yield the comments of *document* that hide none of *ignored*, which are its lints, too."""
    left_out = list(ignored)
    for ignore in ignores_of(document):
        is_right = not _wrong_code(ignore.code, is_error=False)
        if is_right and not any(ignore.is_about(problem) for problem in left_out):
            yield _warning(document, ignore.span, UNUSED_IGNORE, _unused(ignore))


def _unused(ignore: Ignore) -> str:
    where = "this file" if ignore.rows is None else f"line {ignore.rows.start + 1}"
    return (
        f"There is no problem `{ignore.code}` in {where}, so this comment has no effect. Remove "
        "it, or move it to the line of the problem."
    )


def _wrong_code(code: str, *, is_error: bool) -> str:
    """Return why problems of *code* cannot be ignored; *is_error*: one that is here is an error."""
    pages = code_pages()
    page = pages.get(code)
    if page is None:
        hint = did_you_mean(code, _hidden()) or ". `almaflow explain codes` lists all codes."
        return f"There is no problem with the code `{code}`{hint}"
    if is_error or not page.can_be_ignored:
        return (
            f"`{code}` is an error and cannot be ignored, because the workflow could not run. Fix "
            "the problem, and remove the comment."
        )
    return ""


def _hidden() -> list[str]:
    """Return the codes that a comment can hide."""
    return [code for code, page in code_pages().items() if page.can_be_ignored]


def _warning(document: Document, span: Span, code: str, message: str, fix: str = "") -> Problem:
    return document.problem(document.location(span), code, message, Severity.WARNING, fix)
