"""The query language of logical sets, checked as far as Alma's own answers are known.

`<CONTENT> where <GROUP> ((<index> <OPERATOR> "<value>") AND <GROUP> (…))`
"""

from __future__ import annotations

import re

from almaflow.alma.simulator.reply import ApiError

_HEAD = re.compile(r"\s*(\w+)\s+where\s+(\w+\s*\(.*\))\s*", re.DOTALL)
_QUOTED = re.compile(r'"[^"]*"')
_GROUP = re.compile(r"\w+\s*\(")
_CONDITION = re.compile(r"\s*[\w.]+\s+(?P<operator>[A-Z][A-Z_]+)(?P<value>\s+.+)?\s*", re.DOTALL)
_WITHOUT_VALUE = ("EMPTY", "NOT_EMPTY", "IS_EMPTY", "IS_NOT_EMPTY")


def check_query(query: str, content: str) -> None:
    """Check a logical set's query against the set's content type.

    Raises:
        ApiError: 402269 when its first word is another content, 402270 when it does not parse.
    """
    head = _HEAD.fullmatch(query)
    if head is None:
        raise _unparsable(query)
    if head.group(1) != content:
        raise ApiError("402269")
    # A quoted value may hold anything: it is taken out before brackets are counted.
    bare = _QUOTED.sub("VALUE", head.group(2))
    if '"' in bare or not _balanced(bare):
        raise _unparsable(query)
    inside = bare[bare.index("(") + 1 : -1]
    for piece in re.split(r"\s+(?:AND|OR|NOT)\s+", inside):
        if not _good_condition(piece):
            raise _unparsable(query)


def _good_condition(piece: str) -> bool:
    text = _GROUP.sub("(", piece, count=1) if _GROUP.match(piece.strip(" (")) else piece
    text = text.strip()
    while text.startswith("("):
        text = text[1:].strip()
    while text.endswith(")") and text.count(")") > text.count("("):
        text = text[:-1].strip()
    condition = _CONDITION.fullmatch(text)
    if condition is None:
        return False
    return bool(condition["value"]) or condition["operator"] in _WITHOUT_VALUE


def _balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return depth == 0


def _unparsable(query: str) -> ApiError:
    return ApiError("402270", f"Failed parsing quer. {query}")
