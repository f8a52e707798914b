"""What people write in a line of YAML that comes from elsewhere: other comments, quotes, paths.

Each function looks at the lines around the place where the parser gave up and returns what to write
instead, with the text of the file; an empty text when that slip is not there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from almaflow.late_patterns import late_pattern

# Reading more of a line than this (characters) costs time and does not help.
LOOK = 2000
# Longer texts are not repeated.
_LONGEST = 120

_COMMENT = late_pattern(r"\s*(//|/\*|--|;|<!--|REM\b|%%)\s*(.*)", re.IGNORECASE)
_EQUALS = late_pattern(r"\s*(?:-\s+)?([A-Za-z_][\w.-]*)\s*=\s*(\S.*)")
_NO_COLON = late_pattern(r"\s*(?:-\s+)?([A-Za-z_][\w-]*)(?:\s+(\S.*))?")
_WIDE_COLON = late_pattern(r"\s*(?:-\s+)?([\w-]+)\s*([：﹕꞉ː∶])\s*(.*)")
_HEADER = late_pattern(r"(?:-\s+)*([\w-]+):\s+[|>][+-]?\d?[+-]?\s*(?:#.*)?$")
_START = late_pattern(r"\s*(?:-\s+)*")
_PAIR = late_pattern(r"(\s*(?:-\s+)*)([\w.-]+):\s+(\S.*)")

_KEY_AND_VALUE = late_pattern(r"([a-z_]+): [^\"'{}\[\]:,]+")
_PAIR_IN_BRACKETS = late_pattern(r"(?<=[{,\s])([\w.-]+): ([^\"'{}\[\],]+)")

PATHS_ARE_RELATIVE = (
    "The files of a workflow are in its project folder, with paths relative to the workflow."
)

_DRIVE = r"[A-Za-z]:\\"
_WINDOWS_PATH = late_pattern(rf"(?:{_DRIVE}|\\\\)[^\"*?<>|\n]*|[\w .-]+(?:\\[\w .-]+)+\.\w{{1,5}}")


TYPOGRAPHIC = "“”„‟«»‘’‚‹›″"
"""Quotation marks that do not quote in YAML."""


def without_typographic(value: str, rest: str = "") -> str:
    """Return *value* without the typographic quotes around it; *rest* follows it in its line."""
    if value[:1] not in TYPOGRAPHIC or not value:
        return value
    if value[-1] in TYPOGRAPHIC and len(value) > 1:
        return value[1:-1]
    end = re.search(f"[{TYPOGRAPHIC}]", rest)
    return value[1:] + rest[: end.start()] if end else value


def shown(text: str) -> str:
    """Return *text* as a message repeats it."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def in_quotes(text: str) -> str:
    """Return the scalar in quotes that means *text*."""
    if '"' not in text and "\\" not in text:
        return f'"{text}"'
    return "'" + text.replace("'", "''") + "'"


def line_above(lines: Sequence[str], row: int) -> int:
    """Return the nearest line above *row* with something in it; -1: there is none."""
    row -= 1
    while row >= 0 and not lines[row].split(" #")[0].strip().strip("#"):
        row -= 1
    return row


def wrong_line(line: str) -> str:
    """Return what is wrong with a *line* that should be a key and its value."""
    line = line[:LOOK].rstrip()
    if match := _COMMENT.fullmatch(line):
        return f"A comment begins with `#`, not with `{match[1]}`. Write `# {shown(match[2])}`."
    if match := _WIDE_COLON.fullmatch(line):
        return (
            f"The colon after `{match[1]}` is U+{ord(match[2]):04X}, which only looks like `:`. "
            f"Write `{match[1]}: {shown(match[3])}`."
        )
    if match := _EQUALS.fullmatch(line):
        return (
            f"A key and its value are divided by `: `, not by `=`. Write `{match[1]}: "
            f"{shown(match[2])}`."
        )
    match = _NO_COLON.fullmatch(line)
    if match is None or ": " in line:
        return ""
    value = f" {shown(match[2])}" if match[2] else ""
    return f"A `:` is missing after `{match[1]}`. Write `{match[1]}:{value}`."


