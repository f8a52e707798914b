"""Which comparisons cannot be meant, judged by the types of the two sides."""

from __future__ import annotations

from almaflow.expressions.operations import ORDERED, not_comparable
from almaflow.expressions.types import KINDS, Type, item_of

_ORDERINGS = frozenset({"lt", "lteq", "gt", "gteq"})


def misfit(operator: str, left: Type, right: Type) -> tuple[str, str] | None:
    """Return the code and the sentence about a comparison that cannot be meant, else None.

    *operator* is Jinja2's name of it: `eq`, `lt`, `in`, …
    """
    if operator in ("in", "notin"):
        return _membership(left, right)
    kinds = _as_list(left.kind), _as_list(right.kind)
    if "" in kinds:
        return None
    if operator in _ORDERINGS:
        fine = kinds[0] == kinds[1] and kinds[0] in ORDERED
    else:
        fine = kinds[0] == kinds[1] or "nothing" in kinds
    if fine:
        return None
    texts = set(kinds) == {"text", "number"}
    code = "text-compared-with-number" if texts else "compared-different-kinds"
    return code, not_comparable(*kinds)


def _membership(left: Type, right: Type) -> tuple[str, str] | None:
    if right.kind in ("", "mapping"):
        return None
    if right.kind == "text":
        return misfit("eq", left, right)
    if right.kind in ("list", "counters"):
        return misfit("eq", left, item_of(right))
    sentence = f"Only a list, a text or a mapping can contain something, not {KINDS[right.kind]}."
    return "wrong-operands", sentence


def _as_list(kind: str) -> str:
    return "list" if kind == "counters" else kind
