"""Problems for people, for programs and for the pages of a review: text, JSON, SARIF, GitHub."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

from almaflow.problems import Problem, Severity

# A longer source line (characters) is cut around the place.
_LONGEST_LINE = 160
_BEFORE = 60

_BOLD, _RED, _YELLOW, _RESET = "\x1b[1m", "\x1b[31m", "\x1b[33m", "\x1b[0m"


class ProblemFormat(StrEnum):
    """How problems are written."""

    TEXT = "text"
    """For people: the place, the message, the source line with a caret."""
    JSON = "json"
    """One JSON document."""
    SARIF = "sarif"
    """SARIF 2.1.0, which code hosts and editors read."""
    GITHUB = "github"
    """Workflow commands of GitHub Actions, shown in a pull request."""


def format_problems(
    problems: Sequence[Problem], style: ProblemFormat, *, colours: bool = False
) -> str:
    """Return *problems* in the order given, without a line break at the end.

    *colours* adds ANSI colours to the text for people.
    """
    if style is ProblemFormat.TEXT:
        return "\n".join(problem_as_text(problem, colours=colours) for problem in problems)
    return _WRITERS[style](problems)


def problem_as_text(problem: Problem, *, colours: bool = False) -> str:
    """Return *problem* for people: one line, and two more with the picture when it has one."""
    location = problem.location
    colour = _RED if problem.severity is Severity.ERROR else _YELLOW
    place = _printable(str(location))
    kind = f"{problem.severity}[{problem.code}]"
    if colours:
        place, kind = f"{_BOLD}{place}{_RESET}", f"{_BOLD}{colour}{kind}{_RESET}"
    text = f"{place}: {kind}: {_printable(problem.message)}"
    if not problem.line_text.strip():
        return text
    line, column = _window(problem.line_text, location.column - 1)
    line = _printable(line)
    carets = "^" * max(1, _width(line[column : column + location.length]))
    if colours:
        carets = f"{colour}{carets}{_RESET}"
    return f"{text}\n{location.line:>5} | {line}\n      | {_blanks(line[:column])}{carets}"


def _window(line: str, column: int) -> tuple[str, int]:
    """Return a piece of *line* that can be shown, and *column* (from 0) within it."""
    if len(line) <= _LONGEST_LINE:
        return line, column
    start = max(0, column - _BEFORE)
    end = start + _LONGEST_LINE
    head = "…" if start else ""
    return head + line[start:end] + ("…" if end < len(line) else ""), column - start + len(head)


def _printable(text: str) -> str:
    """Return *text* without what would move the cursor or turn the writing direction."""
    return "".join(
        character if character.isprintable() or character == "\t" else "\ufffd"
        for character in text
    )


def _blanks(text: str) -> str:
    """Return blanks as wide as *text*; tabs stay, because only the terminal knows their width."""
    return "".join("\t" if character == "\t" else " " * _width(character) for character in text)


def _width(text: str) -> int:
    """Return how many columns *text* takes on a terminal; a tab counts as one."""
    return sum(
        0
        if unicodedata.combining(character)
        else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )


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
    }


def _as_json(problems: Sequence[Problem]) -> str:
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    document = {
        "errors": errors,
        "warnings": len(problems) - errors,
        "problems": [problem_as_data(problem) for problem in problems],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _as_sarif(problems: Sequence[Problem]) -> str:
    """Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0"."""
    codes = list(dict.fromkeys(problem.code for problem in problems))
    rules = [
        {"id": code, "shortDescription": {"text": code.replace("-", " ").capitalize()}}
        for code in codes
    ]
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
    return json.dumps(document, indent=2, ensure_ascii=False)


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
        "level": "error" if problem.severity is Severity.ERROR else "warning",
        "message": {"text": problem.message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(location.file)},
                    "region": region,
                }
            }
        ],
    }


def _uri(file: str) -> str:
    path = PurePath(file)
    return Path(file).as_uri() if path.is_absolute() else quote(path.as_posix())


def _as_github(problems: Sequence[Problem]) -> str:
    """Source: GitHub Docs, "Workflow commands for GitHub Actions"."""
    return "\n".join(_github_line(problem) for problem in problems)


def _github_line(problem: Problem) -> str:
    location = problem.location
    properties = {
        "file": location.file,
        "line": location.line,
        "col": location.column,
        "endColumn": location.column + location.length,
        "title": problem.code,
    }
    listed = ",".join(f"{name}={_github_property(value)}" for name, value in properties.items())
    return f"::{problem.severity} {listed}::{_github_data(problem.message)}"


def _github_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _github_property(value: object) -> str:
    return _github_data(str(value)).replace(":", "%3A").replace(",", "%2C")


_WRITERS: Mapping[ProblemFormat, Callable[[Sequence[Problem]], str]] = {
    ProblemFormat.JSON: _as_json,
    ProblemFormat.SARIF: _as_sarif,
    ProblemFormat.GITHUB: _as_github,
}
