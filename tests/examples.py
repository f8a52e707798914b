"""How many examples property tests draw: few in an ordinary run, more where more time is given.

`ALMAFLOW_EXAMPLES=5 pytest` draws five times as many. Each run draws others.
"""

from __future__ import annotations

import os

FACTOR = float(os.environ.get("ALMAFLOW_EXAMPLES", "1"))


def examples(usual: int) -> int:
    """Return how many examples to draw where *usual* are drawn in an ordinary run."""
    return max(1, round(usual * FACTOR))
