"""Refuses an option that takes one value and is given twice; the parser would take the last."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from almaflow.errors import RequestWrong


def refuse_repeated(command: Any) -> None:
    """Let *command*, which is typer's, accept each option once that takes one value."""
    command.make_parser = partial(_made_parser, command.make_parser)


def _made_parser(make: Any, context: Any) -> Any:
    parser = make(context)
    # While a shell asks for suggestions, the line is not finished.
    if not context.resilient_parsing:
        parser.parse_args = partial(_parsed, parser.parse_args)
    return parser


def _parsed(parse: Any, args: list[str]) -> Any:
    values, rest, order = parse(args=args)
    _check(order)
    return values, rest, order


def _check(parameters: Sequence[Any]) -> None:
    """Raise `RequestWrong` when one of *parameters*, in the order of the line, is there twice."""
    seen = set()
    for one in parameters:
        if one.param_type_name != "option" or one.is_flag or one.multiple or one.count:
            continue
        if one.name in seen:
            raise RequestWrong(
                f"`{max(one.opts, key=len)}` is given twice, and only one value can count. Remove "
                "one of them."
            )
        seen.add(one.name)
