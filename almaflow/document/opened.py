"""What has begun and not ended while the tree of a document is built."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from almaflow.document.source import Node, Span
from almaflow.late_dataclasses import dataclass


@dataclass
class PendingKey:
    """A key that waits for its value; *text* is None when the value is to be dropped."""

    text: str | None
    span: Span


@dataclass
class OpenCollection:
    """A collection whose end has not been read; one that is itself a key is dropped then."""

    node: Node
    data: dict[str, Any] | list[Any]
    anchor: str | None
    key: PendingKey | None = None
    is_key: bool = False
    merges: list[tuple[Any, Node]] = field(default_factory=list)
