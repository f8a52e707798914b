"""Formats of problems: text for people, JSON, SARIF, and GitHub's workflow commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

from almaflow.cli.render.terminal import painted
from almaflow.cli.render.text_layout import on_one_line, width
from almaflow.problem_pages import CodePage
from almaflow.problem_pages.texts import page_data, page_markdown, page_text, pages_of
from almaflow.problems import Location, Problem, Severity, counted
from almaflow.redaction import REDACTION
from almaflow.visible import json_text, unbroken, visible, without_commands

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "blue"}
_SARIF_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
_GITHUB_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
# Code hosts show the text of a rule in a narrow column (characters).
_HELP_WIDTH = 80
# A source line longer than this (characters) is cut around the problem.
_LONGEST_LINE = 160
_BEFORE = 60


class ProblemFormat(StrEnum):
    """The formats of problems."""

    TEXT = "text"
    """For people: the location, the message, and the source line with a caret."""
    JSON = "json"
    """One JSON document."""
    SARIF = "sarif"
    """SARIF 2.1.0, which code hosts and editors read."""
    GITHUB = "github"
    """Workflow commands of GitHub Actions, shown in a pull request."""


def format_problems(problems: Sequence[Problem], style: ProblemFormat) -> str:
    """Return *problems* in the order given, without a line break at the end."""
    if style is ProblemFormat.TEXT:
        return "\n".join(problem_lines(problems))
    return _WRITERS[style](problems)


def problem_lines(problems: Sequence[Problem], *, colours: bool = False) -> Iterator[str]:
    """Yield the lines about *problems* for people; `emit_lines` prints their colours."""
    for problem in problems:
        yield from _lines(problem, colours=colours)


def _lines(problem: Problem, *, colours: bool) -> Iterator[str]:
    """Yield one line, and two more if *problem* has a source line."""
    location = problem.location
    colour = _COLOURS[problem.severity]
    place, kind = on_one_line(str(location)), f"{problem.severity}[{problem.code}]"
    if colours:
        place, kind = painted(place, bold=True), painted(kind, colour, bold=True)
    yield f"{place}: {kind}: {on_one_line(problem.message)}"
    yield from picture(location, problem.line_text, colour if colours else "")


def picture(location: Location, line_text: str, colour: str = "") -> Iterator[str]:
    """Yield a source line with its number, and carets below the place; nothing for no line.

    *colour* is that of the carets; empty: none.
    """
    if not line_text.strip():
        return
    # Redact before cutting, because a part of a secret would not be recognised.
    source = REDACTION.covered(line_text)
    line, column = _window(source, location.column - 1)
    carets = "^" * max(1, width(unbroken(line[column : column + location.length])))
    blanks = _blanks(unbroken(line[:column]))
    yield f"{location.line:>5} | {unbroken(line)}"
    yield f"      | {blanks}{painted(carets, colour) if colour else carets}"


def _window(line: str, column: int) -> tuple[str, int]:
    """Return a piece of *line* that can be shown, and *column* (from 0) within it."""
    if len(line) <= _LONGEST_LINE:
        return line, column
    start = max(0, column - _BEFORE)
    end = start + _LONGEST_LINE
    head = "…" if start else ""
    return head + line[start:end] + ("…" if end < len(line) else ""), column - start + len(head)


def _blanks(text: str) -> str:
    """Return spaces as wide as *text*; tabs stay, because only the terminal knows their width."""
    return "".join("\t" if character == "\t" else " " * width(character) for character in text)


def problem_as_data(problem: Problem) -> dict[str, Any]:
    """Return *problem* as JSON-able data."""
    location = problem.location
    return {
        "file": location.file,
        "line": location.line,
        "column": location.column,
        "length": location.length,
        "severity": str(problem.severity),
        "code": problem.code,
        "message": problem.message,
        "line_text": problem.line_text,
        "fix": problem.fix,
    }


def _pages(problems: Sequence[Problem]) -> Mapping[str, CodePage]:
    return pages_of(problem.code for problem in problems)


def _as_json(problems: Sequence[Problem]) -> str:
    document = {
        "errors": counted(problems, Severity.ERROR),
        "warnings": counted(problems, Severity.WARNING),
        "notes": counted(problems, Severity.NOTE),
        "problems": [problem_as_data(problem) for problem in problems],
        "codes": {code: page_data(page) for code, page in _pages(problems).items()},
    }
    return json_text(REDACTION.data(document), indent=2)


def _as_sarif(problems: Sequence[Problem]) -> str:
    """Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0"."""
    codes = list(dict.fromkeys(problem.code for problem in problems))
    pages = _pages(problems)
    rules = [_sarif_rule(code, pages.get(code)) for code in codes]
    run = {
        "tool": {"driver": {"name": "almaflow", "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(problem, codes.index(problem.code)) for problem in problems],
    }
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return json_text(REDACTION.data(document), indent=2)


def _sarif_rule(code: str, page: CodePage | None) -> dict[str, Any]:
    """Return what a code host shows about *code* next to its problems."""
    if page is None:
        return {"id": code, "shortDescription": {"text": code.replace("-", " ").capitalize()}}
    return {
        "id": code,
        "shortDescription": {"text": page.title},
        "fullDescription": {"text": page.why or page.title},
        "help": {"text": page_text(page, _HELP_WIDTH), "markdown": page_markdown(page)},
        "defaultConfiguration": {"level": _SARIF_LEVELS[page.levels[0]]},
    }


def _sarif_result(problem: Problem, rule: int) -> dict[str, Any]:
    location = problem.location
    region: dict[str, Any] = {
        "startLine": location.line,
        "startColumn": location.column,
        "endColumn": location.column + location.length,
    }
    if problem.line_text:
        region["snippet"] = {"text": problem.line_text}
    return {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": _SARIF_LEVELS[problem.severity],
        "message": {"text": problem.message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(location.file)},
                    "region": region,
                }
            }
        ],
        **_sarif_fix(problem, region),
    }


