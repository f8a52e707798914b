"""`select` of a step: JMESPath, read with care and searched with a budget. JMESPath's home."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import jmespath
from jmespath.exceptions import EmptyExpressionError, JMESPathError, LexerError, ParseError
from jmespath.functions import Functions
from jmespath.visitor import TreeInterpreter

from almaflow.expressions import Budget, ExpressionFailed
from almaflow.problems import did_you_mean

# A piece of a JMESPath, to be shown.
_TOKEN = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|\w+|\S")

# Nobody reviews more; JMESPath's parser and its search call themselves for what is inside.
LONGEST = 10_000
DEEPEST = 50
# What JMESPath's functions raise for numbers, texts and steps that they do not expect.
_REFUSALS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class SelectWrong(ValueError):
    """A text is not a JMESPath; *offset* and *length* say which of its characters are wrong."""

    def __init__(self, text: str, offset: int, length: int) -> None:
        super().__init__(text)
        self.offset = offset
        self.length = max(1, length)


class SelectFailed(Exception):
    """A JMESPath does not fit the data, or takes too much; the text is a clause."""


class _Bounded(TreeInterpreter):  # type: ignore[misc]  # JMESPath has no types
    """JMESPath's search, charged before what could explode.

    `[@, @] | [@, @]` is small in memory and doubles with each `|` what walks through it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._budget = Budget()

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        self._budget.items(2)
        return super().visit(node, *args, **kwargs)

    def visit_multi_select_list(self, node: Any, value: Any) -> Any:
        return self._charged(super().visit_multi_select_list(node, value))

    def visit_multi_select_dict(self, node: Any, value: Any) -> Any:
        return self._charged(super().visit_multi_select_dict(node, value))

    def visit_flatten(self, node: Any, value: Any) -> Any:
        base = self.visit(node["children"][0], value)
        if not isinstance(base, list):
            return None
        self._budget.items(sum(len(one) if isinstance(one, list) else 1 for one in base))
        found: list[Any] = []
        for one in base:
            found.extend(one if isinstance(one, list) else [one])
        return found

    def visit_comparator(self, node: Any, value: Any) -> Any:
        sides = [self._charged(self.visit(side, value)) for side in node["children"]]
        known = [{"type": "literal", "value": side, "children": []} for side in sides]
        return super().visit_comparator({**node, "children": known}, value)

    def visit_function_expression(self, node: Any, value: Any) -> Any:
        values = [self._charged(self.visit(one, value)) for one in node["children"]]
        if node["value"] == "join" and isinstance(values[1], list):
            self._budget.text(len(values[0] or "") * len(values[1]))
        return self._functions.call_function(node["value"], values)

    def _charged(self, value: Any) -> Any:
        self._budget.whole(value)
        return value


class Selection:
    """A JMESPath that can be read."""

    def __init__(self, parsed: Any) -> None:
        self._parsed = parsed

    @property
    def tree(self) -> Mapping[str, Any]:
        """What JMESPath's parser has read: nodes with `type`, `children` and perhaps `value`."""
        return self._parsed  # type: ignore[no-any-return]

    def search(self, data: Any) -> Any:
        """Return what it finds in *data*, None for nothing; best called in a thread.

        Raises: SelectFailed.
        """
        search = _Bounded()
        try:
            found = search.visit(self._parsed, data)
            search._budget.whole(found)
        except JMESPathError as error:
            raise SelectFailed(str(error).rstrip(".")) from error
        except ExpressionFailed as error:
            raise SelectFailed(
                f"the expression takes too long or too much memory: {error.message.rstrip('.')}"
            ) from error
        except (RecursionError, MemoryError) as error:
            raise SelectFailed("the response is too large or nested too deeply") from error
        except _REFUSALS as error:
            raise SelectFailed(str(error).rstrip(".")) from error
        return found


def compile_select(text: str) -> Selection:
    """Read *text* as JMESPath; functions and how many values they take are checked too.

    Raises:
        SelectWrong: it is none; the message says what to write.
    """
    if len(text) > LONGEST:
        why = f"`select` has {len(text):,} characters; at most {LONGEST:,} are allowed."
        raise SelectWrong(why, 0, 1)
    try:
        with warnings.catch_warnings():
            # A literal that is not JSON is a text, which is JMESPath's older form.
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            parsed = jmespath.compile(text)
    except EmptyExpressionError as error:
        raise SelectWrong("`select` is empty. Omit it to keep the whole response.", 0, 0) from error
    except LexerError as error:
        raise _no_jmespath(error.message, error.lexer_position, 1) from error
    except ParseError as error:
        token = _TOKEN.match(text, error.lex_position)
        if token is None:
            raise _no_jmespath("it ends too early", len(text) - 1, 1) from error
        why = f"`{token.group()}` is not allowed here"
        raise _no_jmespath(why, token.start(), len(token.group())) from error
    except RecursionError as error:
        raise _no_jmespath("it is nested too deeply", 0, len(text)) from error
    except ValueError as error:
        # A number with too many digits, or a literal that is not JSON.
        raise _no_jmespath(str(error).rstrip("."), 0, len(text)) from error
    _check_depth(parsed.parsed, text)
    for name, given in _functions(parsed.parsed):
        _check_function(name, given, text)
    return Selection(parsed.parsed)


def _check_depth(root: Any, text: str) -> None:
    waiting = [(root, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > DEEPEST:
            why = f"`select` is nested too deeply: at most {DEEPEST} levels are allowed."
            raise SelectWrong(why, 0, len(text))
        if isinstance(node, Mapping):
            waiting.extend((child, depth + 1) for child in node["children"])


def _no_jmespath(why: str, offset: int, length: int) -> SelectWrong:
    why = why[:1].lower() + why[1:]
    return SelectWrong(
        f"This is not a valid JMESPath expression: {why} (see jmespath.org).", offset, length
    )


def _functions(node: Any) -> Iterator[tuple[str, int]]:
    """Yield the functions that are called, each with how many values it is given."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping):
            if node["type"] == "function_expression":
                yield node["value"], len(node["children"])
            waiting.extend(reversed(node["children"]))


def _check_function(name: str, given: int, text: str) -> None:
    place = re.search(rf"{re.escape(name)}\s*\(", text)
    offset = place.start() if place else 0
    known = Functions.FUNCTION_TABLE
    if name not in known:
        hint = did_you_mean(name, known) or "."
        raise SelectWrong(f"JMESPath has no function named `{name}`{hint}", offset, len(name))
    signature = known[name]["signature"]
    open_ended = bool(signature) and signature[-1].get("variadic", False)
    if given < len(signature) or (given > len(signature) and not open_ended):
        least = "at least " if open_ended else ""
        noun = "value" if len(signature) == 1 else "values"
        raise SelectWrong(
            f"`{name}` takes {least}{len(signature)} {noun}, not {given}.", offset, len(name)
        )
