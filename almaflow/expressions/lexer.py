"""Characters → Jinja2's tokens, each with its offset, so that every node knows its place.

Jinja2's own lexer keeps lines only. Its tokens and its parser carry one number, `lineno`, from
the token to the node and into error messages; here that number is the offset in the source.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from jinja2.lexer import Token, operators

from almaflow.expressions.errors import ExpressionSyntax
from almaflow.late_dataclasses import dataclass

# Nobody reads more than this; the parser's recursion has to end somewhere.
DEEPEST = 50
# Ids have up to 20 digits; what is evaluated has at most 256 bits (`budget`).
LONGEST_NUMBER = 70

_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    | (?P<float>(?<!\.)[0-9]+(?:_[0-9]+)*(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+))
    | (?P<integer>0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|[0-9]+(?:_[0-9]+)*)
    | (?P<name>[^\W\d]\w*)
    | (?P<operator>//|\*\*|==|!=|>=|<=|[-+/*%~\[\](){}><=.:|,;])
    """,
    re.VERBOSE | re.DOTALL,
)
# `1.000`, `1,000`, `1'000` and `1 000`, as people write a thousand.
_GROUPED = re.compile(
    r"(?<![\w.])([1-9]\d{0,2})(?:([.,'’ \u00a0\u202f])\d{3}(?:\2\d{3})*)(?![\w.]|[,'’]\d)"
)
_ESCAPE = re.compile(
    r"\\(?:([ntr\\'\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))", re.DOTALL
)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}
_CLOSED_BY = {"(": ")", "[": "]", "{": "}"}

# What people write who know other languages → what to write here.
_FOREIGN = (
    ("&&", "Write `and` here, not `&&`."),
    ("||", "Write `or` here, not `||`."),
    ("===", "Write `==` here, not `===`."),
    ("<>", "Write `!=` here, not `<>`."),
    ("=~", "There are no patterns here. Write `'text' in value` or `value.startswith('text')`."),
    ("=>", "Write `>=` here, not `=>`."),
    ("&", "Write `and` between conditions, and `~` between texts, not `&`."),
    ("!", "Write `not` here, not `!`."),
    ("{%", "Statements (`{% … %}`) are not allowed. Use an expression, or a `branch` step."),
    ("{#", "Comments (`{# … #}`) are not allowed. Use a YAML comment."),
    ("≥", "Write `>=` here, not `≥`."),
    ("≤", "Write `<=` here, not `≤`."),
    ("≠", "Write `!=` here, not `≠`."),
    ("×", "Write `*` here, not `×`."),
    ("−", "Write `-` here, not `−`, which is another character."),
    ("–", "Write `-` here, not `–`, which is another character."),
    ("«", "Put text in straight quotes: `'…'`."),
    ("»", "Put text in straight quotes: `'…'`."),
    ("??", "Write `value | default('…')` here, not `value ?? '…'`."),
    ("?", "Write `b if a else c` here, not `a ? b : c`."),
    ("“", "Put text in straight quotes: `'…'`."),
    ("”", "Put text in straight quotes: `'…'`."),
    ("„", "Put text in straight quotes: `'…'`."),
    ("‘", "Put text in straight quotes: `'…'`."),
    ("’", "Put text in straight quotes: `'…'`."),
    ("`", "Put text in straight quotes: `'…'`."),
    ("'", "The text that begins here does not end, because a `'` is missing."),
    ('"', 'The text that begins here does not end, because a `"` is missing.'),
    ("@", "`@` has no meaning here. Write names as they are: `inputs.month`."),
    ("$", "`$` has no meaning here. Remove it; names are written as they are: `inputs.month`."),
)


@dataclass(frozen=True)
class Lexed:
    """The tokens of one expression.

    *ends* maps the offset of each token to the offset behind it; for an opening bracket, behind
    the closing one. *end* is where the expression ends: at `}}` or at the end of the source.
    """

    tokens: list[Token]
    ends: Mapping[int, int]
    end: int


def lex_expression(source: str, start: int = 0, *, braced: bool = False) -> Lexed:
    """Read tokens from *start* to the end, or when *braced* to the `}}` that belongs there.

    Raises: ExpressionSyntax.
    """
    tokens: list[Token] = []
    ends: dict[int, int] = {}
    brackets: list[tuple[str, int]] = []
    at = start
    while at < len(source):
        if braced and not brackets and (source.startswith(("}}", "-}}"), at)):
            break
        match = _read(source, at)
        kind, text = str(match.lastgroup), match.group()
        if kind == "operator":
            _pair(text, at, brackets, ends)
            tokens.append(Token(at, operators[text], text))
        elif kind == "string":
            tokens.append(Token(at, "string", _unescape(text[1:-1])))
        elif kind == "name":
            tokens.append(Token(at, "name", text))
        elif kind != "space":
            _refuse_groups(source, at, in_brackets=bool(brackets))
            tokens.append(_number(kind, text, at))
        ends.setdefault(at, match.end())
        at = match.end()
    else:
        if brackets:
            opening, offset = brackets[-1]
            raise ExpressionSyntax(f"The `{opening}` that opens here is not closed.", offset)
        if braced:
            raise ExpressionSyntax("The `{{` that opens here is not closed.", start - 2, 2)
    return Lexed(_point_at_names(tokens), ends, at)


