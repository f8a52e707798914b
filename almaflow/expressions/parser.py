"""Text → a parsed expression or template: Jinja2's grammar without statements, within limits."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import TypeVar

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.lexer import Token, TokenStream
from jinja2.parser import Parser

from almaflow.expressions.errors import ExpressionSyntax
from almaflow.expressions.lexer import DEEPEST, Lexed, lex_expression
from almaflow.expressions.parsed import OPENING, Parsed, Piece
from almaflow.expressions.types import capital

T = TypeVar("T")

# A parsed expression takes about 300 bytes for each character: 80 MiB in all.
CHARACTERS = 256 * 1024
# What a short text takes whatever its length, in characters.
_EACH = 64


def kept(read: Callable[[str], T]) -> Callable[[str], T]:
    """Let *read* return again what it returned for the same text lately; for any thread."""
    results: OrderedDict[str, T] = OrderedDict()
    lock = Lock()
    size = 0

    @wraps(read)
    def read_once(text: str) -> T:
        nonlocal size
        with lock:
            if text in results:
                results.move_to_end(text)
                return results[text]
        value = read(text)
        with lock:
            if text not in results:
                size += len(text) + _EACH
            results[text] = value
            while size > CHARACTERS:
                size -= len(results.popitem(last=False)[0]) + _EACH
        return value

    return read_once


# No expression that a colleague can review is longer.
LONGEST = 10_000
# Chains (`a + b + c`) nest to the left without brackets; this keeps recursion within Python's.
DEEPEST_TREE = 100

# What a message quotes of a part of an expression.
_QUOTED = 60

GRAMMAR = Environment()


@kept
def parse_expression(source: str) -> Parsed:
    """Read a bare expression; braces around the whole are allowed.

    Raises: ExpressionSyntax.
    """
    _check_length(source)
    if not source.lstrip().startswith("{{"):
        return Parsed(source, (_piece(source, lex_expression(source), 0),))
    parsed = parse_template(source)
    if parsed.only is None:
        offset = next(
            (match.start() for match in list(OPENING.finditer(source))[1:]), len(source) - 1
        )
        raise ExpressionSyntax(
            "One expression is expected here. Put `{{ }}` around all of it, or leave it out.",
            offset,
        )
    return parsed


@kept
def parse_template(source: str) -> Parsed:
    """Read text in which each `{{ … }}` is an expression.

    Raises: ExpressionSyntax.
    """
    match = OPENING.search(source)
    if match is not None:
        _check_length(source)
    parts: list[str | Piece] = []
    at = 0
    strips = False
    while match is not None:
        if match.group() != "{{":
            raise _not_allowed(match)
        start = match.end()
        literal = source[at : match.start()]
        if strips:
            literal = literal.lstrip()
        if source.startswith("-", start):
            literal = literal.rstrip()
            start += 1
        if literal:
            parts.append(literal)
        lexed = lex_expression(source, start, braced=True)
        parts.append(_piece(source, lexed, start))
        strips = source.startswith("-", lexed.end)
        at = lexed.end + (3 if strips else 2)
        match = OPENING.search(source, at)
    tail = source[at:].lstrip() if strips else source[at:]
    if tail:
        parts.append(tail)
    return Parsed(source, tuple(parts))


def keywords(node: nodes.Call | nodes.Filter | nodes.Test) -> list[tuple[str, nodes.Expr]]:
    """Return the arguments that are given by name."""
    return [(str(one.key), one.value) for one in node.kwargs]


def _check_length(source: str) -> None:
    if len(source) > LONGEST:
        raise ExpressionSyntax(
            f"This is {len(source):,} characters long. An expression or a text with templates "
            f"can have at most {LONGEST:,}."
        )


def _not_allowed(match: re.Match[str]) -> ExpressionSyntax:
    if match.group() == "{%":
        message = (
            "Statements (`{% … %}`) are not allowed. Use `{{ … }}`, or a `branch` or "
            "`for_each` step. A list in a text is written `{{ steps.each.results | "
            "map(attribute='item') | join(', ') }}`, a choice `{{ 'a' if … else 'b' }}`. To write "
            "it as text, use `{{ '{%' }}`."
        )
    else:
        message = (
            "Comments (`{# … #}`) are not allowed. Use a YAML comment. To write it as "
            "text, use `{{ '{#' }}`."
        )
    return ExpressionSyntax(message, match.start(), 2)


def _piece(source: str, lexed: Lexed, start: int) -> Piece:
    inner = source[start : lexed.end]
    if not lexed.tokens:
        raise ExpressionSyntax("An expression is missing here.", max(0, start - 2), 2)
    start += len(inner) - len(inner.lstrip())
    end = start + len(inner.strip())
    return Piece(source, _parse(source, lexed.tokens, end), start, end, lexed.ends)


class _Parser(Parser):
    """Jinja2's, which reads `a ** b ** c` from the left, where others begin on the right."""

    def __init__(self, source: str, tokens: list[Token], end: int) -> None:
        super().__init__(GRAMMAR, "")
        self.stream = TokenStream(tokens, None, None)
        self._text = source
        self._end = end

    def parse_pow(self) -> nodes.Expr:
        begin = self._offset
        left = self.parse_unary()
        if self.stream.current.type != "pow":
            return left
        first = self._offset
        next(self.stream)
        power = nodes.Pow(left, self.parse_unary(), lineno=begin)
        if self.stream.current.type == "pow":
            self._refuse_chain(begin, first)
        return power

    def _refuse_chain(self, begin: int, first: int) -> None:
        second = self._offset
        next(self.stream)
        self.parse_unary()
        a, b, c = (
            _excerpt(self._text[start:end].strip())
            for start, end in ((begin, first), (first + 2, second), (second + 2, self._offset))
        )
        raise ExpressionSyntax(
            f"Powers in a row need brackets: write `({a} ** {b}) ** {c}` or `{a} ** ({b} ** {c})`.",
            second,
            2,
        )

    @property
    def _offset(self) -> int:
        """Where the next token begins, or the expression ends."""
        token = self.stream.current
        return self._end if token.type == "eof" else token.lineno


