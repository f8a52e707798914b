"""Converts what was typed, and nothing else: typer imports pydantic and builds a model for each
option of a command, also for those that nobody gave.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any


def convert_late(params: Sequence[Any]) -> Sequence[Any]:
    """Return *params*, which are typer's, with converters that are built for values that need them.

    It may be called again with the same. How typer makes a converter is not documented: those of a
    version that does it in another way are left as they are.
    """
    for param in params:
        make = getattr(param, "get_runtime_param", None)
        if make is not None and not isinstance(make, partial):
            param.get_runtime_param = partial(_LateConverter, make)
    return params


class _LateConverter:
    """What typer converts the values of one parameter with."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return *value* as the parameter's type; Raises: typer.BadParameter."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        # Text that is to be text, and defaults. Those of almaflow have no parsers of their own.
        if type(value) is param.type_descriptor.annotation:
            return value
        return self._make().coerce(value, param, ctx)
