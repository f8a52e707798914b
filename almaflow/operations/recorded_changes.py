"""What differs between what two runs recorded by name: their inputs, and parameters of payloads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from almaflow.late_dataclasses import dataclass


@dataclass(frozen=True)
class ValueChange:
    """A value that differs; None: it was not there."""

    name: str
    before: Any
    now: Any


@dataclass(frozen=True)
class PayloadChange:
    """A payload whose text differs; *file* is the workflow that names it."""

    name: str
    file: str
    parameters: tuple[ValueChange, ...]
    """Empty when only the layout differs. A parameter that repeats has a list of its values."""
    is_readable: bool = True
    """False: one of the texts is not a payload that can be read."""


def value_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[ValueChange, ...]:
    """Return what differs between two mappings: what the earlier one has, then what is new."""
    return tuple(
        ValueChange(name, before.get(name), now.get(name))
        for name in dict.fromkeys([*before, *now])
        if before.get(name) != now.get(name)
    )


def payload_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[PayloadChange]:
    """Yield the payloads that differ between two recorded definitions.

    A payload that only one of them has differs in all of its parameters.
    """
    old, new = dict(_payloads(before)), dict(_payloads(now))
    for file, name in dict.fromkeys([*new, *old]):
        texts = [one.get((file, name), "") for one in (old, new)]
        if texts[0] != texts[1]:
            yield _payload_change(file, name, *texts)


def _payloads(definition: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield the payloads of a workflow and of those that it calls, by file and name."""
    file = str(definition.get("file", ""))
    for name, text in definition.get("payloads", {}).items():
        yield (file, str(name)), str(text)
    for called in definition.get("calls", {}).values():
        yield from _payloads(called)


def _payload_change(file: str, name: str, before: str, now: str) -> PayloadChange:
    # XML is read with a separate library, and few runs differ in a payload.
    from almaflow.alma.payload import PayloadInvalid

    try:
        changes = value_changes(_parameters(before), _parameters(now))
    except PayloadInvalid:
        return PayloadChange(name, file, (), is_readable=False)
    return PayloadChange(name, file, changes)


def _parameters(text: str) -> dict[str, Any]:
    """Return the parameters of a payload by name, none of an empty text; Raises: PayloadInvalid."""
    from almaflow.alma.payload import parse_payload

    values: dict[str, list[str]] = {}
    for one in parse_payload(text) if text else ():
        values.setdefault(one.name, []).append(one.value)
    return {name: some[0] if len(some) == 1 else some for name, some in values.items()}