def _sarif_fix(problem: Problem, region: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an editor offers to write in the place of a problem, where it is certain."""
    if not problem.fix:
        return {}
    deleted = {name: value for name, value in region.items() if name != "snippet"}
    change = {
        "artifactLocation": {"uri": _uri(problem.location.file)},
        "replacements": [{"deletedRegion": deleted, "insertedContent": {"text": problem.fix}}],
    }
    description = {"text": f"Write {problem.fix.strip()}"}
    return {"fixes": [{"description": description, "artifactChanges": [change]}]}


def _uri(file: str) -> str:
    path = PurePath(file)
    return Path(file).as_uri() if path.is_absolute() else quote(path.as_posix())


def _as_github(problems: Sequence[Problem]) -> str:
    """Source: GitHub Docs, "Workflow commands for GitHub Actions"."""
    pages = _pages(problems)
    return "\n".join(_github_line(problem, pages.get(problem.code)) for problem in problems)


def _github_line(problem: Problem, page: CodePage | None) -> str:
    location = problem.location
    properties = {
        "file": location.file,
        "line": location.line,
        "col": location.column,
        "endColumn": location.column + location.length,
        "title": f"{problem.code}: {page.title}" if page else problem.code,
    }
    listed = ",".join(f"{name}={_github_property(value)}" for name, value in properties.items())
    return f"::{_GITHUB_LEVELS[problem.severity]} {listed}::{_github_data(problem.message)}"


def _github_data(text: str) -> str:
    # The message is shown in the log too, where older commands (`##[`) count anywhere in a line.
    lines = map(without_commands, visible(REDACTION.text(text)).split("\n"))
    return "%0A".join(line.replace("%", "%25") for line in lines)


def _github_property(value: object) -> str:
    escaped = unbroken(REDACTION.text(str(value))).replace("%", "%25")
    return escaped.replace(":", "%3A").replace(",", "%2C")


_WRITERS: Mapping[ProblemFormat, Callable[[Sequence[Problem]], str]] = {
    ProblemFormat.JSON: _as_json,
    ProblemFormat.SARIF: _as_sarif,
    ProblemFormat.GITHUB: _as_github,
}
