"""Texts that were meant as something else: an expression without its braces, a file, a name.

YAML accepts all of them as text, so only their form shows what the author had in mind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from almaflow.late_patterns import late_pattern

OPENING_QUOTES = "“”„‟«»‘’‚‹›″"
"""Quotation marks that do not quote in YAML, whichever end of a text they are at."""

_TEMPLATE = late_pattern(r"\{\{.*?\}\}", re.DOTALL)
# What other languages put around a name to get its value: `{x}`, `${x}`, `${{ x }}`, `<x>`, `%x%`.
_WRAPPED = late_pattern(
    r"\s*(?:\$\{\{(.*?)\}\}|\$?\{([^{}]*)\}|<([^<>]*)>|%([^%]*)%|\$([A-Za-z_][\w.]*))\s*",
    re.DOTALL,
)
_CHAIN = late_pattern(r"(?:steps|inputs|vars|run|secrets)(?:\.\w+|\[(?:'[^']*'|\"[^\"]*\"|\d+)\])+")
_FILE = late_pattern(
    r"[^\n*?\"|]+\.(csv|tsv|txt|tab|xlsx?|xlsm|xlsb|ods|numbers|json|xml|ya?ml|dat|lst|mrc|marc)",
    re.IGNORECASE,
)


_WORKBOOK = late_pattern(r"(.+)\.(?:xls[xmb]?|xlt[xm]?|ods|numbers)", re.IGNORECASE | re.DOTALL)


def saved_as_csv(name: str) -> str:
    """Return what the workbook called *name* is called once saved as CSV; empty: it is not one."""
    match = _WORKBOOK.fullmatch(name.strip())
    return f"{match[1]}.csv" if match else ""


def around_templates(text: str) -> str:
    """Return the characters of *text* that are outside its templates, without spaces."""
    return "".join(without_templates(text).split())


def without_templates(text: str) -> str:
    """Return the characters of *text* that are outside its templates."""
    return _TEMPLATE.sub("", text)


def bare_expression(text: str) -> str:
    """Return the expression that *text* is without its two braces; empty when it is none."""
    inner = _unwrapped(text).strip()
    return inner if _CHAIN.fullmatch(inner.partition("|")[0].strip()) else ""


def _unwrapped(text: str) -> str:
    match = _WRAPPED.fullmatch(text)
    if match is None:
        return text.strip().strip(OPENING_QUOTES + "\"'`")
    return next(group for group in match.groups() if group is not None)


def is_file_name(text: str) -> bool:
    """Whether *text* is what a file of members or of parameters is called."""
    return _FILE.fullmatch(text.strip()) is not None


def typographic_quotes(text: str) -> str:
    """Return *text* without the typographic quotes at both its ends; empty: it has none."""
    text = text.strip()
    if len(text) > 1 and text[0] in OPENING_QUOTES and text[-1] in OPENING_QUOTES:
        return text[1:-1].strip()
    return ""


def dollar_templates(text: str) -> Iterator[int]:
    """Yield the offset of each `$` in front of a template, as GitHub writes them."""
    return (match.start() for match in re.finditer(r"\$(?=\{\{)", text))
