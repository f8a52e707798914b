"""Texts that were meant as something else: an expression without its braces, a file, a name.

YAML accepts all of them as text, so only their form shows what the author had in mind.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator

from almaflow.document.slips import TYPOGRAPHIC
from almaflow.expressions.parsed import replace_templates
from almaflow.late_patterns import late_pattern

OPENING_QUOTES = TYPOGRAPHIC
"""Quotation marks that do not quote in YAML, whichever end of a text they are at."""

# What other languages put around a name to get its value: `{x}`, `${x}`, `${{ x }}`, `<x>`, `%x%`,
# `[[ x ]]`, `#{x}`, `%(x)s`, `$(x)`, `{{ x }}` of a Chinese or Japanese keyboard.
_WRAPPED = late_pattern(
    r"\s*(?:\$\{\{(.*?)\}\}|[$#@%]?\{([^{}]*)\}|<%?=?([^<>%]*)%?>|%([^%()]*)%|\[\[([^\[\]]*)\]\]"
    r"|\{\s+\{([^{}]*)\}\s*\}|[%$]\(([^()]*)\)s?|｛｛?([^｛｝]*)｝｝?|\$([A-Za-z_][\w.]*))\s*",
    re.DOTALL,
)
_CHAIN = late_pattern(r"(?:steps|inputs|vars|run|secrets)(?:\.\w+|\[(?:'[^']*'|\"[^\"]*\"|\d+)\])+")
# What other systems write in front of, or between, the name of a step and that of its output.
_HOLDERS = frozenset(
    {"steps", "step", "outputs", "output", "outcome", "result", "results", "tasks"}
)
# An id of Alma's has at least thirteen digits.
_SHORTEST_ID = 13
# Shorter numbers in one text may be a text, such as `1, 2`.
_SHORTEST_IN_LIST = 6
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


def templates_blanked(text: str) -> str:
    """Return *text* in the same length, with spaces in place of its templates."""
    return replace_templates(text, lambda match: " " * len(match[0]))


def without_templates(text: str) -> str:
    """Return the characters of *text* that are outside its templates."""
    return replace_templates(text, "")


def bare_expression(text: str) -> str:
    """Return the expression that *text* is without its two braces; empty when it is none."""
    inner = _unwrapped(text).strip()
    return inner if _CHAIN.fullmatch(inner.partition("|")[0].strip()) else ""


def _unwrapped(text: str) -> str:
    match = None if text[:1].isalnum() else _WRAPPED.fullmatch(text)
    if match is None:
        return text.strip().strip(OPENING_QUOTES + "\"'`")
    return next(group for group in match.groups() if group is not None)


def of_other_systems(text: str, steps: Collection[str]) -> str:
    """Return the output of one of *steps* that *text* names as other systems do; empty: none.

    GitHub's `${{ steps.x.outputs.set_id }}`, Kestra's `{{ outputs.x.set_id }}`, a shell's
    `${x.set_id}`.
    """
    words = [one for one in _unwrapped(text).strip().split(".") if one not in _HOLDERS]
    if len(words) != 2 or words[0] not in steps or not words[1].isidentifier():
        return ""
    return f"steps.{words[0]}.{words[1]}"


def digits_meant(text: str) -> str:
    """Return the id that *text* is with separators, invisible characters, other letters or digits
    of another keyboard, or has in it; empty when it is none.
    """
    plain = unicodedata.normalize("NFKC", text)
    digits = "".join(one for one in plain if one.isdigit())
    rest = {one for one in plain if not one.isdigit()}
    is_number = digits.isascii() and len(digits) >= _SHORTEST_ID
    if is_number and all(map(_is_between_digits, rest)):
        return digits
    alike = plain.strip().translate(_LIKE_DIGITS)
    if alike.isascii() and alike.isdecimal() and len(alike) >= _SHORTEST_ID < len(digits) + 4:
        return alike
    # `Set ID: 38205478040009276`, a link of Alma's pages
    ids = _ID_IN_TEXT.findall(plain)
    return ids[0] if len(set(ids)) == 1 else ""


# Letters that are typed, or read by a scanner, in place of digits.
_LIKE_DIGITS = str.maketrans("OoQlI|SB", "00011158")
_ID_IN_TEXT = late_pattern(r"(?<![0-9A-Za-z])[0-9]{13,19}(?![0-9A-Za-z])")


def _is_between_digits(character: str) -> bool:
    """Whether *character* separates digits, surrounds them, or is not seen."""
    is_unseen = unicodedata.category(character) in ("Cf", "Zs")
    return is_unseen or character in ".,'_-#;\"`´\t" or character in OPENING_QUOTES


def several_ids(text: str) -> list[str]:
    """Return the ids of which *text* is a list in one text; one or none: it is no such list."""
    ids = re.split(r"\s*[,;|\s]\s*", text.strip().strip(",;[]"))
    is_list = all(len(one) >= _SHORTEST_IN_LIST and one.isdecimal() for one in ids)
    return ids if is_list else []


# `$SET_ID`, `${SET_ID}`, `%SET_ID%`, `<SET ID>`, `{SET_ID}`.
_VARIABLE = late_pattern(r"(?:\$\{?|%|<|\{)\s*([A-Za-z][\w ]*?)\s*[}%>]?")
# What a shell would replace: `$(date +%F)`, `${NAME}`, `%DATE%`, and what is in backticks.
_SHELL = late_pattern(r"\$\([^()]*\)|\$\{[A-Za-z_]\w*\}|%(?:DATE|TIME|USERNAME)%|`date[^`]*`")
_SHELL_MARKS = frozenset("$%`")


def variable_meant(text: str) -> str:
    """Return the name of the variable that *text* is in a shell, or a form; empty: it is none."""
    match = _VARIABLE.fullmatch(text.strip())
    return "_".join(match[1].split()).lower() if match else ""


def shell_words(text: str) -> Iterator[tuple[int, int]]:
    """Yield offset and length of each part of *text* that a shell would replace."""
    if _SHELL_MARKS.isdisjoint(text):
        return iter(())
    return ((match.start(), len(match[0])) for match in _SHELL.finditer(text))


def by_name(name: str) -> str:
    """Return how a set is used of which only the *name* is known, written as in YAML."""
    return (
        f"If it is the set's name, put the step `- {{id: wanted, find_set: {{name: {name}}}}}` "
        'before this one and write `"{{ steps.wanted.set_id }}"` here.'
    )


def is_file_name(text: str) -> bool:
    """Whether *text* is what a file of members or of parameters is called."""
    return "." in text and _FILE.fullmatch(text.strip()) is not None


def typographic_quotes(text: str) -> str:
    """Return *text* without the typographic quotes at both its ends; empty: it has none."""
    text = text.strip()
    if len(text) > 1 and text[0] in OPENING_QUOTES and text[-1] in OPENING_QUOTES:
        return text[1:-1].strip()
    return ""


def dollar_templates(text: str) -> Iterator[int]:
    """Yield the offset of each `$` in front of a template, as GitHub writes them."""
    return (match.start() for match in re.finditer(r"\$(?=\{\{)", text))
