"""Placeholders of forms and of other template languages that nobody has replaced.

They are ordinary text, which Alma would get, and find no set or report of that name.
"""

from __future__ import annotations

from collections.abc import Iterator

from almaflow.check.value_shapes import dollar_templates, shell_words, templates_blanked
from almaflow.late_patterns import late_pattern

# `{SET_NAME}`, `{steps.x.set_id}`, `<set name>`, Python's `%(month)s`, `%SET_NAME%` of Windows.
_ANYWHERE = late_pattern(
    r"(?<![$#{\\\w])\{([A-Za-z_][\w .-]{0,60})\}(?!\})|%\(([A-Za-z_]\w{0,60})\)[sd]"
    r"|(?<![%\w])%([A-Z][A-Z0-9_]{2,60})%(?!\w)|(?<!\w)<([A-Za-z][\w -]{2,60})>"
)
# `[SET NAME]`, `[[SET_NAME]]`, `$SET_NAME`, `@SET_NAME@`, `YOUR_SET_NAME`.
_WHOLE = late_pattern(
    r"\s*(?:\[\[?([A-Z][A-Z0-9_ -]{2,60})\]?\]"
    r"|\$([A-Z][A-Z0-9_]{2,60})|(?:@|__|##)([A-Z][A-Z0-9_]{2,60}?)(?:@|__|##)"
    r"|(?:YOUR|INSERT|ENTER|REPLACE|CHANGE)[_ -]([A-Z0-9_ -]{2,60}))\s*"
)
_DATES = ("date", "today", "datum", "heute")
_DATE_LETTERS = frozenset("YMDJT-_./ ")
_MARKS = frozenset("{%<[$@_#") | frozenset("YIERC")


def placeholders(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield offset and length of each placeholder in *text*, and the name that it has."""
    if _MARKS.isdisjoint(text):
        return
    # What a shell would replace has an answer of its own.
    others = {start for start, _ in shell_words(text)} | set(dollar_templates(text))
    if match := _WHOLE.fullmatch(text):
        if match.start() not in others:
            yield match.start(), len(text), _name(match.groups())
        return
    is_markup = "</" in text or "/>" in text
    for match in _ANYWHERE.finditer(templates_blanked(text)):
        if match.start() not in others and not (is_markup and match[0][0] == "<"):
            yield match.start(), len(match[0]), _name(match.groups())


def _name(groups: tuple[str | None, ...]) -> str:
    return next(group for group in groups if group is not None)


def template_of(name: str) -> str:
    """Return the expression to write for a placeholder called *name*, one of an expression."""
    if "." in name:
        return name.strip()
    if name.strip().casefold() in _DATES or set(name.upper()) <= _DATE_LETTERS:
        return "today"
    words = "".join(one if one.isalnum() else " " for one in name).split()
    return f"inputs.{'_'.join(words).lower()}"
