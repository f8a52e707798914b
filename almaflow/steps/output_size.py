"""What a step read and gives to later ones is recorded with its end, so it has a bound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from almaflow.expressions.serialization import encode
from almaflow.steps.result import StepFailed

# Bytes of the largest value that the store takes, LARGEST of store/json_values.py. Whoever only
# checks a file should not wait for the store's library, which takes longer to import than all
# the rest.
LARGEST = 16 * 1024 * 1024
# Room for what is next to the outputs in the record of a step's end (bytes).
_BESIDE = 256 * 1024

LARGEST_OUTPUT = LARGEST - _BESIDE
"""Bytes of JSON that the outputs of one step may have."""


def fitting(outputs: Mapping[str, Any], what: str, instead: str) -> dict[str, Any]:
    """Return *outputs* when they can be recorded; *what* names them, *instead* is the next move.

    Raises:
        StepFailed: they are too large.
    """
    from almaflow.store.json_values import to_json

    size = len(to_json(encode(dict(outputs)), what).encode())
    if size > LARGEST_OUTPUT:
        raise too_large(what, instead)
    return dict(outputs)


def too_large(what: str, instead: str) -> StepFailed:
    """Return the failure of a step whose outputs would be larger than a record can be."""
    return StepFailed(
        f"{what} is larger than {LARGEST // 1024**2} MiB, the maximum for the record of a "
        f"step. {instead}"
    )
