"""What was typed is converted as typer does it, and by a typer that does it in another way too."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from almaflow.cli.late_conversion import convert_late


class Converter:
    """Converts as typer's does."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        return int(value)


def param(**more: Any) -> SimpleNamespace:
    descriptor = SimpleNamespace(annotation=int)
    return SimpleNamespace(multiple=False, nargs=1, type_descriptor=descriptor, **more)


def test_a_converter_is_made_for_a_value_that_needs_it_only() -> None:
    made = 0

    def make() -> Converter:
        nonlocal made
        made += 1
        return Converter()

    (one,) = convert_late(convert_late([param(get_runtime_param=make)]))

    assert one.get_runtime_param().coerce(None, one, None) is None
    assert one.get_runtime_param().coerce(7, one, None) == 7
    assert made == 0
    assert one.get_runtime_param().coerce("7", one, None) == 7
    assert made == 1


def test_a_parameter_of_a_typer_that_converts_in_another_way_stays_as_it_is() -> None:
    other = param()

    convert_late([other])

    assert other == param()
