"""Evaluating expressions and templates with the names of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from almaflow.expressions.budget import Budget
from almaflow.expressions.compiler import compile_piece
from almaflow.expressions.errors import ExpressionFailed, NotDefined
from almaflow.expressions.filters import FILTERS
from almaflow.expressions.frame import EvaluationFrame
from almaflow.expressions.parsed import Parsed, Piece
from almaflow.expressions.types import KINDS
from almaflow.expressions.values import kind_of, to_text

# What a message quotes of a value that it did not expect.
_QUOTED = 100


def evaluate(parsed: Parsed, names: Mapping[str, Any], budget: Budget | None = None) -> Any:
    """Return the value of an expression; see `templates.evaluate`."""
    piece = _only(parsed)
    frame = EvaluationFrame(names, budget)
    value = _run(frame, piece)
    try:
        # What shares its parts in memory is large as soon as it is stored or sent.
        frame.budget.whole(value)
    except ExpressionFailed as error:
        error.place((piece.start, len(piece.text)))
        raise
    return value


def evaluate_condition(
    parsed: Parsed, names: Mapping[str, Any], budget: Budget | None = None
) -> bool:
    """Return whether a condition is true; Raises: ExpressionFailed, also when it is neither."""
    piece = _only(parsed)
    value = _run(EvaluationFrame(names, budget), piece)
    if isinstance(value, bool):
        return value
    raise ExpressionFailed(
        f"A condition must be true or false, but `{piece.text}` is {_quoted(value)}. Compare "
        "it with something.",
        piece.start,
        len(piece.text),
    )


def render(parsed: Parsed, names: Mapping[str, Any], budget: Budget | None = None) -> Any:
    """Return a template's value; see `templates.render`."""
    if parsed.single:
        return evaluate(parsed, names, budget)
    return render_text(parsed, names, budget)


def render_text(parsed: Parsed, names: Mapping[str, Any], budget: Budget | None = None) -> str:
    """Return a template as text; Raises: ExpressionFailed."""
    frame = EvaluationFrame(names, budget)
    return "".join(_text(frame, part) if isinstance(part, Piece) else part for part in parsed.parts)


def render_message(parsed: Parsed, names: Mapping[str, Any], budget: Budget | None = None) -> str:
    """Return a template for people; see `templates.render_message`."""
    frame = EvaluationFrame(names, budget)
    return "".join(
        _text_of_value(frame, part) if isinstance(part, Piece) else part for part in parsed.parts
    )


def _text(frame: EvaluationFrame, piece: Piece) -> str:
    value = _run(frame, piece)
    try:
        text = to_text(value)
        frame.budget.text(len(text))
    except ExpressionFailed as error:
        error.place((piece.start, len(piece.text)))
        raise
    return text


def _text_of_value(frame: EvaluationFrame, piece: Piece) -> str:
    try:
        value = _run(frame, piece)
        if kind_of(value) in ("list", "counters", "mapping", "nothing"):
            return str(FILTERS["tojson"].on(frame, value))
        text = to_text(value)
        frame.budget.text(len(text))
        return text
    except NotDefined:
        return f"({piece.text}: not known)"
    except ExpressionFailed as error:
        return f"({piece.text}: {error.message.rstrip('.')})"


def _only(parsed: Parsed) -> Piece:
    if parsed.only is None:
        raise ExpressionFailed("One expression is expected here, not a text around expressions.")
    return parsed.only


def _run(frame: EvaluationFrame, piece: Piece) -> Any:
    """Work one expression out; Raises: ExpressionFailed with its place in the source."""
    try:
        return compile_piece(piece)(frame)
    except (RecursionError, MemoryError):
        raise ExpressionFailed(
            "The values are nested too deeply, or too large, to be evaluated.",
            piece.start,
            len(piece.text),
        ) from None


def _quoted(value: Any) -> str:
    kind = kind_of(value)
    if kind in ("list", "counters", "mapping", "nothing"):
        return KINDS[kind]
    text = to_text(value)
    excerpt = text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"
    return f"{KINDS[kind]} (`{excerpt}`)"
