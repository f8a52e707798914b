"""Regular expressions that are compiled when they are used first.

Compiling one takes 0.1 to 2 ms, and a short command uses few of those in the modules that it
imports. Use `late_pattern` in place of `re.compile` for a constant of a module.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    late_pattern = re.compile
else:

    class late_pattern:
        """A pattern that is compiled when an attribute of it is used."""

        def __init__(self, pattern, flags=0):
            self._arguments = (pattern, flags)

        def __getattr__(self, name: str) -> Any:
            value = getattr(re.compile(*self._arguments), name)
            # From now on it is found without this function.
            setattr(self, name, value)
            return value
