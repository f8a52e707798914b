"""Work as a count, which is the same on every machine: how many functions are called."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType


def calls_made_by(function: Callable[[], object]) -> int:
    """Call *function* and return how many Python and C functions were called meanwhile."""
    count = 0

    def note(_: FrameType, event: str, __: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count