def column_advice(lines: Sequence[str], row: int) -> str:
    """Return where the line *row* should begin, of which no line above begins in its column."""
    begins = _begin(lines[row])
    if lines[row].rstrip().endswith((",", ";")):
        return f"Remove the `{lines[row].rstrip()[-1]}` at its end."
    best: tuple[int, str] | None = None
    above = line_above(lines, row)
    for _ in range(20):
        if above < 0:
            break
        start = _START.match(lines[above])
        inside = start.end() if start else 0
        for column in (inside, _indent(lines[above])):
            if best is None or abs(column - begins) < abs(best[0] - begins):
                best = column, lines[above][column:].split(":")[0].strip()
        if _indent(lines[above]) == 0:
            break
        above = line_above(lines, above)
    if best is None or best[0] == begins:
        return ""
    name = f"`{shown(best[1])}`"
    return (
        f"This line begins in column {begins + 1}. If it belongs together with {name}, begin it in "
        f"column {best[0] + 1}, too."
    )


def _begin(line: str) -> int:
    return len(line) - len(line.lstrip())


_indent = _begin


def block_text(lines: Sequence[str], row: int) -> str:
    """Return why the line *row* is not part of a text after `|` or `>` above it."""
    for above in range(row - 1, max(-1, row - 200), -1):
        match = _HEADER.fullmatch(lines[above].strip()[:LOOK])
        if match is None:
            continue
        key = lines[above].index(f"{match[1]}:")
        texts = [one for one in lines[above + 1 : row] if one.strip()]
        column = _indent(texts[0]) if texts else key + 2
        line = lines[row].rstrip()
        is_key = ": " in line or line.endswith(":")
        if (
            any(_indent(one) <= key for one in texts)
            or _indent(line) < key - is_key
            or (texts and is_key and _indent(line) <= key)
        ):
            return ""
        return (
            f"The text after `{lines[above].strip().lstrip('- ')}` continues here, but this line "
            f"begins in column {_indent(lines[row]) + 1}. Begin each line of the text in column "
            f"{column + 1} or further right."
        )
    return ""


def colon_in_value(line: str) -> str:
    """Return the `key: "value"` of a *line* whose value has `: ` in it."""
    match = _PAIR.fullmatch(line[:LOOK].split(" #")[0].rstrip())
    if match is None:
        return ""
    quoted = f"{match[2]}: {in_quotes(shown(without_typographic(match[3])))}"
    inner = _KEY_AND_VALUE.fullmatch(match[3])
    is_pair = inner is not None and len(match[3]) <= _LONGEST
    pair = f"{match[2]}: {{{match[3]}}}" if is_pair else ""
    return f"{pair}` if `{inner[1]}` is a key, else `{quoted}" if inner and pair else quoted


def in_brackets(line: str, start: int) -> tuple[int, str] | None:
    """Return what keeps the brackets that open at *start* from closing, and where it is."""
    at = line[:LOOK].find(" #", start)
    if at >= 0 and '"' not in line[start:at] and "'" not in line[start:at]:
        before = re.split(r"[\[{,]|:\s", line[start:at])[-1].strip()
        after = re.split(r"[,}\]]", line[at + 1 :])[0].rstrip()
        return at + 1, (
            "A `#` after a space begins a comment, so the bracket is not closed. Put the value in "
            f"quotes: `{in_quotes(f'{before} {after}'.strip())}`."
        )
    for match in _PAIR_IN_BRACKETS.finditer(line[:LOOK], start):
        value = match[2].strip()
        if ": " in value:
            return match.start(1), (
                "A value with `: ` in it needs quotes around the whole value: write `"
                f"{match[1]}: {in_quotes(shown(value))}`."
            )
    return None


def text_beside_quotes(line: str) -> str:
    """Return the value of a *line* whose quotes end too early, in other quotes."""
    match = re.fullmatch(r"\s*(?:-\s+)*(?:[\w.-]+:\s+)?(['\"].*\S)\s*", line[:LOOK])
    if match is None:
        return ""
    text = match[1]
    if len(text) > 1 and text[0] == text[-1]:
        text = text[1:-1]
    return in_quotes(shown(text))


def windows_path(raw: str) -> str:
    """Return what to write for the double-quoted scalar *raw* when it is a path of Windows."""
    path = raw.strip().strip('"')
    if not _WINDOWS_PATH.fullmatch(path):
        return ""
    path = shown(path)
    slashes = path.replace("\\", "/")
    return (
        "In double quotes YAML reads a backslash as the beginning of an escape, so this is not the "
        f"path `{path}`. Write it with `/`: `{slashes}`, or in single quotes: `'{path}'`. "
        f"{PATHS_ARE_RELATIVE}"
    )
