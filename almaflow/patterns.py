"""Regular expressions from files: matched without backtracking, in time that has a bound.

Python's `re` tries some patterns, such as `(a+)+b`, for years. Here they are matched by Rust's
`regex` crate, which pydantic brings along: its time grows with the length of the text times the
size of the pattern, and both are bounded. What needs backtracking is not in its language.

Source: docs.rs, "regex", sections "Syntax" and "Untrusted input".
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache

from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

from almaflow.late_patterns import late_pattern

LONGEST = 1_000
"""Characters that a pattern may have."""

# Size of a pattern times length of a text; a million take 0.03 s at worst.
_WORK = 2_000_000
# Each `{n}` repeats what is before it in the size of the pattern: `(a{100}){100}` has 10,000.
_LARGEST = 10_000
# Characters of the longest text that any pattern is tried on.
_LONGEST_TEXT = 100_000

_TOKEN = late_pattern(
    r"""
      (?P<escape>\\(?:[pPxuU]\{[^}]*\}|.|$))
    | (?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])
    | (?P<group>\((?:\?(?:P?<[=!]|P?<|P[=>]|[=!>:(#|]|[a-zA-Z-]*[:)])?)?)
    | (?P<end>\))
    | (?P<count>\{(?:[0-9]+(?:,[0-9]*)?|,[0-9]*)\})
    | (?P<repeat>[*+?])
    | (?P<one>.)
    """,
    re.VERBOSE | re.DOTALL,
)
# How a group begins that needs backtracking, or that Rust's crate writes in another way.
_GROUPS = {
    **dict.fromkeys(("(?=", "(?!", "(?<=", "(?<!"), "look-around (`{0}…)`) is not supported"),
    "(?P=": "a backreference (`{0}…)`) is not supported",
    "(?>": "an atomic group (`{0}…)`) is not supported",
    "(?(": "a condition (`{0}…)`) is not supported",
    "(?#": "a comment (`{0}…)`) is not supported",
    "(?P>": "recursion (`{0}…)`) is not supported",
    "(?|": "a branch reset (`{0}…)`) is not supported",
}
_ESCAPES = {
    **dict.fromkeys("0123456789", "a backreference (`{0}`) is not supported"),
    "k": "a backreference (`{0}`) is not supported",
    "g": "a backreference (`{0}`) is not supported",
    "Z": "`{0}` is not supported; remove it, because the whole text has to match anyway",
    "G": "`{0}` is not supported",
    "K": "`{0}` is not supported",
    "<": "`{0}` is not supported; write `<`",
    ">": "`{0}` is not supported; write `>`",
}


class PatternWrong(ValueError):
    """A pattern that cannot be used: the text is a clause, *offset* the character it is about."""

    def __init__(self, text: str, offset: int = 0) -> None:
        super().__init__(text)
        self.offset = offset


class Pattern:
    """A pattern that can be matched; *size* is how much of it there is with repeats counted."""

    def __init__(self, text: str, size: int) -> None:
        self._validator = _validator(rf"\A(?:{text})\z")
        self.longest = min(_LONGEST_TEXT, _WORK // max(1, size))
        """Characters of the longest text that can be tried."""

    def matches(self, text: str) -> bool:
        """Whether the whole of *text* matches; it is at most *longest* characters long."""
        if len(text) > self.longest:
            return False
        try:
            self._validator.validate_python(text)
        except ValidationError:
            return False
        return True


@lru_cache(maxsize=64)
def compiled(text: str) -> Pattern:
    """Return the pattern that *text* is; Raises: PatternWrong."""
    if len(text) > LONGEST:
        raise PatternWrong(f"it has {len(text):,} characters, but at most {LONGEST:,} are allowed")
    size, rust = _read(text)
    try:
        # By itself first: `a)|(b` would fit into brackets.
        _validator(rust)
        return Pattern(rust, size)
    except SchemaError as error:
        raise _explained(text, error) from error


def _validator(pattern: str) -> SchemaValidator:
    return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))


def _read(text: str) -> tuple[int, str]:
    """Return the size of a pattern, each repetition written out, and how Rust's crate writes it.

    Raises:
        PatternWrong: too many, or something needs backtracking.
    """
    groups, last = [0], 0
    before, rust = "", ""
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        _check_supported(kind, match, before)
        before = kind
        rust += _in_rust(kind, match)
        if kind == "group":
            groups.append(0)
            last = 0
        elif kind == "end":
            last = groups.pop() if len(groups) > 1 else 0
            groups[-1] += last
        elif kind == "count":
            bounds = re.findall("[0-9]+", match.group())
            times = max((int(digits[:6]) for digits in bounds), default=1)
            groups[-1] += last * max(0, times - 1)
            last *= times
        elif kind != "repeat":
            last = 1
            groups[-1] += 1
        if max(last, *groups) > _LARGEST:
            raise PatternWrong(
                "its repetitions (`{…}`) multiply to too large a number", match.start()
            )
    return sum(groups), rust


def _in_rust(kind: str, match: re.Match[str]) -> str:
    """Return a piece with `{,5}` and `{,}` from 0 on, and a `{` that counts nothing as itself."""
    if kind == "count":
        return match.group().replace("{,", "{0,")
    return r"\{" if match.group() == "{" else match.group()


def _check_supported(kind: str, match: re.Match[str], before: str) -> None:
    token, why = match.group(), None
    if kind == "group":
        why = _GROUPS.get(token)
        if token.startswith("(?") and "x" in token:
            why = "the flag `x` is not supported"
    elif kind == "escape":
        why = _ESCAPES.get(token[1:2])
    elif token == "+" and before in ("repeat", "count"):
        why = "a possessive repetition (`{0}` behind another one) is not supported"
    if why is not None:
        raise PatternWrong(why.format(token), match.start())


def _explained(text: str, error: SchemaError) -> PatternWrong:
    """Return what is wrong, by Python's words where Python refuses the pattern as well.

    They have the place; Rust's are for programmers and several lines long.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(text)
    except re.error as refused:
        return PatternWrong(refused.msg, refused.pos or 0)
    except (OverflowError, RecursionError):
        return PatternWrong("it is nested too deeply or has too many repetitions")
    # "error: unclosed group", or "SchemaError: Compiled regex exceeds size limit of …".
    reason = str(error).rstrip().splitlines()[-1].split(": ", 1)[-1].rstrip(".")
    return PatternWrong(f"{reason[:1].lower()}{reason[1:]}")