def _excerpt(text: str) -> str:
    return text if len(text) <= _QUOTED else f"{text[: _QUOTED - 1]}…"


def _parse(source: str, tokens: list[Token], end: int) -> nodes.Expr:
    parser = _Parser(source, tokens, end)
    try:
        node = parser.parse_expression()
    except TemplateSyntaxError as error:
        culprit = parser.stream.current
        if culprit.type == "eof" and "name or number" in str(error) and tokens[-1].type != "dot":
            culprit = tokens[-1]  # `a.'b'`: the parser has gone past what it complains about
        offset = end if culprit.type == "eof" else culprit.lineno
        raise ExpressionSyntax(_friendly(str(error), culprit), offset) from None
    except RecursionError:
        raise _too_deep(tokens[0].lineno) from None
    rest = parser.stream.current
    if not parser.stream.eos:
        _refuse_shell_operator(tokens[: tokens.index(rest)])
        raise ExpressionSyntax(_leftover(rest), rest.lineno, len(str(rest.value)))
    _check_depth(node)
    return node


def _too_deep(offset: int) -> ExpressionSyntax:
    return ExpressionSyntax(
        f"This is nested too deeply: at most {DEEPEST} brackets or {DEEPEST_TREE} operations "
        "within each other are allowed.",
        offset,
    )


def _check_depth(node: nodes.Node) -> None:
    waiting = [(node, 1)]
    while waiting:
        inner, depth = waiting.pop()
        if depth > DEEPEST_TREE:
            raise _too_deep(inner.lineno or 0)
        if isinstance(inner, nodes.Call | nodes.Filter | nodes.Test) and (
            inner.dyn_args is not None or inner.dyn_kwargs is not None
        ):
            raise ExpressionSyntax(
                "`*` and `**` in brackets are not allowed. Write each value.", inner.lineno
            )
        waiting.extend((child, depth + 1) for child in inner.iter_child_nodes())


def _friendly(message: str, token: Token) -> str:
    if token.type == "eof":
        return "The expression ends too early. Something is missing here."
    if token.type == "assign":
        return "`=` does not compare. Write `==`."
    expected = re.search(r"expected token '([^']+)'", message)
    written = _token_text(token)
    if expected is not None:
        missing = expected.group(1)
        missing = "a name" if missing == "name" else f"`{missing}`"
        if missing == "a name" and token.type in ("string", "integer", "float"):
            return "After `is`, a name of a test is expected. To compare, write `==` or `!=`."
        braces = token.type == "rbrace" and missing == "`:`"
        advice = " A template has two braces, `{{ … }}`, not three." if braces else ""
        return f"{capital(missing)} is expected here, not {written}.{advice}"
    if "chain" in message:
        return "`is` cannot follow `is`. Join the two tests with `and`."
    return f"{capital(written)} is not expected here."


# What other languages write between two values → what to write here.
_OPERATORS = {
    word: write
    for write, words in {
        "`and` in lower case": "and",
        "`or` in lower case": "or",
        "`in` in lower case": "in",
        "`'text' in value`, or `value.startswith('text')`": "like",
        "`'text' in value`": "contains includes",
        "`'text' in value`; there are no regular expressions": "matches",
        "`value.startswith('text')`": "startswith",
        "`==`": "equals eq",
        "`!=`": "ne neq xor",
        "`>`": "gt greater more",
        "`<`": "lt less",
        "`>=`": "ge gte",
        "`<=`": "le lte",
        "`>` or `<` in place of the words": "than",
        "`and`": "und et y",
        "`or`": "oder ou o",
        "only the condition under `if`, and the step below it": "then",
        "`value >= 1 and value <= 9`": "between",
        "`%`": "mod",
    }.items()
    for word in words.split()
}
_SHELL_COMPARISONS = frozenset({"eq", "ne", "gt", "lt", "ge", "le"})


def _refuse_shell_operator(before: list[Token]) -> None:
    """Raise the error of a comparison such as `-gt`, if *before* ends with one."""
    match before:
        case [*_, Token(type="sub") as sign, Token(type="name") as name] if (
            name.value in _SHELL_COMPARISONS
        ):
            written = f"-{name.value}"
            advice = f"Write {_OPERATORS[name.value]}."
            raise ExpressionSyntax(
                f"`{written}` is not an operator here. {advice}", sign.lineno, len(written)
            )


def _leftover(token: Token) -> str:
    if token.type == "assign":
        return "`=` does not compare. Write `==`."
    written = str(token.value)
    if token.type == "name" and (right := _OPERATORS.get(written.casefold(), "")):
        return f"`{written}` is not an operator here. Write {right}."
    if token.type in ("name", "string", "integer", "float"):
        return (
            f"{capital(_token_text(token))} is not expected here. An operator "
            "such as `and`, `==` or `~` is missing before it."
        )
    if token.type == "comma":
        return "`,` is not expected here. A list is written in brackets: `['a', 'b']`."
    return f"`{token.value}` is not expected here."


def _token_text(token: Token) -> str:
    if token.type == "string":
        return "a text"
    return f"`{token.value}`"