_TYPOGRAPHIC = "“”„‘’«»"


def _in_straight_quotes(source: str, at: int) -> str:
    """Return the text that begins at *at* with a typographic quote; empty: it has no end."""
    match = re.compile(rf"[{_TYPOGRAPHIC}]([^{_TYPOGRAPHIC}'\n]{{0,60}})[{_TYPOGRAPHIC}]").match(
        source, at
    )
    return f"'{match[1]}'" if match else ""


def _read(source: str, at: int) -> re.Match[str]:
    match = _TOKEN.match(source, at)
    if match is not None and match.lastgroup != "operator":
        return match
    for foreign, advice in _FOREIGN:
        if source.startswith(foreign, at) and (match is None or len(match.group()) < len(foreign)):
            if foreign in _TYPOGRAPHIC and (text := _in_straight_quotes(source, at)):
                advice = f"Put text in straight quotes: `{text}`."
            raise ExpressionSyntax(advice, at, len(foreign) if foreign not in "'\"" else 1)
    if match is None:
        raise ExpressionSyntax(_no_meaning(source[at]), at)
    return match


def _no_meaning(character: str) -> str:
    plain = unicodedata.normalize("NFKC", character)
    # A full-width character, as Chinese and Japanese keyboards have them.
    advice = f" Write `{plain}`." if plain != character and plain.isascii() else ""
    return f"`{character}` has no meaning in an expression.{advice}"


def _pair(text: str, at: int, brackets: list[tuple[str, int]], ends: dict[int, int]) -> None:
    if text in _CLOSED_BY:
        brackets.append((text, at))
        if len(brackets) > DEEPEST:
            raise ExpressionSyntax(
                f"Brackets are nested more than {DEEPEST} deep, which is not allowed.", at
            )
    elif text in ")]}":
        if not brackets:
            advice = " A template ends with two: `}}`." if text == "}" else ""
            raise ExpressionSyntax(f"This `{text}` does not close anything.{advice}", at)
        opening, offset = brackets.pop()
        if _CLOSED_BY[opening] != text:
            raise ExpressionSyntax(f"`{_CLOSED_BY[opening]}` is expected here, not `{text}`.", at)
        ends[offset] = at + 1


def _refuse_groups(source: str, at: int, *, in_brackets: bool) -> None:
    """Raise ExpressionSyntax when the number at *at* has the separators of thousands.

    `1.250` may be a factor, but nobody writes `1.000` or `2.500` for one; a comma within brackets
    separates arguments.
    """
    match = _GROUPED.match(source, at)
    if match is None or (match[2] == "," and in_brackets):
        return
    text = match[0]
    is_fraction = match[2] == "." and text.count(".") == 1
    if is_fraction and not text.endswith("0"):
        return
    digits = re.sub(r"\D", "", text)
    other = f", or `{float(text):g}` if you mean a fraction" if is_fraction else ""
    raise ExpressionSyntax(
        f"Write the number without separators: `{digits}`{other}.", at, len(text)
    )


def _number(kind: str, text: str, at: int) -> Token:
    if len(text) > LONGEST_NUMBER:
        raise ExpressionSyntax(
            f"A number can have at most {LONGEST_NUMBER} digits. Put it in quotes if it is an id.",
            at,
            len(text),
        )
    if kind == "float":
        value = float(text)
        if value == float("inf"):
            raise ExpressionSyntax(f"The number `{text}` is too large.", at, len(text))
        return Token(at, "float", value)  # type: ignore[arg-type]  # Jinja2 does the same
    if text[0] == "0" and text.strip("0_") and text[1] in "0123456789_":
        raise ExpressionSyntax(
            f"`{text}` begins with a zero. Put it in quotes if it is an id or a code.",
            at,
            len(text),
        )
    return Token(at, "integer", int(text, 0))  # type: ignore[arg-type]


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text

    def one(match: re.Match[str]) -> str:
        simple, *codes = match.groups()
        if simple:
            return _ESCAPED[simple]
        code = int(next(filter(None, codes)), 16)
        # Half of a pair (a surrogate) could not be sent or stored.
        possible = code < 0x110000 and not 0xD800 <= code < 0xE000
        return chr(code) if possible else match.group()

    return _ESCAPE.sub(one, text)


def _point_at_names(tokens: list[Token]) -> list[Token]:
    """Let `.` and `is` carry the place of the name behind them: their nodes are about it."""
    pointed = list(tokens)
    for index, token in enumerate(tokens[:-1]):
        if token.type == "dot" or (token.type == "name" and token.value == "is"):
            following = index + 1
            if token.value == "is" and tokens[following].value == "not":
                following = min(following + 1, len(tokens) - 1)
            pointed[index] = Token(tokens[following].lineno, token.type, token.value)
    return pointed
