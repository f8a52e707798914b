"""What a YAML syntax error means to the person who wrote the file.

`tree.py` hands over where the parser gave up; this module examines the lines around it for
the mistakes every newcomer makes and falls back to a plain sentence about the parser's words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from almaflow.document import slips
from almaflow.document.parser_failures import Mark, Mistake, ParserFailure

_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'")
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*")
_TEMPLATE = re.compile(r"\{[{%].*?(?:[}%]\}|$)")
_CRON = re.compile(
    r"(?:(?<=[:\-\[{,]\s)|(?<=^))\s*"
    r"(\*(?:/\d+)?(?:\s+(?:[\d*]|[A-Za-z]{3}\b)[^\s,\]}]*)*\s*)(?=$|[,\]}])"
)
_NO_BLANK = re.compile(r"^\s*(?:-\s+)*([A-Za-z_][\w.-]*):(?=[^\s:/])(?!.*:\s)")
_OPEN_QUOTE = re.compile(r"(?:^|[:\-\[,{]\s*)([\"'])(?:(?!\1).)*$")
# Reading more of a line than this (characters) costs time and does not help.
_LOOK = slips.LOOK


def explain(lines: Sequence[str], fault: ParserFailure) -> Mistake:
    """Return the mistake behind *fault*, which the parser met in *lines*."""
    for look in (_tab, _template, _cron, _reserved, _missing_blank, _quote, _known):
        mistake = look(lines, fault)
        if mistake is not None:
            return mistake
    words = fault.problem.partition("|")[2].strip() or fault.problem
    return Mistake("yaml-syntax", f"This is not valid YAML: {words}.", fault.mark)


_KEY_VALUE = re.compile(r"([A-Za-z_][\w.-]*):(?=[^\s:/])")


def key_without_blank(text: str) -> re.Match[str] | None:
    """Return the match, its first group the key, when *text* reads as `key:value`."""
    return _KEY_VALUE.match(text)


def missing_blank(key: str, value: str = "") -> str:
    """Return the message about `key:value`, which YAML reads as text."""
    write = f" Write `{key}: {slips.shown(value)}`." if value.strip() else ""
    return f"A space is missing after `{key}:`, so YAML reads key and value as one text.{write}"


def _line(lines: Sequence[str], number: int) -> str:
    return lines[number] if 0 <= number < len(lines) else ""


def _bare(line: str) -> str:
    """Return *line* with quoted texts and its comment blanked out, nothing moved."""

    def blank(match: re.Match[str]) -> str:
        return "x" * len(match.group())

    line = _QUOTED.sub(blank, line[:_LOOK])
    return _COMMENT.sub(lambda match: " " * len(match.group()), line)


def _tab(lines: Sequence[str], fault: ParserFailure) -> Mistake | None:
    row, column = fault.mark
    line = _line(lines, row)
    if line[column : column + 1] != "\t":
        return None
    if line[:column].strip():
        message = (
            "This is a tab, and almaflow allows only spaces between the parts of a line (YAML "
            "itself allows a tab). Replace the tab with a space."
        )
        return Mistake("yaml-tab", message, fault.mark, fix=" ")
    if not (rest := line.strip()) or rest.startswith("#"):
        what = "a comment" if rest else "nothing else"
        message = (
            f"This line has a tab and {what}, and almaflow allows only spaces there (YAML itself "
            "allows a tab). Replace the tab with a space."
        )
        return Mistake("yaml-tab", message, fault.mark, fix=" ")
    message = (
        "This line is indented with a tab, but YAML allows only spaces. Replace the tab "
        "with spaces."
    )
    return Mistake("yaml-tab", message, fault.mark)


def _rows(fault: ParserFailure) -> list[int]:
    """Return the lines the fault is about; the begin of a block does not explain its fault."""
    rows = [fault.mark[0]] if "block" in fault.problem else [fault.context[0], fault.mark[0]]
    return list(dict.fromkeys(rows))


def _search(
    lines: Sequence[str], fault: ParserFailure, pattern: re.Pattern[str]
) -> tuple[Mark, str] | None:
    """Find *pattern* (its last group) outside of quotes, in the lines the fault is about."""
    for row in _rows(fault):
        bare = _bare(_line(lines, row))
        match = pattern.search(bare)
        if match is not None:
            start, end = match.span(pattern.groups)
            end = start + len(bare[start:end].rstrip())
            return (row, start), _line(lines, row)[start:end]
    return None


def _template(lines: Sequence[str], fault: ParserFailure) -> Mistake | None:
    match = _search(lines, fault, _TEMPLATE)
    if match is None:
        return None
    return template_mistake(lines, match[0], len(match[1]))


def template_mistake(lines: Sequence[str], mark: Mark, length: int) -> Mistake:
    """Return the mistake of an unquoted `{{ … }}` at *mark* in *lines*."""
    row, column = mark
    line = _line(lines, row)
    # The value may begin with a text, and outside of brackets it has all of the line.
    start = max(line.rfind(one, 0, column) + len(one) for one in (": ", ", ", "[", "{", "- "))
    in_brackets = re.search(r"[\[{]", line[:column])
    end = column + length if in_brackets else len(line[:_LOOK].split(" #")[0])
    value = slips.without_typographic(line[min(start, column) : end].strip(), line[end:])
    is_whole = value == line[column : column + length]
    return Mistake(
        "yaml-unquoted-template",
        f"A value with a template needs quotes around all of it. Write "
        f"`{slips.in_quotes(slips.shown(value))}`. Without them, YAML reads the brace as the "
        "beginning of a mapping.",
        mark,
        length,
        slips.in_quotes(value) if is_whole else "",
    )


def _cron(lines: Sequence[str], fault: ParserFailure) -> Mistake | None:
    match = _search(lines, fault, _CRON)
    if match is None:
        return None
    mark, text = match
    return Mistake(
        "yaml-unquoted-cron",
        f'`{text}` needs quotes: `"{text}"`. YAML reads a `*` at the beginning of a value as a '
        "reference.",
        mark,
        len(text),
        f'"{text}"',
    )


def _reserved(lines: Sequence[str], fault: ParserFailure) -> Mistake | None:
    row, column = fault.mark
    rest = _line(lines, row)[column:]
    sign = rest[:1]
    if "cannot start any token" not in fault.problem or not sign:
        return None
    if rest.startswith("```"):
        message = (
            "This line is of Markdown, not of YAML. Remove it, and the one that ends the block."
        )
        return Mistake("yaml-unquoted-sign", message, fault.mark, len(rest.rstrip()))
    value = rest.split(" #")[0].rstrip()
    if re.search(r"[\[{]", _bare(_line(lines, row)[:column])):
        # Between brackets, a comma or a bracket ends the value.
        value = re.split(r",\s|[}\]]|,$", value)[0].rstrip() or value
    length = len(value) or 1
    right = slips.in_quotes(slips.shown(value.strip("`") if sign == "`" else value))
    if sign == "@":
        message = f"A value that begins with `@` needs quotes. Write `{right}`."
        return Mistake("yaml-unquoted-at", message, fault.mark, length, slips.in_quotes(value))
    name = "a backtick" if sign == "`" else f"`{sign}`"
    message = f"A value cannot begin with {name}. Write `{right}`."
    return Mistake("yaml-unquoted-sign", message, fault.mark, length)


def _missing_blank(lines: Sequence[str], fault: ParserFailure) -> Mistake | None:
    before = fault.mark[0] - 1
    while before >= 0 and not _bare(_line(lines, before)).strip():
        before -= 1
    for row in (*_rows(fault), before):
        match = _NO_BLANK.match(_bare(_line(lines, row)))
        if match is not None:
            start, end = match.span(1)
            message = missing_blank(match.group(1), _line(lines, row)[end + 1 :].strip())
            return Mistake(
                "yaml-missing-blank", message, (row, start), end - start + 1, f"{match[1]}: "
            )
    return None


def _quote(lines: Sequence[str], fault: ParserFailure) -> Mistake | None:
    if "quoted scalar" in fault.problem and "unexpected" in fault.problem:
        return _not_closed(lines, fault.context)
    row, column = fault.mark
    before = _line(lines, row)[:column].rstrip()
    if not before.endswith(('"', "'")) or "expected" not in fault.problem:
        return None
    for above in range(row, max(-1, row - 20), -1):
        line = _line(lines, above)[:_LOOK]
        match = _OPEN_QUOTE.search(_bare(line if above != row else before))
        if match is not None and match.group(1) == before[-1] and above != row:
            return _not_closed(lines, (above, match.start(1)))
    right = slips.text_beside_quotes(_line(lines, row))
    write = f"Write `{right}`" if right else "Put the whole value in one pair of quotes"
    message = f"There is text after the closing quote. {write}."
    return Mistake("yaml-syntax", message, fault.mark)


def _not_closed(lines: Sequence[str], mark: Mark) -> Mistake:
    message = "The quote that opens here is not closed."
    other = next((one for one in _line(lines, mark[0])[mark[1] :] if one in slips.TYPOGRAPHIC), "")
    advice = f" `{other}` is typographic: write the same straight one." if other else ""
    return Mistake("yaml-unclosed-quote", message + advice, mark)


def _nested_value(lines: Sequence[str], fault: ParserFailure) -> Mistake:
    row, column = fault.mark
    key = _line(lines, row)[:column]
    if re.search(r":\s", key):
        right = slips.colon_in_value(_line(lines, row))
        write = f": write `{right}`" if right else ""
        message = f"A value with `: ` in it needs quotes around the whole value{write}."
        return Mistake("yaml-syntax", message, fault.mark)
    above = slips.line_above(lines, row)
    if why := slips.wrong_line(_line(lines, above)):
        return _of_line(lines, above, why)
    advice = slips.column_advice(lines, row) or (
        "Check the indentation, and whether that line needs a `:`."
    )
    return Mistake(
        "yaml-indentation",
        f"A key is not allowed here, because the line before it is already a value. {advice}",
        (row, len(key) - len(key.lstrip())),
        max(1, len(key.strip())),
    )


def _of_line(lines: Sequence[str], row: int, message: str) -> Mistake:
    """Return the mistake of a whole line."""
    line = _line(lines, row)
    start = len(line) - len(line.lstrip(" -"))
    return Mistake("yaml-syntax", message, (row, start), max(1, len(line.rstrip()) - start))


def _no_colon(lines: Sequence[str], fault: ParserFailure) -> Mistake:
    row = fault.context[0]
    if why := slips.block_text(lines, row):
        return Mistake("yaml-indentation", why, fault.context)
    if why := slips.wrong_line(_line(lines, row)):
        return _of_line(lines, row, why)
    message = "A `:` is missing after this key, or the line is indented less than the text above."
    return Mistake("yaml-syntax", message, fault.context)


def _column(message: str, lines: Sequence[str], fault: ParserFailure) -> Mistake:
    row = fault.mark[0]
    if why := slips.block_text(lines, row):
        return Mistake("yaml-indentation", why, fault.mark)
    sign = _line(lines, row)[fault.mark[1] : fault.mark[1] + 1]
    if sign and sign in "}]":
        return Mistake("yaml-syntax", f"This `{sign}` closes nothing. Remove it.", fault.mark)
    advice = slips.column_advice(lines, row)
    return Mistake("yaml-indentation", f"{message} {advice}".strip(), fault.mark)


def _open_bracket(message: str, lines: Sequence[str], fault: ParserFailure) -> Mistake:
    row, column = fault.context
    at, why = slips.in_brackets(_line(lines, row), column) or (column, message)
    return Mistake("yaml-syntax", why, (row, at))


def _escape(message: str, lines: Sequence[str], fault: ParserFailure) -> Mistake:
    row, column = fault.context
    match = re.compile(r'"[^"]*"').match(_line(lines, row)[:_LOOK], column)
    if match is not None and (why := slips.windows_path(match.group())):
        return Mistake("yaml-windows-path", why, fault.context, len(match.group()))
    if match is not None:
        text = slips.in_quotes(slips.shown(match.group()[1:-1]))
        return Mistake("yaml-escape", f"{message} In single quotes: `{text}`.", fault.mark)
    return Mistake("yaml-escape", message, fault.mark)


def _percent_or_indentation(lines: Sequence[str], fault: ParserFailure) -> Mistake:
    for row in range(fault.mark[0] + 1):
        if _line(lines, row).startswith("%"):
            message = "A line cannot begin with `%`. Indent it, or put the value in quotes."
            return Mistake("yaml-syntax", message, (row, 0), len(_line(lines, row)))
    message = "This line does not belong to the lines above. Check the indentation."
    return Mistake("yaml-indentation", message, fault.mark)


def _sign(sign: str, lines: Sequence[str], fault: ParserFailure) -> Mistake:
    message = f"A value that begins with `{sign}` needs quotes."
    return Mistake("yaml-syntax", message, fault.context)


def _tag(lines: Sequence[str], fault: ParserFailure) -> Mistake:
    message = "Tags (`!…`) are not allowed. Put the value in quotes if it is text."
    return Mistake("yaml-tag", message, fault.mark)


# The parser's words → what to say, the first that fits. It puts `|` between what it was doing
# and what went wrong. A sentence alone is about the syntax at the mark.
_SENTENCES: Mapping[str, str | Callable[..., Mistake]] = {
    "mapping values are not allowed": _nested_value,
    "sequence entries are not allowed": "Begin each list entry (`- `) on a new line.",
    "could not find expected ':'": _no_colon,
    "found unknown escape": partial(
        _escape,
        "In double quotes a backslash begins an escape, and this escape is unknown. A "
        "backslash itself is written `\\\\`.",
    ),
    "escape sequence of": partial(_escape, "This escape has too few hexadecimal digits."),
    "tag": _tag,
    "more indented follow up line": (
        "The first line after `|` or `>` has spaces and no text, which almaflow does not allow "
        "(YAML does). Remove these spaces."
    ),
    "block scalar": "After `|` or `>`, begin the text on the next line and indent it.",
    "a directive": _percent_or_indentation,
    "an alias": partial(_sign, "*"),
    "an anchor": partial(_sign, "&"),
    "flow sequence": partial(
        _open_bracket, "The list that opens here with `[` is not closed, or a comma is missing."
    ),
    "flow mapping": partial(
        _open_bracket, "The mapping that opens here with `{` is not closed, or a comma is missing."
    ),
    "block mapping": partial(
        _column,
        "This line does not fit the lines above. The keys of one mapping begin in the same "
        "column, and each is followed by a `:`.",
    ),
    "block collection": partial(
        _column,
        "This line does not fit the list above. The entries of a list begin in the same "
        "column, each with `- `.",
    ),
    "but found '<stream end>'": "The file ends where a value or a closing bracket is expected.",
    "document end marker": "Only a comment can follow `...`, which ends a document.",
    "mapping keys are not allowed": "A value cannot begin with `? `. Put it in quotes.",
    "node content": "A value is expected here. Put it in quotes if it is text.",
    "<document start>": _percent_or_indentation,
}


def _known(lines: Sequence[str], fault: ParserFailure) -> Mistake | None:
    for words, make in _SENTENCES.items():
        if words in fault.problem:
            if isinstance(make, str):
                return Mistake("yaml-syntax", make, fault.mark)
            return make(lines, fault)
    return None
